import type { Place } from "@scidex/audit-core";
import { type Lane, type PublishedHeads, type ReportFinding, VerifierError } from "@scidex/audit-reader";
import { type Histories, noHistories, readHistories } from "../coverage/read-histories.ts";
import { describeShape, hasColumns, OWN_SHAPES, readShape, type TableShape } from "../coverage/shape.ts";
import type { Noted } from "./noted.ts";

/** What stands in the place of one of the chain's own tables. */
interface OwnTable {
  readonly name: keyof typeof OWN_SHAPES;
  readonly there: TableShape | null;
  readonly place: Place;
}

async function readOwnTable(lane: Lane, name: keyof typeof OWN_SHAPES): Promise<OwnTable> {
  // Given back at once: DDL on a catalog would queue behind its lock, and our other connection behind that DDL.
  return {
    name,
    place: lane.place,
    there: await lane.attempt(async (attempt) => await readShape(attempt, attempt.place.schema, name)),
  };
}

/** The table itself; null where it is not what it must be. */
const soundOf = ({ name, there }: OwnTable): TableShape | null => (hasColumns(there, OWN_SHAPES[name]) ? there : null);

/** The table itself; null where it is not what it must be, which is reported. */
export function orReport(table: OwnTable, noted: Noted): TableShape | null {
  const sound = soundOf(table);
  if (sound !== null) return sound;
  const { name, there, place } = table;
  noted.reportAlways({
    check: "relation_changed",
    expected: `a table with the columns ${OWN_SHAPES[name].map(([column, type]) => `${column} ${type}`).join(", ")}`,
    actual: describeShape(there),
    message: `${place.schema}.${name} is not the table that it was${there === null ? ": there is none. If init was given another schema, set AUDIT_SCHEMA" : ""}`,
  });
  return null;
}

/**
 * The chain's table; null where it is not what it must be, which is reported.
 *
 * @throws {VerifierError} `not_initialised`
 */
export async function readChainTable(
  lane: Lane,
  published: PublishedHeads | null,
  noted: Noted,
): Promise<TableShape | null> {
  const table = await readOwnTable(lane, "audit_chain");
  if (table.there === null && published === null)
    throw new VerifierError(
      "not_initialised",
      `There is no table ${lane.place.schema}.audit_chain in this database. Run audit-chain init, check the database URL, or set AUDIT_SCHEMA to the schema that init was given.`,
    );
  return orReport(table, noted);
}

/** The table of what waits to be linked; null where it is not what it must be, which is reported. */
export async function readPendingTable(lane: Lane, noted: Noted): Promise<TableShape | null> {
  return orReport(await readOwnTable(lane, "audit_chain_pending"), noted);
}

/** What is covered, by the configuration. */
export interface Configuration {
  readonly table: OwnTable;
  readonly histories: Histories;
}

/** Reads the configuration; what is left of it where its table, or that of the chain, is not what it must be. */
export async function readConfiguration(
  lane: Lane,
  chain: TableShape | null,
  report: ReportFinding,
): Promise<Configuration> {
  const table = await readOwnTable(lane, "audit_chain_config");
  const sound = soundOf(table);
  if (chain === null || sound === null) return { table, histories: noHistories(lane.place) };
  const histories = await lane.attempt(async (attempt) => await readHistories(attempt, chain, sound, report));
  return { table, histories };
}
