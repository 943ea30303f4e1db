/**
 * The publisher's key file: two secret signer keys (note-key.ts), a line each, or three.
 *
 *     PRIVATE+KEY+scidex.ai/audit-chain+<key ID>+<base64>
 *     PRIVATE+KEY+scidex.ai/audit-chain/timestamp+<key ID>+<base64>
 *     PRIVATE+KEY+scidex.ai/audit-chain+<key ID>+<base64>
 *
 * The first is the log's key, named as its origin, type 1: it signs checkpoints. The second is the time-stamping key,
 * named origin and `/timestamp`, type 4: it cosigns them with their time. A third, where it was asked for, is the log's
 * ML-DSA-44 key, named as its origin, type 6: it signs checkpoints too, and holds against quantum computers.
 *
 * A key that lies elsewhere, in an ssh-agent, has its verifier key there instead (signer.ts):
 *
 *     AGENT+KEY+scidex.ai/audit-chain+<key ID>+<base64>
 *
 * The first two never share a seed, since a cosignature does not say whose it is (c2sp.org/tlog-cosignature). The file must
 * be readable by its owner only; whoever reads and writes it sees to that.
 */
import { CoreError } from "./errors.ts";
import { generateSigningKey, type NoteSigner, parseSigner } from "./note-key.ts";
import { elsewhereLine, isElsewhere, type KeyElsewhere, parseElsewhere } from "./signer.ts";

/** The keys of a publisher. */
export interface PublisherKeys {
  /** The log's name in its checkpoints. */
  readonly origin: string;
  /** Signs checkpoints; named as the origin, type 1. */
  readonly log: NoteSigner;
  /** Cosigns them with their time; named as `timestampName(origin)`, type 4. */
  readonly timestamp: NoteSigner;
  /** Signs checkpoints too, by ML-DSA-44; named as the origin, type 6. Undefined where the log has none. */
  readonly postQuantum?: NoteSigner | undefined;
}

/** The keys that sign a checkpoint, in the order of the key file. */
export const signersOf = ({ log, timestamp, postQuantum }: PublisherKeys): NoteSigner[] => [
  log,
  timestamp,
  ...(postQuantum === undefined ? [] : [postQuantum]),
];

/** The verifier keys of a publisher, in the order of its key file. */
export const vkeysOf = ({ log, timestamp, postQuantum }: PublisherKeys): Vkeys =>
  postQuantum === undefined ? [log.vkey, timestamp.vkey] : [log.vkey, timestamp.vkey, postQuantum.vkey];

/** Verifier keys of a log: its own, that of its time-stamping, and its ML-DSA-44 key where it has one. */
export type Vkeys = readonly [string, string] | readonly [string, string, string];

/** The name of a log's time-stamping key. */
export function timestampName(origin: string): string {
  return `${origin}/timestamp`;
}

/**
 * New keys for a log: the text of its key file, and the verifier keys to be given to verifiers, the log's first.
 *
 * @param options.postQuantum with an ML-DSA-44 key
 * @throws {CoreError} `name_malformed`; `key_unsupported` where this Node.js has no ML-DSA
 */
export function generateKeyFile(
  origin: string,
  { postQuantum = false }: { readonly postQuantum?: boolean } = {},
): { text: string; vkeys: Vkeys } {
  const log = generateSigningKey(origin, 1);
  const timestamp = generateSigningKey(timestampName(origin), 4);
  const text = `${log.signer}\n${timestamp.signer}\n`;
  if (!postQuantum) return { text, vkeys: [log.vkey, timestamp.vkey] };
  const third = generateSigningKey(origin, 6);
  return { text: `${text}${third.signer}\n`, vkeys: [log.vkey, timestamp.vkey, third.vkey] };
}

/** The text of a key file of keys that lie elsewhere. */
export const keyFileElsewhere = (vkeys: Vkeys): string => vkeys.map((vkey) => `${elsewhereLine(vkey)}\n`).join("");

/**
 * The keys of a key file. Error messages never repeat any of it.
 *
 * @param elsewhere what knows keys that do not lie in the file; without it, a file that names one is refused
 * @throws {CoreError} `key_file_malformed`
 */
export function parseKeyFile(text: string, elsewhere?: KeyElsewhere): PublisherKeys {
  const lines = text.split("\n", 5);
  const [first = "", second = "", third = ""] = lines;
  if (lines.at(-1) !== "" || lines.length < 3 || lines.length > 4)
    throw new CoreError("key_file_malformed", "a key file has two lines or three, a signer key each");
  const log = parseLine(first, "first", elsewhere);
  const timestamp = parseLine(second, "second", elsewhere);
  if (log.type !== 1) throw new CoreError("key_file_malformed", "the first key must be of type 1 (Ed25519)");
  if (timestamp.type !== 4) throw new CoreError("key_file_malformed", "the second key must be of type 4 (cosignature)");
  if (timestamp.name !== timestampName(log.name)) {
    throw new CoreError("key_file_malformed", `the second key must be named ${timestampName(log.name)}`);
  }
  if (publicPart(log) === publicPart(timestamp)) {
    throw new CoreError("key_file_malformed", "the two keys must not be the same");
  }
  if (lines.length === 3) return { origin: log.name, log, timestamp };
  const postQuantum = parseLine(third, "third", elsewhere);
  if (postQuantum.type !== 6 || postQuantum.name !== log.name)
    throw new CoreError("key_file_malformed", `the third key must be of type 6 (ML-DSA-44), and named ${log.name}`);
  return { origin: log.name, log, timestamp, postQuantum };
}

function parseLine(line: string, which: string, elsewhere: KeyElsewhere | undefined): NoteSigner {
  try {
    return elsewhere !== undefined && isElsewhere(line) ? parseElsewhere(line, elsewhere) : parseSigner(line);
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
