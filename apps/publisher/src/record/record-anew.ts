import {
  type Head,
  type HeadTrust,
  type LinkId,
  parseStatementLine,
  type PublisherKeys,
  type Seq,
  signStatement,
} from "@scidex/audit-core";
import { lookToRecord, type RecordingLook, type TableToRecord } from "@scidex/audit-verifier";
import type { Sink } from "@scidex/audit-sinks";
import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { chainStatement, configurationSize, linkAt, recordBatch } from "./doors.ts";

/** What recording anew rests on. */
export interface RecordingGround {
  readonly database: Sql;
  readonly keys: PublisherKeys;
  /** What trusts these keys. */
  readonly trust: HeadTrust;
  readonly sinks: readonly Sink[];
  /** The head that was signed last. */
  readonly last: Head;
  /** Up to which row of the configuration nothing is left to be recorded; null where that is not known. */
  readonly settled: Seq | null;
  readonly signal: AbortSignal | undefined;
}

/** What was recorded anew in one run. */
export interface Recording {
  /** Statements to be put into the sinks before the next head, each a line. */
  readonly lines: readonly string[];
  /** As in `RecordingGround`, from now on. */
  readonly settled: Seq | null;
  /** Tables of which rows are still to be recorded, and why that cannot be done. */
  readonly warnings: readonly string[];
}

/**
 * How often all is looked at. What one look finds is recorded, and the next one finds nothing to be recorded any more,
 * unless there are more rows than a look holds, or application and attacker go on.
 */
const MAX_LOOKS = 50;

/**
 * Records anew what was recorded of tables before their shape changed, and signs a statement of it for each table.
 *
 * A row that has a newer event is passed over by the door. What was recorded is looked at again before anything is signed,
 * together with the whole chain and the published heads: the statement stands for all `:record` events up to the last link
 * of that look, whoever has written them. A run that is killed has recorded some rows; the next one finds them there.
 *
 * A row that is not what was recorded keeps its table from being stated. The rows of the others stay as they were
 * recorded, and the verifier says which one it is.
 */
export async function recordAnew(ground: RecordingGround): Promise<Recording> {
  const size = await configurationSize(ground.database);
  if (size === ground.settled) return { lines: [], settled: ground.settled, warnings: [] };
  const look = await lookUntilRecorded(ground);
  const left = look.tables.filter((table) => whyNot(table, look) !== null);
  const lines: string[] = [];
  for (const table of look.tables) {
    if (whyNot(table, look) === null && look.last !== null) lines.push(await state(table, look, look.last, ground));
  }
  const warnings = left.map((table) => `${table.relation} was not recorded anew: ${whyNot(table, look) ?? ""}`);
  return { lines, settled: left.length === 0 ? size : null, warnings };
}

const whyNot = ({ problem, batches, isWhole }: TableToRecord, { divergences }: RecordingLook): string | null => {
  const [first] = divergences;
  if (first !== undefined) return `${first.check}: ${first.message}`;
  return problem ?? (batches.length > 0 || !isWhole ? "its rows change faster than they are recorded" : null);
};

async function lookUntilRecorded(ground: RecordingGround): Promise<RecordingLook> {
  const { database, keys, sinks, signal } = ground;
  const trust = { keys: [keys.log.vkey, keys.timestamp.vkey], origin: keys.origin, heads: sinks };
  for (let looks = 1; ; looks++) {
    requireUnstopped(signal);
    const look = await lookToRecord(database, trust, { signal });
    const tables = look.tables.filter(({ problem, batches }) => problem === null && batches.length > 0);
    if (look.last === null || look.divergences.length > 0 || tables.length === 0 || looks === MAX_LOOKS) return look;
    for (const table of tables) await recordTable(table, look.last.seq, ground);
  }
}

/** @param seen the last link of the look */
async function recordTable({ kind, batches }: TableToRecord, seen: Seq, ground: RecordingGround): Promise<void> {
  const changed = new Set<string>();
  let asOf = seen;
  for (const batch of batches) {
    requireUnstopped(ground.signal);
    const result = await recordBatch(ground.database, kind, batch, { asOf, changed });
    asOf = result.size;
    for (const key of result.changed) changed.add(key);
  }
}

async function state(
  table: TableToRecord,
  look: RecordingLook,
  last: LinkId,
  ground: RecordingGround,
): Promise<string> {
  const { keys, database, last: head } = ground;
  const { kind, compared, notCompared, changesNotCompared } = table;
  const line = signStatement({
    keys,
    time: BigInt(Math.floor(Date.now() / 1_000)),
    statement: {
      type: "recorded_anew",
      origin: keys.origin,
      systemIdentifier: look.server?.systemIdentifier ?? null,
      database: look.server?.database ?? database.options.database,
      kind,
      configuration: await linkAt(database, table.configuration),
      last,
      head: { seq: head.seq, chainHash: head.chainHash },
      compared,
      notCompared,
      changesNotCompared,
    },
  });
  await chainStatement(database, parseStatementLine(line, ground.trust).hash);
  return line;
}

function requireUnstopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new PublisherError("aborted", "stopped while rows were recorded anew; the next run goes on");
}
