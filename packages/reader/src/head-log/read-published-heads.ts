import {
  type Erasure,
  formatSeconds,
  type LinkRange,
  sameBytes,
  type Seconds,
  type Seq,
  type Statement,
  timestampName,
  toHex,
} from "@scidex/audit-core";
import { sinksThatAreOne } from "@scidex/audit-sinks";
import type { ReportFinding } from "../finding/finding.ts";
import type { HeadLog } from "./log-lines.ts";
import { type ReadLog, readHeadLog } from "./read-head-log.ts";
import type { PublishedHead } from "./published-head.ts";
import { checkSinks } from "./check-sinks.ts";
import { checkTree, type TreeScope } from "./check-tree.ts";
import { type NewestHead, newestOf } from "./cosignatures.ts";
import { type EarlierLog, joinLogs } from "./succession/earlier-logs.ts";
import { keysOf, type KeyTurn, shortKey } from "./succession/key-turns.ts";
import { treeOf } from "./tree-checkpoint.ts";
import type { LogTrust, Offered } from "./succession/succession.ts";
import type { KnownLog, VerifierState } from "./verifier-state.ts";

/** Everything that the published heads say, read and checked before the database is looked at. */
export interface PublishedHeads {
  /** In the order of seq; several of one seq only where their roots differ. The earliest signed of equal ones. */
  readonly heads: readonly PublishedHead[];
  /** Each once, in the order of signed time and then of `last.seq`. */
  readonly statements: readonly Statement[];
  /** What others have signed of rows that were erased: each once, and by whoever it is. */
  readonly erasures: readonly Erasure[];
  /** The names of the logs that were read. */
  readonly origins: ReadonlySet<string>;
  /** The sink that each head was read from. */
  readonly names: ReadonlyMap<PublishedHead, string>;
  /** By seq, the newest time at which a head of it was signed. */
  readonly lastSigned: ReadonlyMap<Seq, Seconds>;
  /** Logs that have ended, oldest first: `heads` has of each those up to where the chain is said to fit it. */
  readonly earlier: readonly EarlierLog[];
  /** Links whose times are known to be false. */
  readonly misdated: readonly LinkRange[];
  /** Where keys were replaced within a log, each once, oldest first. */
  readonly turns: readonly KeyTurn[];
  /** Keys of logs that have been replaced by the sinks or the policy, as vkeys. */
  readonly retired: ReadonlySet<string>;
  /** Beginnings of other logs that the policy does not have. */
  readonly offered: readonly Offered[];
  /** The head that was signed last; null for none. */
  readonly newest: NewestHead | null;
  /** The newest signed time of a head, or of a log's beginning. */
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
  trust: LogTrust,
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
      const tree = treeOf(log, one);
      if (tree !== undefined) await checkTree(tree.tree, tree.trust, treeScope, report);
    } catch (error) {
      doubts.push(`the sink ${log.name} could not be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const { name, converted, lines } of read)
    if (converted > 0)
      doubts.push(
        `${name} was converted: ${converted} of its ${lines} lines have the line ends (or byte order mark) of another system. They were read without them. Turn that off (for git: "* -text" in .gitattributes) and convert it back, for example with dos2unix: the publisher does not append to it`,
      );
  const warnings = [
    ...read.flatMap((log) => log.warnings),
    ...logs.flatMap((log) => log.warnings?.() ?? []),
    ...checkSinks(read, state.sinks, report),
  ];
  const joined = joinLogs(read);
  reportMissing(trust, read, report);
  reportMissingTurns(trust, read, report);
  const names = new Map<PublishedHead, string>();
  const heads: PublishedHead[] = [];
  for (const log of read) {
    for (const head of joined.headsOf(log)) {
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
    for (let i = unique.length - 1; i >= 0; i--) {
      const other = unique[i];
      if (other?.seq !== head.seq) break;
      if (!sameBytes(other.root, head.root)) continue;
      isNew = false;
      if (head.logKeys.every((key) => other.logKeys.includes(key))) continue;
      // Whoever has signed it later has signed the same tree.
      const both = { ...other, logKeys: [...new Set([...other.logKeys, ...head.logKeys])] };
      names.set(both, names.get(other) ?? "");
      unique[i] = both;
    }
    if (isNew) unique.push(head);
  }
  const turns = distinctTurns(read.flatMap(({ parts }) => parts.flatMap((part) => part.turns)));
  return {
    heads: unique,
    statements: distinct(joined.statements),
    erasures: [...new Map(joined.erasures.map((one) => [toHex(one.hash), one])).values()],
    origins: new Set([
      ...trust.verifiers
        .filter(({ name, type }) => type === 1 && (trust.origin ?? name) === name)
        .map(({ name }) => name),
      ...joined.earlier.map(({ beginning }) => beginning.origin),
    ]),
    names,
    lastSigned,
    earlier: joined.earlier,
    misdated: joined.misdated,
    turns,
    retired: new Set([
      ...turns.flatMap((turn) => turn.retired.logKeys),
      ...(trust.retired ?? []).map(({ key }) => key),
    ]),
    offered: distinctOffers(read.flatMap(({ offered }) => offered)),
    newest: newestOf(read.map((log) => log.newest)),
    newestTime: [...heads, ...joined.earlier.map(({ beginning }) => beginning)].reduce<Seconds | null>(
      (newest, { signedTime }) => (newest === null || signedTime > newest ? signedTime : newest),
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

const distinctOffers = (offers: readonly Offered[]): Offered[] => [
  ...new Map(offers.map((offer) => [toHex(offer.beginning.hash), offer])).values(),
];

/** Whoever takes a beginning out of every sink, with what follows it, brings an ended log back. */
function reportMissing({ followed = new Set() }: LogTrust, logs: readonly ReadLog[], report: ReportFinding): void {
  // To whoever has come to the last one, those before it belong.
  const last = [...followed].at(-1);
  const isFollowed = ({ parts }: ReadLog): boolean =>
    parts.some(({ beginning }) => beginning !== undefined && toHex(beginning.hash) === last);
  if (last === undefined || logs.length === 0 || logs.some(isFollowed)) return;
  report({
    check: "sink_rewound",
    expected: last,
    message: `no sink holds the beginning of the log that the policy has as the last, where it belongs: its statement has the hash ${last}`,
  });
}

function distinctTurns(turns: readonly KeyTurn[]): KeyTurn[] {
  const byPlace = new Map(turns.map((turn) => [`${turn.signedTime} ${turn.seq} ${keysOf(turn.next).join(" ")}`, turn]));
  return [...byPlace.values()].toSorted((a, b) => (a.signedTime < b.signedTime ? -1 : 1));
}

/** Whoever holds an old key and every sink could else go back to before it was replaced. */
function reportMissingTurns({ retired = [] }: LogTrust, logs: readonly ReadLog[], report: ReportFinding): void {
  const parts = logs.flatMap((log) => log.parts);
  for (const { key, last, at } of retired) {
    const [name = ""] = key.split("+", 1);
    if (!parts.some(({ origin }) => origin === undefined || origin === name || timestampName(origin) === name))
      continue;
    const isThere = ({ seq, signedTime, retired: keys }: KeyTurn): boolean =>
      seq === last && signedTime === at && keysOf(keys).includes(key);
    if (parts.some(({ turns }) => turns.some(isThere))) continue;
    report({
      check: "sink_rewound",
      seq: last,
      expected: `${last} links at ${formatSeconds(at)}`,
      message: `no sink holds the head with which ${shortKey(key)} was replaced, by the policy: of ${last} links, signed at ${formatSeconds(at)}, by it and by the keys after it`,
    });
  }
}

/** Sinks that are one: two of them prove no more than one does. */
async function findSame(logs: readonly HeadLog[]): Promise<string[]> {
  const placed = logs.flatMap((log) => (log.place === undefined ? [] : [{ place: async () => await log.place?.() }]));
  return (await sinksThatAreOne(placed)).map(
    ({ first, second, why }) =>
      `${first} and ${second} are one sink: ${why}. Whoever edits one has edited the other: give each a place of its own`,
  );
}
