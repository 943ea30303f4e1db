import { type HeadTrust, sameBytes, type Seconds, type Seq, type Statement, toHex } from "@scidex/audit-core";
import { sinksThatAreOne } from "@scidex/audit-sinks";
import type { ReportFinding } from "../finding/finding.ts";
import type { HeadLog } from "./log-lines.ts";
import { type ReadLog, readHeadLog } from "./read-head-log.ts";
import type { PublishedHead } from "./published-head.ts";
import { checkSinks } from "./check-sinks.ts";
import { checkTree, type TreeScope } from "./check-tree.ts";
import type { KnownLog, VerifierState } from "./verifier-state.ts";

/** Everything that the published heads say, read and checked before the database is looked at. */
export interface PublishedHeads {
  /** In the order of seq; several of one seq only where their roots differ. The earliest signed of equal ones. */
  readonly heads: readonly PublishedHead[];
  /** Each once, in the order of signed time and then of `last.seq`. */
  readonly statements: readonly Statement[];
  /** The sink that each head was read from. */
  readonly names: ReadonlyMap<PublishedHead, string>;
  /** By seq, the newest time at which a head of it was signed. */
  readonly lastSigned: ReadonlyMap<Seq, Seconds>;
  /** The newest signed time of a head. */
  readonly newestTime: Seconds | null;
  /** What the sinks hold now, for the state file. */
  readonly known: ReadonlyMap<string, KnownLog>;
  readonly warnings: readonly string[];
  /** Why not all sinks could be read and relied on. */
  readonly doubts: readonly string[];
}

/**
 * Reads all logs, checks each line and the logs against each other and against what is known of them.
 *
 * @param treeScope how much of the trees is looked at that sinks keep beside their lines
 */
export async function readPublishedHeads(
  logs: readonly HeadLog[],
  trust: HeadTrust,
  state: VerifierState,
  report: ReportFinding,
  treeScope: TreeScope = "edge",
): Promise<PublishedHeads> {
  const read: ReadLog[] = [];
  const doubts = await findSame(logs);
  for (const log of logs) {
    try {
      const one = await readHeadLog(log, trust, state.sinks.get(log.name)?.lines ?? 0, report);
      read.push(one);
      if (log.files !== undefined)
        await checkTree({ name: log.name, files: log.files, last: one.heads.at(-1) }, trust, treeScope, report);
    } catch (error) {
      doubts.push(`the sink ${log.name} could not be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const { name, converted, lines } of read)
    if (converted > 0)
      doubts.push(
        `${name} was converted: ${converted} of its ${lines} lines have the line ends (or byte order mark) of another system. They were read without them. Turn that off (for git: "* -text" in .gitattributes) and convert it back, for example with dos2unix: the publisher does not append to it`,
      );
  const warnings = [...read.flatMap((log) => log.warnings), ...checkSinks(read, state.sinks, report)];
  const names = new Map<PublishedHead, string>();
  const heads: PublishedHead[] = [];
  for (const log of read) {
    for (const head of log.heads) {
      names.set(head, log.name);
      heads.push(head);
    }
  }
  heads.sort((a, b) =>
    a.seq !== b.seq ? (a.seq < b.seq ? -1 : 1) : a.signedTime < b.signedTime ? -1 : a.signedTime > b.signedTime ? 1 : 0,
  );
  const unique: PublishedHead[] = [];
  const lastSigned = new Map<Seq, Seconds>();
  for (const head of heads) {
    lastSigned.set(head.seq, head.signedTime);
    let isNew = true;
    for (let i = unique.length - 1; unique[i]?.seq === head.seq; i--)
      if (sameBytes(unique[i]?.root ?? head.root, head.root)) isNew = false;
    if (isNew) unique.push(head);
  }
  return {
    heads: unique,
    statements: distinct(read.flatMap(({ statements }) => statements)),
    names,
    lastSigned,
    newestTime: heads.reduce<Seconds | null>(
      (newest, head) => (newest === null || head.signedTime > newest ? head.signedTime : newest),
      null,
    ),
    known: new Map(read.map((log) => [log.name, { lines: log.lines, digest: log.digest }])),
    warnings,
    doubts,
  };
}

function distinct(statements: readonly Statement[]): Statement[] {
  const byHash = new Map(statements.map((statement) => [toHex(statement.hash), statement]));
  return [...byHash.values()].toSorted(
    (a, b) => Number(a.signedTime - b.signedTime) || Number(a.last.seq - b.last.seq),
  );
}

/** Sinks that are one: two of them prove no more than one does. */
async function findSame(logs: readonly HeadLog[]): Promise<string[]> {
  const placed = logs.flatMap((log) => (log.place === undefined ? [] : [{ place: async () => await log.place?.() }]));
  return (await sinksThatAreOne(placed)).map(
    ({ first, second, why }) =>
      `${first} and ${second} are one sink: ${why}. Whoever edits one has edited the other: give each a place of its own`,
  );
}
