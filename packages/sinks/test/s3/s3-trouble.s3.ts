// Scenario: the server cannot be reached, does not answer, refuses; or its answer is lost.
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { openSink as open, SinkError } from "../../src/index.ts";
import { openSink, textsOf } from "../folder.ts";
import { headLine, leaves } from "../tiles/log.ts";
import { createBucket } from "./bucket.ts";
import { checkBucketTree } from "./tree.ts";

async function errorOf(call: Promise<unknown>): Promise<SinkError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SinkError) return error;
  throw new Error("expected a SinkError", { cause: error });
}

/** Between the sink and its server. @param between what happens to a connection, what comes back is passed on there */
async function proxy(endpoint: string, between: (from: Socket, to: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(Number(port), hostname);
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    from.pipe(to);
    from.on("close", () => to.destroy());
    between(from, to);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${address === null || typeof address === "string" ? 0 : address.port}`;
}

describe("an s3 sink in trouble", () => {
  it("says what is missing, and what to do", async () => {
    const bucket = await createBucket("versions");
    const nowhere = openSink(`s3://not-there/log?endpoint=${bucket.endpoint}`);
    for (const call of [() => textsOf(nowhere), () => nowhere.append([headLine(3)], { leaves })])
      expect(await errorOf(call())).toMatchObject({
        code: "folder_missing",
        message: expect.stringMatching(/create it once/u) as string,
      });
    const silent = openSink("s3://audit/log?endpoint=http://127.0.0.1:9", { timeoutMs: 5_000 });
    expect(await errorOf(textsOf(silent))).toMatchObject({
      code: "io",
      message: expect.stringMatching(/endpoint/u) as string,
    });
    const unlocked = openSink(bucket.url("log", "&retention=P1Y"));
    expect(await errorOf(unlocked.append([headLine(3)], { leaves }))).toMatchObject({
      code: "io",
      message: expect.stringMatching(/Object Lock/u) as string,
    });
  });

  it("does not show credentials that are refused", async () => {
    const { AWS_SECRET_ACCESS_KEY: secret } = process.env;
    const bucket = await createBucket("versions");
    process.env["AWS_SECRET_ACCESS_KEY"] = "a-wrong-secret";
    onTestFinished(() => void (process.env["AWS_SECRET_ACCESS_KEY"] = secret));
    const error = await errorOf(textsOf(openSink(bucket.url())));
    expect([error.code, error.message]).toEqual(["permission", expect.not.stringContaining("a-wrong-secret")]);
  });

  it("locks each object for as long as it is told", async () => {
    const bucket = await createBucket("locked");
    await openSink(bucket.url("log", "&retention=P3Y&mode=compliance")).append([headLine(3)], { leaves });
    const keys = await bucket.keys("log/");
    expect(keys).toHaveLength(4);
    for (const key of keys) {
      const { Mode: mode, RetainUntilDate: until } = await bucket.retention(key);
      expect([mode, until?.getUTCFullYear()]).toEqual(["COMPLIANCE", new Date().getUTCFullYear() + 3]);
    }
  });

  it.each(["at once", "after the first bytes"])("does not wait for a server that falls silent: %s", async (when) => {
    const bucket = await createBucket("versions");
    await openSink(bucket.url()).append([headLine(300)], { leaves });
    let isSilent = false;
    const endpoint = await proxy(inject("endpoints").versions, (from, to) => {
      to.on("data", (bytes: Buffer) => {
        if (isSilent) return;
        isSilent = when === "after the first bytes" && bytes.includes("200 OK") && bytes.includes("x-amz-version-id");
        // The headers, and a part of what they promise.
        from.write(isSilent ? bytes.subarray(0, bytes.indexOf("\r\n\r\n") + 24) : bytes);
      });
    });
    isSilent = when === "at once";
    const sink = open(`s3://${bucket.name}/log?endpoint=${endpoint}`, { timeoutMs: 1_500 });
    const started = performance.now();
    expect(await errorOf(textsOf(sink))).toMatchObject({ code: "timeout" });
    expect(performance.now() - started).toBeLessThan(10_000);
    await sink.close();
    isSilent = when === "at once";
    const stop = new AbortController();
    const stopped = open(`s3://${bucket.name}/log?endpoint=${endpoint}`, { signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    expect(await errorOf(textsOf(stopped))).toMatchObject({ code: "aborted" });
    await stopped.close();
  });

  it.each(["chain_head.log", "checkpoint", "tile"])("has written once what it was not told of: %s", async (name) => {
    const bucket = await createBucket("locked");
    let lost = 0;
    const endpoint = await proxy(inject("endpoints").versions, (from, to) => {
      let isWriting = false;
      from.on("data", (bytes: Buffer) => {
        isWriting = new RegExp(`^PUT /[^ ]*${name}`, "u").test(bytes.toString("latin1"));
      });
      to.on("data", (bytes: Buffer) => {
        const isLost = isWriting && lost === 0;
        lost += isLost ? 1 : 0;
        if (isLost) from.destroy();
        else from.write(bytes);
      });
      to.on("end", () => from.end());
    });
    const sink = openSink(`s3://${bucket.name}/log?endpoint=${endpoint}`);
    const line = headLine(300);
    await sink.append([line], { leaves, after: 0 });
    expect(lost).toBe(1);
    expect(await textsOf(sink)).toEqual([line]);
    expect(await checkBucketTree(sink)).toBe(300n);
    for (const key of await bucket.keys("log/")) expect(await bucket.versionsOf(key)).toHaveLength(1);
  });
});
