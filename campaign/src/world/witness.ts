import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A witness: it cosigns a checkpoint of one log, and only where it extends the one before (c2sp.org/tlog-witness). */
export interface Witness {
  readonly url: string;
  readonly vkey: string;
  readonly close: () => void;
}

const NAME = "witness.campaign.example/w";

interface Tree {
  readonly size: number;
  readonly root: string;
}

const idOf = (name: string, data: Buffer): Buffer =>
  createHash("sha256").update(`${name}\n`).update(data).digest().subarray(0, 4);

/** Written from the specifications alone, with a memory and a key of its own. @param logVkey the log's Ed25519 key */
export async function startWitness(logVkey: string): Promise<Witness> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const data = Buffer.concat([Buffer.of(4), raw]);
  let held: Tree = { size: 0, root: createHash("sha256").digest("base64") };
  const answer = (body: string): readonly [number, string] => {
    const at = body.indexOf("\n\n");
    const [first = "", ...proof] = body.slice(0, at).split("\n");
    const note = body.slice(at + 2);
    const text = note.slice(0, note.indexOf("\n\n") + 1);
    if (!isSigned(note, text, logVkey)) return [403, ""];
    const [, size = "", root = ""] = text.split("\n");
    const shown = { size: Number(size), root };
    if (first !== `old ${held.size}`) return [409, `${held.size}\n`];
    if (!extendsTree(held, shown, proof)) return [422, ""];
    held = shown;
    const now = Math.floor(Date.now() / 1000);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(now));
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${now}\n${text}`), privateKey);
    return [200, `— ${NAME} ${Buffer.concat([idOf(NAME, data), time, signature]).toString("base64")}\n`];
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [status, said] = answer(Buffer.concat(chunks).toString("utf8"));
      response.writeHead(status, { "content-type": status === 409 ? "text/x.tlog.size" : "text/plain" }).end(said);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  const vkey = `${NAME}+${idOf(NAME, data).toString("hex")}+${data.toString("base64")}`;
  return { url: `http://127.0.0.1:${port}`, vkey, close };
}

function isSigned(note: string, text: string, logVkey: string): boolean {
  const [name = "", id = "", ...rest] = logVkey.split("+");
  const key = Buffer.concat([
    Buffer.from("302a300506032b6570032100", "hex"),
    Buffer.from(rest.join("+"), "base64").subarray(1),
  ]);
  const line = note.split("\n").find((one) => one.startsWith(`— ${name} `));
  const bytes = Buffer.from(line?.split(" ")[2] ?? "", "base64");
  return (
    bytes.subarray(0, 4).toString("hex") === id &&
    verify(null, Buffer.from(text), createPublicKey({ key, format: "der", type: "spki" }), bytes.subarray(4))
  );
}

/** RFC 9162, section 2.1.4.2. */
function extendsTree(old: Tree, next: Tree, proof: readonly string[]): boolean {
  if (next.size < old.size) return false;
  if (old.size === next.size) return proof.length === 0 && old.root === next.root;
  if (old.size === 0) return proof.length === 0;
  const isWhole = (old.size & (old.size - 1)) === 0;
  const [start, ...path] = (isWhole ? [old.root, ...proof] : proof).map((hash) => Buffer.from(hash, "base64"));
  if (start === undefined) return false;
  const node = (left: Buffer, right: Buffer): Buffer =>
    createHash("sha256").update(Buffer.of(1)).update(left).update(right).digest();
  let [older, newer]: [Buffer, Buffer] = [start, start];
  let [at, last] = [old.size - 1, next.size - 1];
  while (at % 2 === 1) [at, last] = [at >> 1, last >> 1];
  for (const hash of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      [older, newer] = [node(hash, older), node(hash, newer)];
      while (at % 2 === 0 && at !== 0) [at, last] = [at >> 1, last >> 1];
    } else newer = node(newer, hash);
    [at, last] = [at >> 1, last >> 1];
  }
  return last === 0 && older.toString("base64") === old.root && newer.toString("base64") === next.root;
}
