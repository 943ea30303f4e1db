/**
 * A real witness, litewitness: it cosigns what we publish, refuses a rollback, a bad proof and a changed signature, and we
 * refuse its cosignature with any byte changed.
 */
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../packages/testkit/src/index.ts";
import { formatAddCheckpoint, parseHeadParts, parseNote, sha256, toHex } from "../../packages/core/src/index.ts";

/** What `go install` takes. */
export const LITEWITNESS = "filippo.io/torchwood/cmd/litewitness@v0.6.1";

const NAME = "witness.example/litewitness";
const EMPTY_ROOT = Buffer.from(sha256("")).toString("base64");

interface Litewitness extends AsyncDisposable {
  readonly url: string;
  readonly vkey: string;
}

/** Starts it with a new key, which an ssh-agent holds. It knows one log. */
async function start(
  program: string,
  folder: string,
  log: { readonly origin: string; readonly vkey: string },
): Promise<Litewitness> {
  mkdirSync(folder);
  const [key, socket, database] = [join(folder, "key"), join(folder, "agent"), join(folder, "db")];
  const ssh = (name: string, ...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(name, args, {
      encoding: "utf8",
      env: { ...process.env, SSH_AUTH_SOCK: socket },
    });
    assert.equal(status, 0, `${name}: ${stderr}`);
    return stdout;
  };
  ssh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key);
  const fingerprint = ssh("ssh-keygen", "-lf", `${key}.pub`).split(" ")[1] ?? "";
  const running: ChildProcess[] = [];
  const end = async (): Promise<void> => {
    for (const child of running.toReversed()) {
      if (child.exitCode !== null) continue;
      child.kill();
      await once(child, "exit");
    }
  };
  running.push(spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" }));
  for (
    let tries = 0;
    spawnSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket } }).status !== 0;
  )
    await sleep(100, assert.ok((tries += 1) < 100, "ssh-agent does not answer"));
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  const args = ["-db", database, "-name", NAME, "-key", fingerprint, "-ssh-agent", socket, "-listen", listen];
  running.push(spawn(program, args, { stdio: "ignore" }));
  const url = `http://${listen}`;
  for (
    let tries = 0;
    !(await fetch(url).then(
      () => true,
      () => false,
    ));
  )
    await sleep(100, assert.ok((tries += 1) < 100, "litewitness does not answer"));
  const entered = new DatabaseSync(database);
  entered.prepare("insert into log values (?, 0, ?)").run(log.origin, EMPTY_ROOT);
  entered.prepare("insert into key values (?, ?)").run(log.origin, log.vkey);
  entered.close();
  // ssh-ed25519 in its wire form ends with the 32 bytes of the key.
  const wire = Buffer.from(readFileSync(`${key}.pub`, "utf8").split(" ")[1] ?? "", "base64");
  const data = Buffer.concat([Uint8Array.of(4), wire.subarray(-32)]);
  const id = toHex(sha256(Buffer.concat([Buffer.from(`${NAME}\n`), data]))).slice(0, 8);
  return { url, vkey: `${NAME}+${id}+${data.toString("base64")}`, [Symbol.asyncDispose]: end };
}

/** What the checks need of a log that has been published already. */
export interface PublishedLog {
  readonly program: string;
  readonly folder: string;
  readonly origin: string;
  readonly logVkey: string;
  /** Lines of its heads. */
  readonly heads: () => string[];
  /** Adds rows, and publishes. */
  readonly publish: (env: Readonly<Record<string, string>>) => { witnesses: { status: string; size: number }[] };
  /** Makes a proof of an event in a file. */
  readonly prove: (path: string) => void;
  /** The exit code of verify-proof. */
  readonly verify: (path: string, env: Readonly<Record<string, string>>) => number | null;
}

/** Throws where it does not do what a witness has to do, or we take what we must not. */
export async function checkLitewitness(log: PublishedLog): Promise<void> {
  const folder = join(log.folder, "litewitness");
  await using witness = await start(log.program, folder, { origin: log.origin, vkey: log.logVkey });
  const policy = join(folder, "policy");
  writeFileSync(policy, `log ${log.logVkey}\nwitness W ${witness.vkey} ${witness.url}\nquorum W\n`);
  const env = { AUDIT_TRUST_POLICY: policy };
  const asking = { ...env, WITNESS: `witness:${witness.url}` };

  assert.deepEqual(
    log.publish(asking).witnesses.map(({ status }) => status),
    ["cosigned"],
  );
  const [seen] = log.publish(asking).witnesses;
  assert.equal(seen?.status, "cosigned");

  const proof = join(folder, "cosigned.tlog-proof");
  log.prove(proof);
  assert.equal(log.verify(proof, env), 0);
  const lines = readFileSync(proof, "utf8").split("\n");
  const at = lines.findIndex((line) => line.startsWith(`— ${NAME} `));
  const cosignature = Buffer.from(lines[at]?.split(" ")[2] ?? "", "base64");
  assert.equal(cosignature.length, 76);
  for (const byte of [0, 4, 11, 12, 43, 75]) {
    const bad = cosignature.with(byte, (cosignature.at(byte) ?? 0) ^ 1);
    writeFileSync(proof, lines.with(at, `— ${NAME} ${Buffer.from(bad).toString("base64")}`).join("\n"));
    assert.equal(log.verify(proof, env), 3, `byte ${byte} of its cosignature`);
  }

  // Without it there is a larger tree, which is then shown to it with a bad proof.
  log.publish({});
  const checkpoints = log.heads().map((line) => parseHeadParts(line).checkpoint);
  const [first = "", last = ""] = [checkpoints[0], checkpoints.at(-1)];
  const ask = async (oldSize: number, proof: readonly Uint8Array[], checkpoint: string): Promise<Response> =>
    await fetch(`${witness.url}/add-checkpoint`, {
      method: "POST",
      body: formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint }),
    });
  const rollback = await ask(0, [], first);
  assert.deepEqual(
    [rollback.status, rollback.headers.get("content-type"), await rollback.text()],
    [409, "text/x.tlog.size", `${seen.size}\n`],
  );
  assert.equal((await ask(seen.size, [sha256("no"), sha256("proof")], last)).status, 422);
  const { text } = parseNote(last);
  const signed = last.slice(text.length + 1).split("\n")[0] ?? "";
  // One character of the signature, behind the key ID.
  const flipped = signed.replace(/.(?=.{40}$)/u, (one) => (one === "A" ? "B" : "A"));
  assert.equal((await ask(seen.size, [], `${text}\n${flipped}\n`)).status, 403);
  assert.deepEqual(
    log.publish(asking).witnesses.map(({ status }) => status),
    ["cosigned"],
  );
}
