import { headTrust, type HeadTrust, parseStatementLine, type PublisherKeys, vkeysOf } from "@scidex/audit-core";
import type { Sink } from "@scidex/audit-sinks";
import { divergenceOf } from "../divergence.ts";
import { messageOf, PublisherError } from "../errors.ts";
import { type Sealing, sealForPublication } from "../sealing/seal-for-publication.ts";
import { requireSignableState } from "../sinks/require-signable-state.ts";
import { checkSinks } from "../sinks/check-sinks.ts";
import { deliver } from "../sinks/deliver.ts";
import { openPublisherSinks, requireDistinct } from "../sinks/open-sinks.ts";
import { chainStatement } from "../record/doors.ts";
import { readHanded } from "../record/handed.ts";
import { type Recording, recordAnew } from "../record/record-anew.ts";
import { clonesOf, currentKeyFile, readKeyFile } from "../state/key-file.ts";
import { type LogKeys, readLogKeys } from "../state/log-keys.ts";
import type { ReplacedKeys } from "../state/log-history.ts";
import type { StateFile } from "../state/state-file.ts";
import { checkIncrement, requirePlausibleTimes } from "./increment/check-increment.ts";
import { leavesOf } from "./leaves-of.ts";
import { type Preparation, publication, refusal, type Untimed } from "./make-result.ts";
import { type Memory, openMemory } from "./open-memory.ts";
import { checkOptions, checkOrigin, PUBLISH_DEFAULTS, type PublishOptions } from "./publish-options.ts";
import { withPublisherLock } from "./publisher-lock.ts";
import { type Progress, remember, type Stated } from "./remember.ts";
import type { PublishResult } from "./result.ts";
import { checkServer } from "./server.ts";
import { askWitnesses, type Witnesses } from "../witness/ask-witnesses.ts";
import { witnessesAt } from "../witness/witness.ts";
import { type SignedHead, type Signer, signIncrement } from "./increment/sign-increment.ts";

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
  return (await publishTurn(options)).result;
}

/**
 * Publishes a head that new keys sign too, and which take the place of the old ones with that.
 *
 * @param readNext the new keys; without it, none are replaced
 * @returns the keys that have been replaced, too; undefined where nothing was signed
 */
export async function publishTurn(
  options: PublishOptions,
  readNext?: (keys: PublisherKeys) => Promise<PublisherKeys>,
): Promise<{ readonly result: PublishResult; readonly turn: ReplacedKeys | undefined }> {
  const started = performance.now();
  checkOptions(options);
  const { path } = await currentKeyFile(options.keyFile);
  const keys = await readKeyFile(path);
  checkOrigin(options, keys);
  // Before anything is opened: what is wrong with them is the configuration's fault.
  witnessesOf(options, headTrust(vkeysOf(keys), keys.origin));
  const sinks = openPublisherSinks(options.sinks, {
    timeoutMs: options.sinkTimeoutMs ?? PUBLISH_DEFAULTS.sinkTimeoutMs,
    folder: clonesOf(options.keyFile),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    await requireDistinct(sinks);
    const lock = { waitMs: options.waitMs ?? PUBLISH_DEFAULTS.waitMs, signal: options.signal };
    const { result, turn } = await withPublisherLock(options.database, keys.origin, lock, async () => {
      await requireCurrent(options.keyFile, path);
      const current = await readLogKeys(path, options.vkeys);
      const next = current.unfinished === undefined ? await readNext?.(current.keys) : undefined;
      const signer = withNext(current, next);
      const witnesses = witnessesOf(options, signer.trust);
      const published = await publishLocked({ options, keyFile: path, ...signer, sinks, witnesses });
      return { ...published, turn: published.turn ?? current.unfinished };
    });
    return { result: { ...result, durationMs: Math.round(performance.now() - started) }, turn };
  } finally {
    await Promise.all(sinks.map(async (sink) => sink.close()));
  }
}

/** What a publication works with. */
interface Log extends Signer {
  readonly options: PublishOptions;
  readonly keyFile: string;
  readonly sinks: readonly Sink[];
  /** Undefined where none are asked. */
  readonly witnesses: Witnesses | undefined;
}

const withNext = ({ keys, trust }: LogKeys, next: PublisherKeys | undefined): Signer =>
  next === undefined
    ? { keys, trust }
    : {
        keys,
        next,
        trust: headTrust([...trust.verifiers.map(({ vkey }) => vkey), ...vkeysOf(next)], keys.origin),
      };

/**
 * Publishes, while no other publisher of this log works. Then it records anew what migrations have left to be recorded, and
 * publishes that with its statements: whatever keeps it from recording does not keep heads from being published.
 */
async function publishLocked(log: Log): Promise<{ readonly result: Untimed; readonly turn: ReplacedKeys | undefined }> {
  const { options, keyFile, keys, next, trust, sinks } = log;
  const memory = await openMemory({ keyFile, recoverState: options.recoverState === true }, keys.origin, sinks, trust);
  const { file, begun } = memory;
  // Before the first head, so that this one covers it. A run that was killed finds it there.
  if (begun !== undefined && memory.last === undefined) await chainStatement(options.database, begun.hash);
  const handed = await readHanded(options.database, file.state.relayed, options.policy ?? null);
  const published = await publishNow(log, memory, { lines: handed.lines, settled: file.state.settled });
  const { signed } = published;
  const result = { ...published.result, warnings: [...published.result.warnings, ...handed.warnings] };
  // What is left to be recorded anew is recorded by the next run, which signs with the new keys.
  if (next !== undefined) return { result, turn: signed && file.state.replaced.at(-1) };
  if (result.status === "tampered" || signed === undefined) return { result, turn: undefined };
  const { warnings, ...stated } = await recordUnlessRefused(log, file, signed);
  if (stated.lines.length === 0) {
    if (stated.settled !== file.state.settled) await file.save({ ...file.state, settled: stated.settled });
    return { result: { ...result, warnings: [...result.warnings, ...warnings] }, turn: undefined };
  }
  const [line] = stated.lines.slice(-1);
  const newest = line === undefined ? signed.head : parseStatementLine(line, trust);
  const { result: again } = await publishNow(log, { file, last: signed.head, begun, newest }, stated);
  const both = {
    ...again,
    rows: result.rows + again.rows,
    sealed: result.sealed + again.sealed,
    warnings: [...new Set([...result.warnings, ...again.warnings, ...warnings])],
  };
  return { result: both, turn: undefined };
}

async function recordUnlessRefused(log: Log, file: StateFile, { head }: SignedHead): Promise<Recording> {
  const { keys, trust, sinks } = log;
  const { database, signal } = log.options;
  try {
    return await recordAnew({
      database,
      keys,
      trust,
      since: file.state.begun?.since ?? null,
      sinks,
      last: head,
      settled: file.state.settled,
      seal: async () => await sealNow(log.options),
      policy: log.options.policy ?? null,
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    return { lines: [], settled: null, warnings: [`rows could not be recorded anew: ${messageOf(error)}`] };
  }
}

/** @throws {PublisherError} `configuration` */
function witnessesOf(
  { witnesses: urls = [], trustPolicy: policy, witnessTimeoutMs }: PublishOptions,
  { verifiers }: HeadTrust,
): Witnesses | undefined {
  const list = witnessesAt(urls, policy, verifiers);
  if (list.length === 0 || policy === undefined) return undefined;
  return { list, policy, timeoutMs: witnessTimeoutMs ?? PUBLISH_DEFAULTS.witnessTimeoutMs };
}

const sealNow = async ({ database, lockIdleMs, maxPendingAgeMs, signal }: PublishOptions): Promise<Sealing> =>
  await sealForPublication(database, {
    lockIdleMs: lockIdleMs ?? PUBLISH_DEFAULTS.lockIdleMs,
    maxPendingAgeMs: maxPendingAgeMs ?? PUBLISH_DEFAULTS.maxPendingAgeMs,
    signal,
  });

/** One publication. @param stated what is published before its head */
async function publishNow(
  { options, keyFile, keys, next, trust, sinks, witnesses }: Log,
  { file, last, begun, newest }: Memory,
  stated: Stated,
): Promise<{ readonly result: Untimed; readonly signed: SignedHead | undefined }> {
  const { database, signal, onProgress } = options;
  // Sinks before the snapshot: they can't know more than it.
  const checked = await checkSinks(sinks, file.state, trust);
  requireSignableState(checked, file.path);
  const sealing = await sealNow(options);
  const serverWarnings = await checkServer(database);
  const { increment, server, findings } = await checkIncrement(database, last, file.state.server, {
    misdated: begun?.misdated ?? [],
    signal,
    onProgress,
  });
  const inSinks = checked.sinks.flatMap(({ finding }) => finding ?? []);
  if (inSinks.length === 0) requirePlausibleTimes(findings);

  const preparation: Preparation = {
    increment,
    sealing,
    warnings: [...checked.warnings, ...sealing.warnings, ...serverWarnings],
  };
  const divergences = [...inSinks, ...findings.map(divergenceOf)];
  if (divergences.length > 0) {
    requireUnstopped(signal);
    return { result: refusal(preparation, checked.sinks, divergences), signed: undefined };
  }
  const signed = await signIncrement(database, { keys, next, trust }, { last, newest }, increment);
  requireUnstopped(signal);
  const known = { trees: checked.state.witnesses, last };
  const turn = next && turnOf(keys, next);
  const progress: Progress = { checked, stated, line: signed?.line, server, turn, witnesses: known.trees };
  await remember(file, progress);
  if (next !== undefined) await readLogKeys(keyFile);
  const leaves = leavesOf(database, signal);
  const cosigned = signed && witnesses && (await askWitnesses(witnesses, signed, known, { trust, leaves, signal }));
  if (cosigned !== undefined) await remember(file, { ...progress, line: cosigned.line, witnesses: cosigned.trees });
  const deliveries = await deliver(checked.sinks, file, trust, leaves);
  return { result: publication(preparation, signed, cosigned, deliveries), signed };
}

/** @throws {PublisherError} `busy` where another log has begun since the key file was read */
async function requireCurrent(named: string, read: string): Promise<void> {
  const { path } = await currentKeyFile(named);
  if (path !== read) throw new PublisherError("busy", `another log has begun meanwhile (${path}): run this again`);
}

function requireUnstopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PublisherError("aborted", "stopped; nothing was signed");
}

const turnOf = (keys: PublisherKeys, next: PublisherKeys): ReplacedKeys => ({ keys: vkeysOf(keys), by: vkeysOf(next) });
