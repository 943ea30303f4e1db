import { compareBytes } from "./byte-order.ts";
import { isDropped, type KindHistory, splitRelation } from "../coverage/config.ts";
import { keepsTexts, keyEpochs } from "../coverage/key-epochs.ts";
import {
  type Cursor,
  type Lane,
  lockAgainstRewriting,
  readColumnTypes,
  type ReportFinding,
  REWRITTEN,
  Sorter,
  TypeBoundError,
} from "@scidex/audit-reader";
import { type Generation, isSettled } from "../coverage/generations.ts";
import { earlierKey } from "./rekeyed/earlier-keys.ts";
import { KeyAccounts } from "./rekeyed/key-accounts.ts";
import { mergeRekeyed } from "./rekeyed/merge-rekeyed.ts";
import type { GroupReader } from "./group-reader.ts";
import type { KeyGroup } from "./key-group.ts";
import type { KindTally } from "./kind-tally.ts";
import { type LiveColumns, type Recomputations, recomputations } from "./payload.ts";
import { readSecret } from "../coverage/read-secret.ts";
import { readSource, type SourceRow } from "./source/read-source.ts";
import { readLeaves, readShape, type TableShape } from "../coverage/shape.ts";
import { type ComparisonGround, type SourceTally } from "./comparison.ts";
import { SourceChecker } from "./source-checker.ts";

/** Why a table could not be judged, and whether another look may be able to. */
export interface TableProblem {
  readonly reason: string;
  readonly isTransient: boolean;
}

const lasting = (reason: string | null): TableProblem | null =>
  reason === null ? null : { reason, isTransient: false };

/** A table that can be compared with its events, and how its rows can be recomputed. */
export interface OpenTable extends Recomputations {
  readonly shape: TableShape;
  /** What its keys are blinded with; null where events have them as they are. */
  readonly secret: Uint8Array | null;
  /** Its kind, under which the salts of its payloads are kept; null where these are not salted. */
  readonly salted: string | null;
  readonly live: LiveColumns;
}

/**
 * Locks a table against being rewritten and works out how to read it; null where it is missing, which is reported.
 *
 * @param isRewritten takes the lock, and tells whether the table was rewritten before
 */
export async function openTable(
  lane: Lane,
  history: KindHistory,
  report: ReportFinding,
  isRewritten: typeof lockAgainstRewriting = lockAgainstRewriting,
): Promise<OpenTable | TableProblem | null> {
  const { current } = history;
  const place = splitRelation(current.relation);
  const shape = place === null ? null : await readShape(lane, place.schema, place.name);
  const missing = whyNoTable(shape);
  if (place === null || shape === null || missing !== null) {
    report({
      check: "source_missing",
      eventKind: history.kind,
      expected: "a table",
      actual: missing ?? "nothing of that name",
      message: `${current.relation} is not there as a table any more. If a migration has renamed, moved or dropped it, run audit-chain sync`,
    });
    return null;
  }
  if (await isRewritten(lane, place.schema, place.name))
    return { reason: `${current.relation}: ${REWRITTEN}`, isTransient: true };
  if (!current.keyColumns.every((column) => shape.columns.has(column)))
    return lasting(
      `${current.relation}: its key columns (${current.keyColumns.join(", ")}) are not there any more; run audit-chain sync`,
    );
  if (history.configs.some(({ salt }) => salt !== current.salt))
    return lasting(`${current.relation}: whether its payloads are salted was changed, which no honest command does`);
  const secret = current.blindKey ? await readSecret(lane, history.kind) : null;
  if (current.blindKey && secret === null)
    return lasting(`${current.relation}: the secret of its blinded keys is missing`);
  try {
    const types = await readColumnTypes(lane, shape.oid);
    const retyped = retypedKey(history, types);
    if (retyped !== null) return lasting(retyped);
    const ways = recomputations(history, types);
    const leaves = shape.relkind === "p" ? { leaves: await readLeaves(lane, shape) } : {};
    const salted = current.salt ? history.kind : null;
    return { shape: { ...shape, ...leaves }, secret, salted, live: types, ...ways };
  } catch (error) {
    if (!(error instanceof TypeBoundError)) throw error;
    return lasting(`${current.relation}: ${error.message}`);
  }
}

/** A table that was compared with its events. */
export interface ComparedTable {
  readonly tally: SourceTally;
  readonly problem: TableProblem | null;
}

/** Compares one table with its events. Returns what came of it, or why it could not be; null where there is no more to say. */
export async function checkTable(
  lane: Lane,
  history: KindHistory,
  groups: GroupReader,
  ground: Omit<ComparisonGround, "keys">,
  report: ReportFinding,
  tally: KindTally,
): Promise<ComparedTable | TableProblem | null> {
  if (isDropped(history.current)) {
    await passOver(history.kind, groups);
    return null;
  }
  const table = await openTable(lane, history, report);
  if (table === null || "reason" in table) return table;
  const epochs = keyEpochs(history);
  const open = epochs.filter(({ since }) => since > 0n && !isSettled(ground.generations, since));
  // Events of a window do not tell which of its rows had which key before.
  if (open.length > 0 && !ground.range.ofWhole)
    return lasting(`${history.current.relation}: its key was changed, and its rows are not recorded anew yet`);
  const earlier = epochs
    .slice(0, -1)
    .toReversed()
    .slice(0, open.length)
    .map((epoch) => earlierKey(history, epoch, table.live, table.secret));
  const compared = { ...ground, keys: { epochs: epochs.length, open: open.length } };
  const checker = new SourceChecker(history, table.ways, compared, report);
  const accounts = new KeyAccounts(history, table.ways, compared, checker.tally, report);
  const sorter = new Sorter();
  try {
    const rows = await readSource(lane, table, history.current.keyColumns, sorter, earlier);
    await rows.next();
    if (earlier.length > 0) await mergeRekeyed(history.kind, groups, rows, { checker, accounts }, earlier);
    else await merge(history.kind, groups, rows, checker);
    for (let group = groups.current; group?.kind === history.kind; group = await groups.next()) checker.changes(group);
    ground.retention?.finish();
  } finally {
    sorter.close();
  }
  tally.compared(history.kind, checker.tally.matched);
  return { tally: checker.tally, problem: lasting(verdict(history, table.shape, checker.tally, ground.generations)) };
}

/** Events of a table that has been dropped, which is a finding of its own until it is approved. */
async function passOver(kind: string, groups: GroupReader): Promise<void> {
  while (groups.current?.kind === kind) await groups.next();
}

function whyNoTable(shape: TableShape | null): string | null {
  if (shape === null) return "nothing of that name";
  if (shape.relkind !== "r" && shape.relkind !== "p") return `a relation of the kind ${shape.relkind}`;
  if (shape.foreign.length > 0)
    return `a table with partitions that are foreign tables: ${shape.foreign.slice(0, 10).join(", ")}`;
  return null;
}

/** Whether a key column has got a type that prints other texts, and nobody has said so yet. */
function retypedKey({ current }: KindHistory, live: LiveColumns): string | null {
  for (const column of current.keyColumns) {
    // The configuration of the configuration names no types.
    const [before, now] = [current.columnTypes[current.columns.indexOf(column)], live.get(column) ?? ""];
    if (before !== undefined && !keepsTexts(before, now))
      return `${current.relation}: the type of its key column ${column} was changed from ${before} to ${now}; run audit-chain sync ${current.relation}`;
  }
  return null;
}

/**
 * Columns that a configuration left out without excluding them, although they are there. Capture never does that while a
 * column exists: it was dropped and made again, or the configuration was written past `attach`.
 */
function lostColumns({ configs }: KindHistory, shape: TableShape, generations: readonly Generation[]): string[] {
  const lost = new Set<string>();
  const comparedUnder = generations.at(-1)?.statement.configuration.seq ?? -1n;
  for (const [i, config] of configs.entries()) {
    const before = configs[i - 1];
    // What had been recorded until then was recorded anew.
    if ((config.seq ?? 0n) <= comparedUnder) continue;
    for (const [n, column] of (before?.columns ?? []).entries()) {
      if (config.members.includes(before?.members[n] ?? column)) continue;
      if (![...config.columns, ...config.excluded].includes(column) && shape.columns.has(column)) lost.add(column);
    }
  }
  return [...lost];
}

/** What keeps a table from being judged altogether, or null. */
export function verdict(
  history: KindHistory,
  shape: TableShape,
  tally: SourceTally,
  generations: readonly Generation[] = [],
): string | null {
  const { current } = history;
  if (tally.unprovable > 0)
    return `${current.relation}: ${tally.unprovable} rows cannot be recomputed since the schema was changed (${tally.excuse ?? "unknown"})`;
  if (tally.unrecorded > 0)
    return `${current.relation}: ${tally.unrecorded} rows have values in columns that joined after them, or were written before a change of types was taken in, and are not recorded yet`;
  if (tally.incomparable > 0)
    return `${current.relation}: ${tally.incomparable} changes cannot be compared with what was recorded before them, because the schema was changed in between`;
  const gone = current.columns.filter((column) => !shape.columns.has(column));
  if (gone.length > 0)
    return `${current.relation}: the columns ${gone.join(", ")} are gone and the change is not recorded; run audit-chain sync ${current.relation}`;
  const lost = lostColumns(history, shape, generations);
  if (lost.length > 0)
    return `${current.relation}: rows were captured without ${lost.join(", ")}, which earlier rows have: dropped and made again, or left out`;
  if (tally.notCaptured > 0)
    return `${current.relation}: ${tally.notCaptured} rows are not chained: it is another table than the one that was attached. If a migration has put it there, run audit-chain sync`;
  if (tally.unchainedYet > 0)
    return `${current.relation}: ${tally.unchainedYet} rows are not chained yet; run audit-backfill ${current.relation}`;
  return null;
}

/** Merges events and rows of one kind, both in the order of their keys. */
async function merge(
  kind: string,
  groups: GroupReader,
  rows: Cursor<SourceRow>,
  checker: SourceChecker,
): Promise<void> {
  let row = rows.current;
  let walked: KeyGroup | undefined;
  for (;;) {
    const group = groups.current?.kind === kind && groups.current.epoch === 0 ? groups.current : undefined;
    if (row === undefined && group === undefined) return;
    if (group !== undefined && group !== walked) checker.changes(group);
    walked = group;
    const order =
      row === undefined ? -1 : group === undefined || row.key === null ? 1 : compareBytes(group.key, row.key);
    if (order < 0 && group !== undefined) {
      checker.onlyChained(group);
      await groups.next();
      continue;
    }
    if (row === undefined) return;
    if (order > 0 || group === undefined) checker.onlyThere(row.key, row.hashes);
    else {
      checker.both(group, row.hashes);
      await groups.next();
    }
    if (!rows.step()) await rows.fill();
    row = rows.current;
  }
}
