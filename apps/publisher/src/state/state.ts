/**
 * The publisher's memory, beside its key file. What it has signed is believed from here and from nowhere else: neither
 * the database nor a sink can make it sign what does not extend that.
 *
 *     {"version":1,
 *      "origin":"scidex.ai/audit-chain",
 *      "log":{"lines":12,"digest":"<64 hex>"},       every line ever signed: their number and running digest
 *      "head":"<the last head of these>",            null before the first publication
 *      "server":{"system_identifier":"7312…","database":"scidex"},  where the chain was that it is of; null as before
 *      "begun":{"line":"<the beginning>","number":9,   where this log begins; left out of the first one's state
 *        "since":{"origin":"…","keys":["…","…"],"followed":["<64 hex>"]}},  what the lines before it are read by, or null
 *      "replaced":[{"keys":["…","…"],"by":["…","…"]}],  verifier keys that signed before, and those after them; left out
 *      "followed_by":"scidex.ai/audit-chain/2",      the log that has begun where this one ended; left out
 *      "relayed":["<64 hex>"],                       statements of erasures that stand among the lines, by their hash; left out
 *      "settled":17,                                 up to which row of the configuration nothing is left to be recorded anew
 *      "witnesses":{"https://w.example":{"size":17,"frontier":["<base64>"]}},  the trees that they have cosigned; left out
 *      "sinks":{
 *        "file:/data/audit/chain_head.log":{
 *          "lines":11,"digest":"<64 hex>",           what the sink is known to hold: a beginning of the log
 *          "last":"<line 11>","before":"<64 hex>",   its last line, and the digest without it
 *          "outbox":["<line 12>"]}}}                 what follows and is not known to have arrived
 *
 * A sink with `lines` + outbox < the log's lines was added later, or was not configured for a while: what is missing is
 * copied from another sink.
 */
import { EMPTY_LOG_DIGEST, isStatementLine, nextLogDigest, parseJson } from "@scidex/audit-core";
import { afterLine, type KnownServer, LOG_START, type LogEnd, parseServer, writtenServer } from "@scidex/audit-reader";
import { PublisherError } from "../errors.ts";
import { type BegunAt, isBegunAt, isObject, isReplacedKeys, isTexts, type ReplacedKeys } from "./log-history.ts";
import { parseWitnesses, type WitnessedTrees, writtenWitnesses } from "./witnessed-trees.ts";

/** The version of the state's format that is written. */
export const STATE_VERSION = 1;

/** The beginning of a log: how many lines, and their running digest (hex). */
export interface LogPosition {
  readonly lines: number;
  readonly digest: string;
}

/** What a sink is known to hold, and what it still has to get. */
export interface SinkRecord extends LogEnd {
  /** Lines signed but not known to have arrived, in order. */
  readonly outbox: readonly string[];
}

export interface State {
  readonly origin: string;
  readonly log: LogPosition;
  readonly head: string | null;
  /** The database that was last published from. */
  readonly server: KnownServer | null;
  /** Up to which row of the configuration nothing is left to be recorded anew; null where that is not known. */
  readonly settled: bigint | null;
  readonly sinks: Readonly<Record<string, SinkRecord>>;
  /** The line with which this log begins where another has ended, and its number among all; null for the first log. */
  readonly begun: BegunAt | null;
  /** SHA-256 of the statements of erasures among the lines, in hex. */
  readonly relayed: readonly string[];
  /** Keys of this log that have been replaced, oldest first. */
  readonly replaced: readonly ReplacedKeys[];
  /** The log that has begun where this one ended; null where it goes on. */
  readonly followedBy: string | null;
  /** The trees that witnesses have cosigned last. */
  readonly witnesses: WitnessedTrees;
}

/** A sink that nothing is known of. */
export const EMPTY_RECORD: SinkRecord = { ...LOG_START, outbox: [] };

/** The state of a log that has published nothing. Only `keygen` may write it. */
export function initialState(origin: string): State {
  const log = { lines: 0, digest: EMPTY_LOG_DIGEST };
  return {
    origin,
    log,
    head: null,
    server: null,
    settled: null,
    sinks: {},
    begun: null,
    relayed: [],
    replaced: [],
    followedBy: null,
    witnesses: {},
  };
}

/**
 * The state of a log that begins where another has ended. Its lines follow that one's in every sink, and what has not
 * arrived of those is still to be delivered.
 *
 * @param log the beginning, and what the logs before it are read by
 * @param sinks names of the sinks that it has to get to
 */
export function beginningState(
  ended: State,
  { origin, line, since }: Pick<BegunAt, "line" | "since"> & { readonly origin: string },
  sinks: readonly string[],
): State {
  const begun = { line, number: ended.log.lines + 1, since };
  const known = { head: null, server: null, settled: null, begun, replaced: [], witnesses: {} };
  return { ...withLine(ended, line, sinks), origin, ...known };
}

/** The state after a head has been signed: it stands in the outbox of each of the named sinks that have all before it. */
export function withSignedLine(state: State, line: string, sinks: readonly string[]): State {
  return { ...withLine(state, line, sinks), head: line };
}

/** The same after a statement has been signed. The last head stays the last one. */
export function withStatement(state: State, line: string, sinks: readonly string[]): State {
  return withLine(state, line, sinks);
}

function withLine(state: State, line: string, sinks: readonly string[]): State {
  const records: Record<string, SinkRecord> = { ...state.sinks };
  for (const name of sinks) {
    const record = records[name] ?? EMPTY_RECORD;
    if (!hasGap(state, record)) records[name] = { ...record, outbox: [...record.outbox, line] };
  }
  const log = { lines: state.log.lines + 1, digest: nextLogDigest(state.log.digest, line) };
  return { ...state, log, sinks: records };
}

/** The record after the first `count` lines of its outbox have arrived. */
export function withDelivered(record: SinkRecord, count: number): SinkRecord {
  if (count === 0) return record;
  const outbox = record.outbox.slice(count);
  return { ...record.outbox.slice(0, count).reduce<LogEnd>(afterLine, record), outbox };
}

/** Whether lines are missing in a sink that are not in its outbox either. */
export function hasGap(state: State, record: SinkRecord): boolean {
  return record.lines + record.outbox.length < state.log.lines;
}

/** The last line of the log, which is a head or a statement; null for none, or where no sink of the state has it. */
export function lastLine(state: State): string | null {
  const record = Object.values(state.sinks).find((one) => !hasGap(state, one));
  return record?.outbox.at(-1) ?? record?.last ?? null;
}

export function formatState(state: State): string {
  const { origin, log, head, sinks, begun, relayed, replaced, followedBy, witnesses } = state;
  const server = state.server && writtenServer(state.server);
  const settled = state.settled === null || !isJsonInteger(state.settled) ? null : Number(state.settled);
  return `${JSON.stringify({ version: STATE_VERSION, origin, ...(begun === null ? {} : { begun }), ...(relayed.length === 0 ? {} : { relayed }), ...(replaced.length === 0 ? {} : { replaced }), ...(followedBy === null ? {} : { followed_by: followedBy }), log, head, server, settled, ...writtenWitnesses(witnesses), sinks }, null, 1)}\n`;
}

/**
 * @param where the file's path, for messages
 * @throws {PublisherError} `state_invalid`
 */
export function parseState(text: string, where: string): State {
  const wrong = (why: string): PublisherError =>
    new PublisherError(
      "state_invalid",
      `the state file ${where} ${why}. It is the publisher's memory of what it has signed: put back the newest copy that you have`,
    );
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw wrong(text.trim() === "" ? "is empty" : "is damaged (not JSON)");
  }
  if (!isObject(value)) throw wrong("is damaged (not an object)");
  if (value["version"] !== STATE_VERSION) {
    const version = JSON.stringify(value["version"] ?? null);
    throw wrong(
      typeof value["version"] === "number" && value["version"] > STATE_VERSION
        ? `has version ${version}, and this program writes ${STATE_VERSION}: use the newer program that wrote it`
        : `has the unknown version ${version}`,
    );
  }
  const {
    origin,
    log,
    head,
    sinks,
    settled = null,
    begun = null,
    relayed = [],
    replaced = [],
    followed_by: followedBy = null,
  } = value;
  const server = value["server"] === null ? null : parseServer(value["server"]);
  const witnesses = parseWitnesses(value["witnesses"]);
  if (
    typeof origin !== "string" ||
    !isPosition(log) ||
    !(head === null || typeof head === "string") ||
    server === undefined ||
    witnesses === undefined ||
    !(begun === null || isBegunAt(begun)) ||
    !isTexts(relayed) ||
    !(Array.isArray(replaced) && replaced.every(isReplacedKeys)) ||
    !(followedBy === null || typeof followedBy === "string") ||
    !(settled === null || (typeof settled === "number" && Number.isSafeInteger(settled) && settled >= 0)) ||
    !isObject(sinks)
  )
    throw wrong("is damaged (a member is missing or has the wrong type)");
  if (head !== null && log.lines === 0) throw wrong("is damaged (head and log don't agree)");
  const records: Record<string, SinkRecord> = {};
  for (const [name, record] of Object.entries(sinks)) {
    if (!isRecord(record) || record.lines + record.outbox.length > log.lines)
      throw wrong(`is damaged (the record of the sink ${JSON.stringify(name)})`);
    records[name] = {
      lines: record.lines,
      digest: record.digest,
      last: record.last,
      before: record.before,
      outbox: record.outbox,
    };
  }
  // Statements may stand before the first head.
  const known = Object.values(records).flatMap(({ last, outbox }) => (last === null ? outbox : [last, ...outbox]));
  if (head === null && begun === null && log.lines > 0 && !(known.length > 0 && known.every(isStatementLine)))
    throw wrong("is damaged (head and log don't agree)");
  return {
    origin,
    log: { lines: log.lines, digest: log.digest },
    head,
    server,
    settled: settled === null ? null : BigInt(settled),
    sinks: records,
    begun: begun === null ? null : { line: begun.line, number: begun.number, since: begun.since },
    relayed,
    replaced: replaced.map(({ keys, by }) => ({ keys, by })),
    followedBy,
    witnesses,
  };
}

/** Somebody may have written a row of the configuration with any number. */
const isJsonInteger = (value: bigint): boolean => value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER);

const isDigest = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

const isPosition = (value: unknown): value is LogPosition =>
  isObject(value) && Number.isSafeInteger(value["lines"]) && Number(value["lines"]) >= 0 && isDigest(value["digest"]);

const isRecord = (value: unknown): value is SinkRecord =>
  isPosition(value) &&
  isObject(value) &&
  isDigest(value["before"]) &&
  (value["last"] === null || typeof value["last"] === "string") &&
  (value["last"] === null) === (value.lines === 0) &&
  Array.isArray(value["outbox"]) &&
  value["outbox"].every((line) => typeof line === "string");
