import { keyExpression } from "@scidex/audit-schema";
import { compareBytes } from "./byte-order.ts";
import {
  CONFIG_COLUMNS,
  CONFIG_KIND,
  CONFIG_OF_CONFIG,
  type Config,
  decodeConfig,
  historiesOf,
  type KindHistory,
  splitRelation,
} from "./config.ts";
import { Cursor } from "./cursor.ts";
import { VerifierError } from "./errors.ts";
import type { Report } from "./finding.ts";
import type { KeyEvent, KeyGroup } from "./key-group.ts";
import {
  isInOrder,
  type KeyedEvent,
  readEventsByKey,
  readShape,
  readSource,
  type SourceRow,
  type TableShape,
} from "./read-chain.ts";
import { isRefused } from "./refused.ts";
import { SourceChecker } from "./sources.ts";
import type { Lane, Snapshot } from "./snapshot.ts";

/** What the comparison of all tables with the chain found beside findings. */
export interface TablesResult {
  /** Why something could not be judged. */
  readonly unproven: string[];
  readonly eventsWithoutSource: bigint;
}

/** The configuration as it stands in the database, with the seq of each row's link. Kinds with their histories. */
export async function readHistories(lane: Lane): Promise<Map<string, KindHistory>> {
  const seqs = new Map<string, bigint>();
  const links = Cursor.binary(
    await lane.copy(
      `select c.seq, c.event_pk from only public.audit_chain as c where c.event_kind = '${CONFIG_KIND}'`,
      "binary",
    ),
    2,
    (f) => [f[1]?.toString("utf8") ?? "", f[0] != null && f[0].length === 8 ? f[0].readBigInt64BE(0) : 0n] as const,
  );
  for (let link = await links.next(); link !== undefined; link = await links.next()) seqs.set(link[0], link[1]);
  const names = CONFIG_COLUMNS.map((name) => `c.${name}`).join(", ");
  const rows = Cursor.text(
    await lane.copy(`select ${names} from only public.audit_chain_config as c`, "text"),
    (fields) => decodeConfig(fields, (id) => seqs.get(id) ?? null),
  );
  const configs: Config[] = [];
  for (let row = await rows.next(); row !== undefined; row = await rows.next()) if (row !== null) configs.push(row);
  const histories = historiesOf(configs);
  histories.set(CONFIG_KIND, { kind: CONFIG_KIND, configs: [CONFIG_OF_CONFIG], current: CONFIG_OF_CONFIG });
  return histories;
}

/** Options of `checkTables`. */
export interface CheckTablesOptions {
  readonly histories: ReadonlyMap<string, KindHistory>;
  /** Whether tables are compared at all, or only events with each other (duplicates). */
  readonly sources: boolean;
  /** Whether pending can be read. */
  readonly pending: boolean;
  readonly range: { readonly from: bigint; readonly to: bigint } | undefined;
  readonly reportLinks: Report;
  readonly reportSources: Report;
}

/**
 * Walks all events in the order of kind and key, once, and with them each audited table in the order of its keys.
 */
export async function checkTables(snapshot: Snapshot, options: CheckTablesOptions): Promise<TablesResult> {
  const unproven: string[] = [];
  const kinds = [...options.histories.keys()].toSorted(compareBytes);
  const events = await readEventsByKey(snapshot[0], kinds, options.pending, options.reportLinks);
  const groups = new GroupReader(events, options.reportLinks);
  await groups.next();
  let withoutSource = 0n;
  for (const kind of kinds) {
    while (groups.current !== undefined && compareBytes(groups.current.kind, kind) < 0) {
      withoutSource += BigInt(groups.current.links);
      await groups.next();
    }
    const history = options.histories.get(kind);
    if (history !== undefined && options.sources) {
      const problem = await checkTableOrSay(snapshot[1], history, groups, options);
      if (problem !== null) unproven.push(problem);
    }
    while (groups.current?.kind === kind) await groups.next();
  }
  while (groups.current !== undefined) {
    withoutSource += BigInt(groups.current.links);
    await groups.next();
  }
  return { unproven, eventsWithoutSource: withoutSource };
}

/** As `checkTable`; a table that may not or cannot be read is a reason too. */
async function checkTableOrSay(
  lane: Lane,
  history: KindHistory,
  groups: GroupReader,
  options: CheckTablesOptions,
): Promise<string | null> {
  const { relation } = history.current;
  const place = splitRelation(relation);
  try {
    const shape = place === null ? null : await readShape(lane, place.schema, place.name);
    return await checkTable(lane, history, shape, groups, options);
  } catch (error) {
    if (!isRefused(error)) throw error;
    return `${relation} could not be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Compares one table with its events. Returns why it could not be judged, or null. */
async function checkTable(
  lane: Lane,
  history: KindHistory,
  shape: TableShape | null,
  groups: GroupReader,
  options: CheckTablesOptions,
): Promise<string | null> {
  const { current } = history;
  const place = splitRelation(current.relation);
  if (place === null || shape === null || (shape.relkind !== "r" && shape.relkind !== "p")) {
    options.reportSources({
      check: "source_missing",
      event_kind: history.kind,
      expected: "a table",
      actual: shape === null ? "nothing of that name" : `a relation of the kind ${shape.relkind}`,
      message: `${current.relation} is not there as a table any more`,
    });
    return null;
  }
  const live = new Set(shape.columns.keys());
  const checker = new SourceChecker(history, live, options.range, options.reportSources);
  const key = liveKey(history, live);
  if (key === null)
    return `${current.relation}: its key columns (${current.keyColumns.join(", ")}) are not there any more; run audit-chain attach`;
  const covered = [...live].filter((column) => !current.excluded.includes(column));
  await lane.attempt(async (attempt) => {
    const table = { ...place, isPartitioned: shape.relkind === "p" };
    const rows = await readSource(attempt, table, keyExpression(key), covered);
    await rows.next();
    await merge(history.kind, groups, rows, checker);
  });
  const { tally } = checker;
  const drift = current.columns.filter((column) => !live.has(column));
  if (tally.unprovable > 0)
    return `${current.relation}: ${tally.unprovable} rows cannot be recomputed since a recorded schema change (${tally.excuse ?? "unknown"})`;
  if (drift.length > 0)
    return `${current.relation}: the columns ${drift.join(", ")} are gone and the change is not recorded; run audit-chain attach ${current.relation}`;
  if (tally.unchainedYet > 0)
    return `${current.relation}: ${tally.unchainedYet} rows are not chained yet; run audit-backfill ${current.relation}`;
  return null;
}

/** The key columns under the names that they have now; null where one is gone. */
function liveKey(history: KindHistory, live: ReadonlySet<string>): string[] | null {
  return history.current.keyColumns.every((column) => live.has(column)) ? [...history.current.keyColumns] : null;
}

/** Merges events and rows of one kind, both in the order of their keys. */
async function merge(
  kind: string,
  groups: GroupReader,
  rows: Cursor<SourceRow>,
  checker: SourceChecker,
): Promise<void> {
  let row = rows.current;
  let before: SourceRow | undefined;
  for (;;) {
    const group = groups.current?.kind === kind ? groups.current : undefined;
    if (row === undefined && group === undefined) return;
    const order = row === undefined ? -1 : group === undefined ? 1 : compareBytes(group.key, row.key);
    if (order < 0 && group !== undefined) {
      checker.onlyChained(group);
      await groups.next();
      continue;
    }
    if (row === undefined) return;
    if (order > 0) checker.onlyThere(row.key);
    else if (group !== undefined) {
      checker.both(group, row.texts);
      await groups.next();
    }
    before = row;
    if (!rows.step()) await rows.fill();
    row = rows.current;
    if (row !== undefined && !isInOrder(before, row))
      throw new VerifierError("protocol", "the server did not return rows in the order asked for");
  }
}

/** Joins the events of one key: its newest one, and how many there are. Reports events that are there twice. */
class GroupReader {
  readonly #events: Cursor<KeyedEvent>;
  readonly #report: Report;
  #current: KeyGroup | undefined;

  constructor(events: Cursor<KeyedEvent>, report: Report) {
    this.#events = events;
    this.#report = report;
  }

  get current(): KeyGroup | undefined {
    return this.#current;
  }

  async next(): Promise<KeyGroup | undefined> {
    let event = this.#events.current ?? (await this.#events.next());
    if (event === undefined) {
      this.#current = undefined;
      return undefined;
    }
    const { kind, key } = event;
    let newest: KeyEvent = event;
    let links = 0;
    let first: bigint | null = null;
    while (event !== undefined && event.kind === kind && event.key === key) {
      const isFirstOfKey = event.eventKind === kind && event.op !== "update" && event.op !== "delete";
      if (isFirstOfKey && first !== null && event.seq !== null) {
        this.#report({
          check: "duplicate",
          seq: event.seq,
          event_kind: event.eventKind,
          event_pk: event.eventPk,
          message: `the event is chained twice, first at seq ${first}`,
        });
      } else if (event.seq !== null || event.op !== "event" || links === 0) {
        // A row of a table that refuses changes has one event: what is pending under the same key does not replace it.
        newest = event;
      }
      if (isFirstOfKey && event.seq !== null) first ??= event.seq;
      if (event.seq !== null) links++;
      const before: KeyedEvent = event;
      if (!this.#events.step()) await this.#events.fill();
      event = this.#events.current;
      if (event !== undefined && !isInOrder(before, event))
        throw new VerifierError("protocol", "the server did not return events in the order asked for");
    }
    this.#current = { kind, key, newest, links };
    return this.#current;
  }
}
