import {
  type Head,
  type HeadTrust,
  type LinkId,
  parseStatementLine,
  type PublisherKeys,
  type RecordedAnew,
  signStatement,
} from "@scidex/audit-core";
import {
  hasChangedShape,
  lookToRecord,
  type Policy,
  type RecordingLook,
  type TableToRecord,
} from "@scidex/audit-verifier";
import type { Sink } from "@scidex/audit-sinks";
import type { Sql } from "postgres";
import type { FirstLog } from "../state/log-history.ts";
import { signing } from "../state/signing.ts";
import { inTransaction } from "../transaction.ts";
import { chainStatement, linkAt, newestConfiguration } from "./doors.ts";
import { requireUnstopped, RowRecorder } from "./row-recorder.ts";

/** What recording anew rests on. */
export interface RecordingGround {
  readonly database: Sql;
  readonly keys: PublisherKeys;
  /** What trusts these keys. */
  readonly trust: HeadTrust;
  /** What logs before this one are read by: what they have stated goes on to count. Null where there are none. */
  readonly since: Pick<FirstLog, "origin" | "keys" | "followed"> | null;
  readonly sinks: readonly Sink[];
  /** The head that was signed last. */
  readonly last: Head;
  /** Up to which row of the configuration nothing is left to be recorded; null where that is not known. */
  readonly settled: bigint | null;
  /** Links what waits to be linked: of a row with a change that waits nothing can be told. */
  readonly seal: () => Promise<unknown>;
  /** The auditor's: what it accepts keeps no table from being recorded. */
  readonly policy: Policy | null;
  readonly signal: AbortSignal | undefined;
}

/** What was recorded anew in one run. */
export interface Recording {
  /** Statements to be put into the sinks before the next head, each a line. */
  readonly lines: readonly string[];
  /** As in `RecordingGround`, from now on. */
  readonly settled: bigint | null;
  /** Tables of which rows are still to be recorded, and why that cannot be done. */
  readonly warnings: readonly string[];
}

/**
 * How often all is looked at. What one look finds is recorded, and the next one finds nothing to be recorded any more,
 * unless there are more rows than a look holds, or they go on changing. The next run goes on.
 */
const MAX_LOOKS = 5;

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
  const newest = await newestConfiguration(ground.database);
  if (newest === ground.settled) return { lines: [], settled: ground.settled, warnings: [] };
  if (!(await inTransaction(ground.database, "read only", hasChangedShape)))
    return { lines: [], settled: newest, warnings: [] };
  const look = await lookUntilRecorded(ground);
  const { last, doubt } = look;
  if (doubt !== null || last === null)
    return { lines: [], settled: null, warnings: [`no rows were recorded anew: ${doubt ?? "there is no chain"}`] };
  const left = look.tables.filter((table) => whyNot(table, look) !== null);
  const lines: string[] = [];
  for (const table of look.tables) {
    if (whyNot(table, look) === null) lines.push(await state(table, look, last, ground));
  }
  const warnings = left.map((table) => `${table.relation} was not recorded anew: ${whyNot(table, look) ?? ""}`);
  return { lines, settled: left.length + look.divergences.length === 0 ? newest : null, warnings };
}

const whyNot = ({ problem, batches, isWhole }: TableToRecord, { divergences }: RecordingLook): string | null => {
  const [first] = divergences;
  if (first !== undefined) return `${first.check}: ${first.message}`;
  return problem ?? (batches.length > 0 || !isWhole ? "its rows change faster than they are recorded" : null);
};

async function lookUntilRecorded(ground: RecordingGround): Promise<RecordingLook> {
  const { database, keys, since, sinks, signal } = ground;
  // What was approved is not ours to judge; what may be missing, and what was accepted, is no problem of a table.
  // Which logs are followed, we know ourselves.
  const policy = ground.policy && { ...ground.policy, approved: undefined, logs: undefined };
  const trust = {
    policy,
    origin: since?.origin ?? keys.origin,
    keys: [...(since?.keys ?? []), ...ground.trust.verifiers.map(({ vkey }) => vkey)],
    followed: since?.followed,
    heads: sinks,
  };
  for (let looks = 1; ; looks++) {
    requireUnstopped(signal);
    await ground.seal();
    const recorder = new RowRecorder(database, signal);
    // What is handed over has to be looked at again before it is stated.
    const beside = looks < MAX_LOOKS ? recorder : undefined;
    let look: RecordingLook;
    try {
      look = await lookToRecord(database, trust, { signal, recorder: beside, isFirst: looks === 1 });
    } finally {
      // Nothing is left behind in the database where the look has failed.
      await recorder.finish();
    }
    const { last, doubt, divergences, tables } = look;
    const isWaiting = tables.some((table) => table.isWaiting);
    const isEnd = last === null || doubt !== null || divergences.length > 0 || looks === MAX_LOOKS;
    if (!isEnd)
      for (const { kind, batches, problem, ...table } of tables)
        if (problem === null || table.isWaiting) for (const batch of batches) recorder.take(kind, batch, last.seq);
    const rows = await recorder.finish();
    if (isEnd || (rows === 0 && !isWaiting)) return look;
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
  // Lines follow each other in time, also where the clock is put back.
  const time = max(BigInt(Math.floor(Date.now() / 1_000)), head.signedTime);
  const statement: RecordedAnew = {
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
  };
  const line = await signing(() => signStatement({ keys, statement, time }));
  await chainStatement(database, parseStatementLine(line, ground.trust).hash);
  return line;
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
