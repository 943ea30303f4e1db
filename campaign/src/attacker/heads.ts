import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A line of a head log. */
export interface HeadLine {
  seq: number;
  chain_hash: string;
  appended_at: string;
  published_at: string;
  checkpoint: string;
  entry: string;
  proof: string[];
}

export const readHead = (line: string): HeadLine => JSON.parse(line) as HeadLine;

/** Lines of statements stand between those of heads. */
export const isStatement = (line: string): boolean => line.startsWith('{"statement":');

export const noteOf = (line: string): string => (JSON.parse(line) as { statement: string }).statement;

/** The log's name. */
export const originOf = (line: string): string =>
  isStatement(line)
    ? (JSON.parse(noteOf(line).split("\n")[1] ?? "") as { origin: string }).origin
    : (readHead(line).checkpoint.split("\n")[0] ?? "");

/** A log of the attacker's own: the same lines, signed with keys that nobody trusts, or not at all. */
export function forge(line: string, origin: string, keys: LogKeys, isSigned: boolean, publishedAt?: string): string {
  const noteWith = (text: string): string =>
    isSigned
      ? `${text}\n— ${origin} ${keys.sign(origin, 1, text)}\n— ${origin}/timestamp ${keys.cosign(`${origin}/timestamp`, text)}\n`
      : `${text}\n`;
  if (isStatement(line)) {
    const [said = ""] = noteOf(line).split("\n\n");
    const text = `${said.replace(`"origin":${JSON.stringify(originOf(line))}`, `"origin":${JSON.stringify(origin)}`)}\n`;
    return JSON.stringify({ statement: noteWith(text) });
  }
  const head = readHead(line);
  const [body = ""] = head.checkpoint.split("\n\n");
  const note = noteWith(`${body.replace(/^[^\n]*/u, origin)}\n`);
  return JSON.stringify({ ...head, published_at: publishedAt ?? head.published_at, checkpoint: note });
}

/** Keys of the attacker's own, of which nobody knows anything. */
export function newKeys(): LogKeys {
  const { privateKey } = generateKeyPairSync("ed25519");
  return logKeys(privateKey, privateKey);
}

/** The keys of a publisher's key file. */
export function stolenKeys(keyFile: string): LogKeys {
  const [log, time] = keyFile.split("\n", 2).map((line) => {
    // PRIVATE+KEY+name+ID+base64: the key's type, and its seed.
    const seed = Buffer.from(line.split("+").slice(4).join("+"), "base64").subarray(1);
    const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  });
  if (log === undefined || time === undefined) throw new Error("no key file");
  return logKeys(log, time);
}

/** Signs as a log does: key IDs, signatures and cosignatures as signed notes have them. */
interface LogKeys {
  readonly sign: (name: string, type: number, text: string) => string;
  readonly cosign: (name: string, text: string) => string;
}

function logKeys(log: KeyObject, time: KeyObject): LogKeys {
  const idOf = (key: KeyObject, name: string, type: number): Buffer =>
    createHash("sha256")
      .update(`${name}\n`)
      .update(Buffer.from([type]))
      .update(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32))
      .digest()
      .subarray(0, 4);
  return {
    sign: (name, type, text) =>
      Buffer.concat([idOf(log, name, type), sign(null, Buffer.from(text), log)]).toString("base64"),
    cosign: (name, text) => {
      const now = Math.floor(Date.now() / 1000);
      const at = Buffer.alloc(8);
      at.writeBigUInt64BE(BigInt(now));
      const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${now}\n${text}`), time);
      return Buffer.concat([idOf(time, name, 4), at, signature]).toString("base64");
    },
  };
}

/** A head of another tree of the same size: its last leaf is another one. The proof of it stays as it is. */
export function forkedLine(line: string, entry: string): string {
  const head = readHead(line);
  const hash = (...parts: readonly (Uint8Array | string)[]): Buffer => {
    const sum = createHash("sha256");
    for (const part of parts) sum.update(part);
    return sum.digest();
  };
  // The last leaf has all others to its left.
  const root = head.proof.reduce(
    (right, left) => hash(Buffer.of(1), Buffer.from(left, "base64"), right),
    hash(Buffer.of(0), entry),
  );
  const [origin = "", size = ""] = head.checkpoint.split("\n");
  const checkpoint = `${origin}\n${size}\n${root.toString("base64")}\n\n`;
  const { chain_hash: chainHash } = JSON.parse(entry) as { chain_hash: string };
  return JSON.stringify({ ...head, chain_hash: chainHash, checkpoint, entry });
}
