import {
  type Head,
  type HeadTrust,
  parseHeadLine,
  parseVerifierKey,
  type PublisherKeys,
  signHead,
} from "@scidex/audit-core";
import type { Finding } from "@scidex/audit-reader";
import type { Sink } from "@scidex/audit-sinks";
import type { Sql } from "postgres";
import { deliver, type Delivery } from "../sinks/deliver.ts";
import { divergenceOf } from "../divergence.ts";
import { messageOf, PublisherError } from "../errors.ts";
import { freeLock, LOCK_IDLE_MS } from "../sealing/free-lock.ts";
import { clonesOf, readKeyFile, stateFileOf } from "../state/key-file.ts";
import { openSinks, requireDistinct } from "../sinks/open-sinks.ts";
import { withPublisherLock } from "./publisher-lock.ts";
import { before, type Increment, readIncrement } from "./read-increment.ts";
import { recoverState } from "../sinks/recover-state.ts";
import { firstDivergence, type PublishResult } from "./result.ts";
import { maySeal, type Pending, readPending, sealPending } from "../sealing/seal.ts";
import { checkServer, flushWrites, isElsewhere, readServer } from "./server.ts";
import { type Checked, type CheckedSinks, checkSinks } from "../sinks/check-sinks.ts";
import { EMPTY_RECORD, hasGap, type Server, type State, withSignedLine } from "../state/state.ts";
import { StateFile } from "../state/state-file.ts";

export interface PublishOptions {
  /** A client of the database, with at least two connections; a member of `scidex_audit_publisher` is enough. */
  readonly database: Sql;
  /** Path of the publisher's keys; the state is beside it. */
  readonly keyFile: string;
  /** Sink URLs, at least one. */
  readonly sinks: readonly string[];
  /** The log's name, if the key file should be checked against it. */
  readonly origin?: string | undefined;
  /** How long a row may wait to be sealed, in milliseconds. */
  readonly maxPendingAgeMs?: number;
  /** How long whoever holds the chain's lock may be idle in his transaction, in milliseconds. */
  readonly lockIdleMs?: number | undefined;
  /** How long to wait for another publisher, in milliseconds. */
  readonly waitMs?: number;
  /** How long one step at a sink may take, in milliseconds. */
  readonly sinkTimeoutMs?: number;
  /** Rebuild a lost state file from the sinks. For a person who has verified the chain against them. */
  readonly recoverState?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (rows: bigint, total: bigint | undefined) => void;
}

/** What `publishHead` uses for options that are not given. */
export const PUBLISH_DEFAULTS = {
  maxPendingAgeMs: 3_600_000,
  lockIdleMs: LOCK_IDLE_MS,
  waitMs: 60_000,
  sinkTimeoutMs: 60_000,
} as const;

/**
 * Publishes the chain's head: seals, compares the sinks with the state, verifies what the chain has gained since the
 * last signed head, signs, and appends the head to every sink.
 *
 * What is signed always extends what was signed before; the state file says what that was. It is written and synced
 * before a line leaves for any sink, so that a publisher killed at any moment finds out where it was, and every sink
 * gets every line exactly once. A finding (in the chain or in a sink) is part of the result, and then nothing is signed.
 *
 * @throws {PublisherError} when something could not be done; a sink that fails is no error but `behind` in the result.
 */
export async function publishHead(options: PublishOptions): Promise<PublishResult> {
  const started = performance.now();
  if (options.sinks.length === 0)
    throw new PublisherError(
      "configuration",
      "there are no sinks: set AUDIT_SINKS, for example file:/data/audit/chain_head.log",
    );
  if (options.database.options.max < 2)
    throw new PublisherError("configuration", "publishHead needs a client with at least two connections (max)");
  const keys = await readKeyFile(options.keyFile);
  if (options.origin !== undefined && options.origin !== keys.origin)
    throw new PublisherError(
      "configuration",
      `AUDIT_ORIGIN is ${JSON.stringify(options.origin)}, and the keys in ${options.keyFile} belong to ${JSON.stringify(keys.origin)}`,
    );
  const sinks = openSinks(options.sinks, {
    timeoutMs: options.sinkTimeoutMs ?? PUBLISH_DEFAULTS.sinkTimeoutMs,
    folder: clonesOf(options.keyFile),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    await requireDistinct(sinks);
    const lock = { waitMs: options.waitMs ?? PUBLISH_DEFAULTS.waitMs, signal: options.signal };
    const result = await withPublisherLock(options.database, keys.origin, lock, async () =>
      publishLocked(options, keys, sinks),
    );
    return { ...result, duration_ms: Math.round(performance.now() - started) };
  } finally {
    await Promise.all(sinks.map(async (sink) => sink.close()));
  }
}

type Untimed = Omit<PublishResult, "duration_ms">;

async function publishLocked(options: PublishOptions, keys: PublisherKeys, sinks: readonly Sink[]): Promise<Untimed> {
  const trust: HeadTrust = {
    origin: keys.origin,
    verifiers: [keys.log, keys.timestamp].map(({ vkey }) => parseVerifierKey(vkey)),
  };
  const path = stateFileOf(options.keyFile);
  const file = options.recoverState
    ? await StateFile.create(path, await recoverState(keys.origin, sinks, trust))
    : await StateFile.open(path, keys.origin);
  const last = lastHead(file, trust);

  // Sinks before the snapshot: they can't know more than it.
  const checked = await checkSinks(sinks, file.state, trust);
  const warnings = [...checked.warnings, ...unconfigured(file.state, sinks)];
  const divergences = checked.sinks.flatMap(({ finding }) => finding ?? []);
  if (divergences.length === 0) requireNewest(checked, file);
  requireHistory(checked);
  const sealing = await seal(options, warnings);

  warnings.push(...(await checkServer(options.database)));
  const found: Finding[] = [];
  const { signal, onProgress } = options;
  const increment = await readIncrement(options.database, last, (one) => found.push(one), { signal, onProgress });
  const server = await readServer(options.database);
  if (!increment.isAnchored && file.state.server !== null) requireSame(file.state.server, server);
  const wrongTime = found.find(({ check }) => check === "time_implausible");
  if (divergences.length === 0 && wrongTime) throw errorOfTime(wrongTime);
  divergences.push(...found.map(divergenceOf));
  let signed: { line: string; head: Head } | undefined;
  if (divergences.length === 0) {
    const line = sign(keys, last, increment);
    if (line !== undefined) {
      await flushWrites(options.database);
      signed = { line, head: parseHeadLine(line, trust) };
    }
  }
  if (options.signal?.aborted) throw new PublisherError("aborted", "stopped; nothing was signed");

  const base = {
    rows: Number(increment.rows),
    ...sealing,
    divergences,
    divergence_count: divergences.length,
    first_divergence: firstDivergence(divergences),
    warnings,
  };
  if (divergences.length > 0)
    return { status: "tampered", published: null, sinks: checked.sinks.map(tamperedStatus), ...base };

  // Two runs within one second sign the same text: that is one publication.
  if (signed && signed.line !== file.state.head)
    await file.save(
      withSignedLine(
        { ...checked.state, server },
        signed.line,
        sinks.map(({ name }) => name),
      ),
    );
  else if (checked.state !== file.state) await file.save(checked.state);
  const deliveries = await deliver(checked.sinks, file, trust);
  const late = deliveries.flatMap(({ finding }) => finding ?? []);
  const head = signed?.head;
  return {
    ...base,
    status: late.length > 0 ? "tampered" : deliveries.every(({ status }) => status === "ok") ? "intact" : "unproven",
    published: head
      ? {
          seq: Number(head.seq),
          chain_hash: Buffer.from(head.chainHash).toString("hex"),
          published_at: head.publishedAt,
        }
      : null,
    sinks: deliveries.map(({ name, status, lines, message }: Delivery) => ({ name, status, lines, message })),
    divergences: late,
    divergence_count: late.length,
    first_divergence: firstDivergence(late),
  };
}

/**
 * A head that is signed while every sink still lacks older ones would be in no sink's outbox, and could never be
 * delivered.
 */
function requireHistory({ sinks, state }: CheckedSinks): void {
  if (sinks.some(({ record, finding }) => finding !== undefined || !hasGap(state, record))) return;
  throw new PublisherError(
    "configuration",
    `none of the sinks holds the ${state.log.lines} heads that were published before: keep one of the sinks that were used until now (${Object.keys(state.sinks).join(", ")}) in AUDIT_SINKS until the new ones have been filled from it, or copy its log by hand`,
  );
}

/**
 * Heads that we have signed and do not remember can only be from after the state was copied. What is signed from an old
 * memory would stand beside them.
 *
 * @throws {PublisherError} `state_outdated`
 */
function requireNewest({ sinks }: CheckedSinks, { path }: StateFile): void {
  const [ahead] = sinks
    .flatMap(({ sink, newer }) => (newer === undefined ? [] : [{ name: sink.name, newer }]))
    .toSorted((a, b) => (a.newer.signedTime > b.newer.signedTime ? -1 : 1));
  if (ahead === undefined) return;
  throw new PublisherError(
    "state_outdated",
    `the state file ${path} is older than the sinks: ${ahead.name} holds a head of ${ahead.newer.seq} links, signed with this key at ${ahead.newer.publishedAt}, that the state does not know. An older copy of it was put back, or another publisher runs with a copy of this key. Nothing is signed: put the newest copy of the state back. If there is none, verify (audit-verify), and only when chain and sinks are clean move this state away and rebuild it from them: audit-publisher publish --recover-state`,
  );
}

/**
 * Where what we signed last is missing, and this is not even the database that it was signed of.
 *
 * @throws {PublisherError} `database`
 */
function requireSame(known: Server, here: Server): void {
  if (!isElsewhere(known, here)) return;
  const describe = ({ database, systemIdentifier }: Server): string =>
    `${JSON.stringify(database)} on the server with the system identifier ${systemIdentifier ?? "(unknown)"}`;
  throw new PublisherError(
    "database",
    `this is ${describe(here)}, and the last head was signed of ${describe(known)}; its link is not here. Nothing is signed: correct AUDIT_DATABASE_URL (or AUDIT_SIGNING_KEY_FILE, if the key is that of another log). If the chain has moved here, what has been published is missing: restore it`,
  );
}

/** A head over a false time would vouch for it for ever. Whoever made it false, the publisher did not see it happen. */
function errorOfTime({ seq, eventKind: kind, eventPk: pk, expected, actual }: Finding): PublisherError {
  return new PublisherError(
    "clock",
    `link ${seq} says that it was appended at ${actual}, expected ${expected} (seq ${seq}, ${kind ?? "?"} ${pk ?? "?"}): the clock of the database's server was wrong when it was linked, or somebody has written the link past the door. Nothing is signed over it, and audit-verify reports it. Check the server's clock; docs/incident.md has what to do with a chain that cannot go on (audit-publisher begin)`,
  );
}

/** The last head of our own state, verified all the same: the frontier in it is what new links are appended to. */
function lastHead(file: StateFile, trust: HeadTrust): Head | undefined {
  if (file.state.head === null) return undefined;
  try {
    return parseHeadLine(file.state.head, trust);
  } catch (cause) {
    throw new PublisherError(
      "state_invalid",
      `the last head in the state file ${file.path} was not signed with these keys (${messageOf(cause)}): put back the key file that belongs to it, or the newest copy of the state`,
      { cause },
    );
  }
}

function sign(keys: PublisherKeys, last: Head | undefined, { end, time: read }: Increment): string | undefined {
  const time = BigInt(Math.floor(read / 1_000));
  if (last && time < last.signedTime)
    throw new PublisherError(
      "clock",
      `our clock says ${new Date(Number(time) * 1_000).toISOString()}, but a head was signed at ${last.publishedAt}, later than that. Nothing is signed until the clock is right`,
    );
  if (end) return signHead({ keys, leaf: end.leaf, before: end.before, time });
  // Nothing new: the same head again with a new time.
  return last && signHead({ keys, leaf: last.leaf, before: before(last), time });
}

async function seal(
  options: PublishOptions,
  warnings: string[],
): Promise<Pick<PublishResult, "sealed" | "pending" | "pending_age_ms" | "lock_holders">> {
  const { database } = options;
  const lockIdleMs = options.lockIdleMs ?? PUBLISH_DEFAULTS.lockIdleMs;
  const holders = await freeLock(database, lockIdleMs);
  const may = await maySeal(database);
  let sealed = 0;
  try {
    if (may)
      sealed = await sealPending(database, {
        lockIdleMs,
        onWarning: (message) => void warnings.push(message),
        onProgress: (rows) => void (sealed = rows),
        ...(options.signal ? { signal: options.signal } : {}),
      });
  } catch (error) {
    // What is chained is signed all the same, and how long rows wait has a bound of its own.
    if (!(error instanceof PublisherError && error.code === "lock_held")) throw error;
    warnings.push(error.message);
  }
  warnings.push(...holders.map(({ message }) => message));
  const pending = await readPending(database);
  if (!may && pending && pending.rows > 0) warnings.push("rows wait to be sealed, and this user may not seal");
  if (pending && pending.setAside > 0)
    warnings.push(`${pending.setAside} pending rows are set aside: their events are chained with another hash`);
  checkAge(pending, options.maxPendingAgeMs ?? PUBLISH_DEFAULTS.maxPendingAgeMs);
  return {
    sealed,
    lock_holders: holders,
    pending: pending?.rows ?? 0,
    pending_age_ms: pending?.oldestMs === undefined ? null : Math.round(pending.oldestMs),
  };
}

function checkAge(pending: Pending | undefined, limit: number): void {
  if (pending?.oldestMs === undefined || pending.oldestMs <= limit) return;
  throw new PublisherError(
    "pending_too_old",
    `${pending.rows} rows wait to be sealed, the oldest for ${Math.round(pending.oldestMs / 1_000)} s, and ${Math.round(limit / 1_000)} s are allowed (--max-pending-age): rows that are not sealed are not protected. Run audit-publisher seal as a member of scidex_audit_publisher`,
  );
}

function tamperedStatus({ sink, finding, failure, record }: Checked): PublishResult["sinks"][number] {
  return {
    name: sink.name,
    status: finding ? "tampered" : failure === undefined ? "ok" : "behind",
    lines: record.lines,
    message: finding?.message ?? failure ?? null,
  };
}

function unconfigured(state: State, sinks: readonly Sink[]): string[] {
  const names = new Set(sinks.map(({ name }) => name));
  return Object.entries(state.sinks)
    .filter(([name, record]) => !names.has(name) && record !== EMPTY_RECORD)
    .map(([name]) => `${name} has been written to before and is not among the sinks any more`);
}
