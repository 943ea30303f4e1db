import {
  type Beginning,
  type Begun,
  CoreError,
  formatSeconds,
  generateKeyFile,
  parseBeginningLine,
  parseKeyFile,
  type Seconds,
  signBeginning,
  successorOf,
  toHex,
} from "@scidex/audit-core";
import { readFile } from "node:fs/promises";
import type { Sink } from "@scidex/audit-sinks";
import { messageOf, PublisherError } from "../errors.ts";
import { publishHead } from "../publish/publish-head.ts";
import { checkOptions, PUBLISH_DEFAULTS, type PublishOptions } from "../publish/publish-options.ts";
import { withPublisherLock } from "../publish/publisher-lock.ts";
import type { PublishResult } from "../publish/result.ts";
import { checkServer, readServer } from "../publish/server.ts";
import { openPublisherSinks, requireDistinct } from "../sinks/open-sinks.ts";
import { replaceDurably } from "@scidex/audit-command";
import { clonesOf, currentKeyFile, exists, stateFileOf, successorKeyFile } from "../state/key-file.ts";
import type { FirstLog } from "../state/log-history.ts";
import { signing } from "../state/signing.ts";
import { beginningState, formatState, parseState } from "../state/state.ts";
import { StateFile } from "../state/state-file.ts";
import { type EndedState, type LogToEnd, logToEnd, readEnded } from "./ended-log.ts";
import { readStanding } from "./read-standing.ts";

/** Options of `beginLog`; `origin` names the first log, or, where a key file is lost, the one that ends. */
export interface BeginOptions extends PublishOptions {
  readonly reason: string;
  /** Needed where the key file of the log that ends is lost. */
  readonly vkeys?: readonly string[];
  /** Gives the new log an ML-DSA-44 key, too; it gets one anyway where the ended one had one. */
  readonly postQuantum?: boolean;
}

/** What has begun. */
export interface BegunLog {
  readonly beginning: Beginning;
  readonly keyFile: string;
  /** Whether a run that was cut off had begun it. */
  readonly wentOn: boolean;
  /** Its first publication. */
  readonly result: PublishResult;
}

/**
 * Ends the log that is published, and begins another in its place: with keys and a state of its own beside those of the
 * ended one, and a statement of what is lost, which goes to every sink before the new log's first head.
 *
 * It has begun once the key file is there under its name, since what is to be delivered stands in the state by then. A run
 * that is killed before has done nothing; what one that is killed afterwards has not delivered, the next `publishHead`
 * delivers, and another run goes on with it instead of beginning one more.
 *
 * @throws {PublisherError} `begin`, `configuration`, `clock`, and as `publishHead`
 */
export async function beginLog(options: BeginOptions): Promise<BegunLog> {
  checkOptions(options);
  const current = await currentKeyFile(options.keyFile);
  const begun = await unfinished(current.path);
  const done = begun === undefined ? await begin(options, current) : { beginning: begun, keyFile: current.path };
  await noteEnd(options.keyFile, current, done);
  const { reason: _, vkeys: __, origin: ___, postQuantum: ____, ...publishing } = options;
  return { ...done, wentOn: begun !== undefined, result: await publishHead(publishing) };
}

type CurrentKeyFile = Awaited<ReturnType<typeof currentKeyFile>>;

/** The beginning of a log whose first head is not in all sinks yet: a run was cut off. Undefined for any other log. */
async function unfinished(keyFile: string): Promise<Beginning | undefined> {
  const path = stateFileOf(keyFile);
  if (!(await exists(path))) return undefined;
  const { begun, head, log, sinks } = parseState(await readFile(path, "utf8"), path);
  if (begun === null) return undefined;
  const isFirst = log.lines === begun.number + 1;
  const isDelivered = Object.values(sinks).every(({ outbox }) => outbox.length === 0);
  return head === null || (isFirst && !isDelivered) ? parseBeginningLine(begun.line) : undefined;
}

async function begin(options: BeginOptions, current: CurrentKeyFile): Promise<Pick<BegunLog, "beginning" | "keyFile">> {
  const { database, vkeys = [], signal } = options;
  const log = await logToEnd(current.path, { origin: options.origin, vkeys });
  const sinks = openPublisherSinks(options.sinks, {
    timeoutMs: options.sinkTimeoutMs ?? PUBLISH_DEFAULTS.sinkTimeoutMs,
    folder: clonesOf(options.keyFile),
    ...(signal ? { signal } : {}),
  });
  try {
    await requireDistinct(sinks);
    const lock = { waitMs: options.waitMs ?? PUBLISH_DEFAULTS.waitMs, signal };
    return await withPublisherLock(database, log.origin, lock, async () => {
      if ((await currentKeyFile(options.keyFile)).path !== current.path)
        throw new PublisherError("busy", "another log has begun meanwhile: nothing was done");
      return await beginLocked(options, current, log, sinks);
    });
  } finally {
    await Promise.all(sinks.map(async (sink) => sink.close()));
  }
}

async function beginLocked(
  options: BeginOptions,
  current: CurrentKeyFile,
  log: LogToEnd,
  sinks: readonly Sink[],
): Promise<Pick<BegunLog, "beginning" | "keyFile">> {
  const { database, reason, signal } = options;
  const ended = await readEnded(current.path, log, sinks);
  await checkServer(database);
  const before = ended.begun?.misdated ?? [];
  const standing = await readStanding(database, { heads: ended.heads, misdated: before, signal });
  const server = await readServer(database);
  const origin = successorOf(log.origin);
  const { text, vkeys } = newKeys(origin, options.postQuantum === true || hasPostQuantum(log));
  const { seq, chainHash } = ended.last;
  const keys = parseKeyFile(text);
  const time = timeAfter(ended);
  const begun: Begun = {
    type: "begun",
    origin,
    ...server,
    reason,
    keys: vkeys,
    ended: { origin: log.origin, head: { seq, chainHash }, ...ended.state.log },
    ...standing,
  };
  const line = await signed(() => signBeginning({ keys, earlier: log.keys, time, begun }));
  if (signal?.aborted) throw new PublisherError("aborted", "stopped; nothing has begun");
  const keyFile = successorKeyFile(options.keyFile, current.number + 1);
  const beginning = parseBeginningLine(line);
  const since = sinceOf(ended.state, log, toHex(beginning.hash));
  const names = sinks.map(({ name }) => name);
  await writeFiles(keyFile, text, formatState(beginningState(ended.state, { origin, line, since }, names)));
  return { beginning, keyFile };
}

const hasPostQuantum = ({ trust }: LogToEnd): boolean => trust.verifiers.some(({ type }) => type === 6);

/** @throws {PublisherError} `configuration` where this Node.js makes no ML-DSA-44 keys */
function newKeys(origin: string, postQuantum: boolean): ReturnType<typeof generateKeyFile> {
  try {
    return generateKeyFile(origin, { postQuantum });
  } catch (cause) {
    throw new PublisherError("configuration", messageOf(cause), { cause });
  }
}

/** What the logs are read by that have ended, with one more. */
function sinceOf({ begun }: EndedState["state"], { origin, trust }: LogToEnd, hash: string): FirstLog | null {
  if (begun === null) return { origin, keys: trust.verifiers.map(({ vkey }) => vkey), followed: [hash] };
  const keys = [...(begun.since?.keys ?? []), ...trust.verifiers.map(({ vkey }) => vkey)];
  return begun.since && { ...begun.since, keys, followed: [...begun.since.followed, hash] };
}

/** What it cannot be signed of is the reason: all else of it is ours. */
async function signed(sign: () => string): Promise<string> {
  try {
    return await signing(sign);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new PublisherError("configuration", `--reason: ${cause.message}`, { cause });
  }
}

/** Lines follow each other in time. @throws {PublisherError} `clock` */
function timeAfter({ newest }: EndedState): Seconds {
  const time: Seconds = BigInt(Math.floor(Date.now() / 1_000));
  if (newest === undefined || time >= newest.signedTime) return time;
  throw new PublisherError(
    "clock",
    `our clock says ${formatSeconds(time)}, but the last line of the log was signed at ${formatSeconds(newest.signedTime)}, later than that. Nothing begins until the clock is right`,
  );
}

/** The state first: nothing is done as long as there is no key file. */
async function writeFiles(keyFile: string, keys: string, state: string): Promise<void> {
  const path = stateFileOf(keyFile);
  try {
    if (await exists(path)) {
      // One that a killed run has left was never used.
      const { head } = parseState(await readFile(path, "utf8"), path);
      if (head !== null)
        throw new PublisherError(
          "begin",
          `${path} is the state of a log that has published, and its key file ${keyFile} is missing: put it back. Where it is lost, name it in AUDIT_SIGNING_KEY_FILE`,
        );
    }
    await replaceDurably(path, state);
    await replaceDurably(keyFile, keys);
  } catch (cause) {
    if (cause instanceof PublisherError) throw cause;
    throw new PublisherError("io", `the files of the new log can't be written: ${messageOf(cause)}`, { cause });
  }
}

/** Notes in the ended log's state that it has ended: its key signs nothing any more. */
async function noteEnd(
  named: string,
  current: CurrentKeyFile,
  { beginning, keyFile }: Pick<BegunLog, "beginning" | "keyFile">,
): Promise<void> {
  const isBegunNow = current.path !== keyFile;
  const before = isBegunNow ? current.path : current.number > 2 ? successorKeyFile(named, current.number - 1) : named;
  const path = stateFileOf(before);
  if (!(await exists(path))) return;
  const file = await StateFile.open(path, beginning.ended.origin);
  if (file.state.followedBy === null) await file.save({ ...file.state, followedBy: beginning.origin });
}
