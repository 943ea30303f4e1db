import { type JsonValue, parseJson } from "@scidex/audit-core";
import { VerifierError } from "../finding/errors.ts";
import { type KnownServer, parseServer, writtenServer } from "./known-server.ts";

/** What a sink held when it was last verified. */
export interface KnownLog {
  readonly lines: number;
  /** The running digest of these lines (`nextLogDigest`). */
  readonly digest: string;
  /** The last of these lines and the digest without it, from whoever wrote it: it may have been torn since. */
  readonly last?: { readonly line: string; readonly before: string } | undefined;
}

/** By relation and column, when a column that nobody has taken in yet was first seen; milliseconds since the Unix epoch. */
export type JoiningColumns = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * The verifier's own memory, kept in a file in its own trust domain (`--state`):
 *
 *     {"version":1,
 *      "sinks":{"<sink>":{"lines":12,"digest":"<64 hex>"}},        what each held when it was last verified
 *      "server":{"system_identifier":"7312…","database":"scidex"}, where the published chain was last found; or null
 *      "awaited_since":"2026-11-22T03:00:41.000Z",                 the last full verdict, or the first run; or null
 *      "joining":{"public.orders":{"qty":"2026-11-22T03:00:41.000Z"}}}  columns not covered yet, since when
 */
export interface VerifierState {
  readonly sinks: ReadonlyMap<string, KnownLog>;
  readonly server?: KnownServer | null | undefined;
  /** When the last full verification ended in a verdict, or the first run if none has; milliseconds since the Unix epoch. */
  readonly awaitedSince?: number | null | undefined;
  readonly joining?: JoiningColumns | undefined;
}

export const EMPTY_STATE: VerifierState = { sinks: new Map(), server: null, awaitedSince: null };

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws {VerifierError} `state_malformed` */
export function parseState(text: string): VerifierState {
  const malformed = (cause?: unknown) =>
    new VerifierError(
      "state_malformed",
      'The state file is not one: expected {"version":1,"sinks":{"<sink>":{"lines":N,"digest":"<hex>"}},"server":{"system_identifier":"<number>","database":"<name>"},"awaited_since":"<time>","joining":{"<table>":{"<column>":"<time>"}}}',
      { cause },
    );
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw malformed(error);
  }
  if (!isObject(value) || value["version"] !== 1 || !isObject(value["sinks"])) throw malformed();
  // The publisher's state has these too: taken for ours it would be overwritten.
  if ("log" in value)
    throw new VerifierError(
      "state_malformed",
      "This is the publisher's state file. The verifier's is a file of its own, which is made if it is not there",
    );
  const { sinks: logs, server = null, awaited_since: awaited = null, joining = {} } = value;
  if (Object.keys(value).some((name) => !["version", "sinks", "server", "awaited_since", "joining"].includes(name)))
    throw malformed();
  const sinks = new Map<string, KnownLog>();
  for (const [name, known] of Object.entries(logs)) {
    if (!isObject(known)) throw malformed();
    const { lines, digest } = known;
    if (typeof lines !== "number" || !Number.isSafeInteger(lines) || lines < 0 || typeof digest !== "string")
      throw malformed();
    sinks.set(name, { lines, digest });
  }
  const known = server === null ? null : parseServer(server);
  if (known === undefined) throw malformed();
  return {
    sinks,
    server: known,
    awaitedSince: awaited === null ? null : parseMillis(awaited, malformed),
    joining: parseJoining(joining, malformed),
  };
}

function parseMillis(value: JsonValue | undefined, malformed: () => VerifierError): number {
  const millis = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(millis)) throw malformed();
  return millis;
}

function parseJoining(value: JsonValue, malformed: () => VerifierError): JoiningColumns {
  if (!isObject(value)) throw malformed();
  return new Map(
    Object.entries(value).map(([relation, columns]) => {
      if (!isObject(columns)) throw malformed();
      const since = Object.entries(columns).map(([name, at]): [string, number] => [name, parseMillis(at, malformed)]);
      return [relation, new Map(since)];
    }),
  );
}

/**
 * What is to be remembered after a run, where another one that ended meanwhile may have seen more.
 *
 * @param states.before what stood there when the run began, `there` what stands there now
 */
export function laterState(
  after: VerifierState,
  { before, there }: { readonly before: VerifierState; readonly there: VerifierState },
): VerifierState {
  const isNewer = (name: string, { lines }: KnownLog): boolean =>
    lines !== before.sinks.get(name)?.lines && lines > (after.sinks.get(name)?.lines ?? -1);
  const awaited = [after.awaitedSince, there.awaitedSince].filter((time) => time != null);
  return {
    ...after,
    sinks: new Map([...after.sinks, ...[...there.sinks].filter(([name, log]) => isNewer(name, log))]),
    awaitedSince: awaited.length === 0 ? null : Math.max(...awaited),
  };
}

export function formatState({ sinks, server = null, awaitedSince = null, joining = new Map() }: VerifierState): string {
  const times = (columns: ReadonlyMap<string, number>) =>
    Object.fromEntries([...columns].map(([name, since]) => [name, new Date(since).toISOString()]));
  const state = {
    version: 1,
    sinks: Object.fromEntries([...sinks].map(([name, { lines, digest }]) => [name, { lines, digest }])),
    server: server && writtenServer(server),
    awaited_since: awaitedSince === null ? null : new Date(awaitedSince).toISOString(),
    joining: Object.fromEntries([...joining].map(([relation, columns]) => [relation, times(columns)])),
  };
  return `${JSON.stringify(state, null, 2)}\n`;
}
