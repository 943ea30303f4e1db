import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A real S3 server, over a folder: conditional writes, versions, Object Lock. */
const VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";

/** What the SDK takes from its environment. */
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: "audit", AWS_SECRET_ACCESS_KEY: "audit-secret" } as const;

/** The server's program: `AUDIT_TEST_VERSITYGW`, else it is compiled (some two minutes) into a folder. */
export function gatewayProgram(folder: string): string {
  const given = process.env["AUDIT_TEST_VERSITYGW"];
  if (given !== undefined) return given;
  const env = { ...process.env, GOBIN: folder, GOFLAGS: "-mod=mod" };
  execFileSync("go", ["install", VERSITYGW], { env, stdio: "inherit" });
  return join(folder, "versitygw");
}

export interface Gateway extends AsyncDisposable {
  readonly endpoint: string;
}

/** @param versions whether its buckets can keep versions */
export async function startGateway(program: string, { versions }: { readonly versions: boolean }): Promise<Gateway> {
  const folder = mkdtempSync(join(tmpdir(), "audit-s3-"));
  const [data, kept] = [join(folder, "data"), join(folder, "versions")];
  for (const each of [data, kept]) mkdirSync(each);
  const port = await freePort();
  const args = [
    "--port",
    `127.0.0.1:${port}`,
    "--quiet",
    "posix",
    ...(versions ? ["--versioning-dir", kept] : []),
    data,
  ];
  const env = {
    ...process.env,
    ROOT_ACCESS_KEY: CREDENTIALS.AWS_ACCESS_KEY_ID,
    ROOT_SECRET_KEY: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
  };
  const server = spawn(program, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  const endpoint = `http://127.0.0.1:${port}`;
  await answers(endpoint, server);
  return {
    endpoint,
    [Symbol.asyncDispose]: async () => {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(endpoint: string, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline && server.exitCode === null) {
    // Whatever it says, it is there.
    const isThere = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await sleep(50);
  }
  server.kill();
  throw new Error(`versitygw does not answer at ${endpoint}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
