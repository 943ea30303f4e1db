/**
 * The publisher's key file: two secret signer keys (note-key.ts), a line each.
 *
 *     PRIVATE+KEY+scidex.ai/audit-chain+<key ID>+<base64>
 *     PRIVATE+KEY+scidex.ai/audit-chain/timestamp+<key ID>+<base64>
 *
 * The first is the log's key, named as its origin, type 1: it signs checkpoints. The second is the time-stamping key,
 * named origin and `/timestamp`, type 4: it cosigns them with their time. The two never share a seed, since a
 * cosignature does not say whose it is (c2sp.org/tlog-cosignature). The file must be readable by its owner only; whoever
 * reads and writes it sees to that.
 */
import { CoreError } from "./errors.ts";
import { generateSigningKey, type NoteSigner, parseSigner } from "./note-key.ts";

/** The two keys of a publisher. */
export interface PublisherKeys {
  /** The log's name in its checkpoints. */
  readonly origin: string;
  /** Signs checkpoints; named as the origin, type 1. */
  readonly log: NoteSigner;
  /** Cosigns them with their time; named as `timestampName(origin)`, type 4. */
  readonly timestamp: NoteSigner;
}

/** The name of a log's time-stamping key. */
export function timestampName(origin: string): string {
  return `${origin}/timestamp`;
}

/**
 * New keys for a log: the text of its key file, and the two verifier keys to be given to verifiers, the log's first.
 *
 * @throws {CoreError} `name_malformed`
 */
export function generateKeyFile(origin: string): { text: string; vkeys: [string, string] } {
  const log = generateSigningKey(origin, 1);
  const timestamp = generateSigningKey(timestampName(origin), 4);
  return { text: `${log.signer}\n${timestamp.signer}\n`, vkeys: [log.vkey, timestamp.vkey] };
}

/**
 * The keys of a key file. Error messages never repeat any of it.
 *
 * @throws {CoreError} `key_file_malformed`
 */
export function parseKeyFile(text: string): PublisherKeys {
  const [first = "", second = "", end, ...rest] = text.split("\n", 4);
  if (end !== "" || rest.length > 0) {
    throw new CoreError("key_file_malformed", "a key file has two lines, a signer key each");
  }
  const log = parseLine(first, "first");
  const timestamp = parseLine(second, "second");
  if (log.type !== 1) throw new CoreError("key_file_malformed", "the first key must be of type 1 (Ed25519)");
  if (timestamp.type !== 4) throw new CoreError("key_file_malformed", "the second key must be of type 4 (cosignature)");
  if (timestamp.name !== timestampName(log.name)) {
    throw new CoreError("key_file_malformed", `the second key must be named ${timestampName(log.name)}`);
  }
  if (publicPart(log) === publicPart(timestamp)) {
    throw new CoreError("key_file_malformed", "the two keys must not be the same");
  }
  return { origin: log.name, log, timestamp };
}

function parseLine(line: string, which: string): NoteSigner {
  try {
    return parseSigner(line);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new CoreError("key_file_malformed", `the ${which} line: ${cause.message}`, { cause });
  }
}

/** The public key of a signer, without the type byte. */
function publicPart(signer: NoteSigner): string {
  const data = signer.vkey.slice(signer.name.length + 10);
  return Buffer.from(data, "base64").toString("hex", 1);
}
