import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { isOwnHost } from "../../src/endpoint/own-host.ts";
import { start } from "../command.ts";
import { type Log, openLog } from "../log.ts";
import { readPrometheus } from "../prometheus.ts";

interface Response {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** A request with headers of our own making: fetch would set the Host header itself. */
async function ask(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  const sent = request(url, { method, headers, agent: false });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk as string;
  return { status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", text };
}

interface Entry {
  readonly level: string;
  readonly job: string;
  readonly status: string;
  readonly url?: string;
}

/** The daemon, once it says where it listens. */
async function serve(log: Log, ...args: string[]) {
  const quick = ["--publish-every", "1s", "--verify-every", "1s", "--since-head", "1s"];
  const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const { child, ended, output } = start(log, ["run", "--json", ...quick, ...listen, ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const entries = (): Entry[] =>
    output()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Entry);
  const until = async <T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(`it has ended: ${(await ended).stderr}`);
      await sleep(20);
    }
  };
  const given = args[args.indexOf("--listen") + 1];
  const url = await until(async () => {
    if (!args.includes("--listen")) return entries().find(({ job }) => job === "listen")?.url;
    const answer = await ask(`http://${given}/healthz`).catch(() => undefined);
    return answer && `http://${given}`;
  });
  /** Asks for readiness until it is so. */
  const ready = async (isSo: (response: Response) => boolean): Promise<Response> =>
    until(async () => {
      const response = await ask(`${url}/readyz`);
      return isSo(response) ? response : undefined;
    });
  return { child, ended, output, entries, until, url, ready };
}

describe("what audit-publisher run serves", () => {
  it("is scraped in both formats, says whether the jobs do their work, and nothing of keys and rows", async () => {
    const log = await openLog();
    await log.append("the-secret-key-of-a-row");
    const file = join(log.folder, "m.prom");
    const run = await serve(log, "--metrics", file, "--listen-name", "Publisher.Example");
    const ready = await run.ready(({ status, text }) => status === 200 && text.includes('"verify":"intact"'));
    expect([ready.type, JSON.parse(ready.text)]).toEqual([
      "application/json",
      { ready: true, jobs: { seal: "intact", publish: "intact", verify: "intact" } },
    ]);
    expect(await ask(`${run.url}/healthz`)).toMatchObject({ status: 200, text: "ok\n" });

    const plain = await ask(`${run.url}/metrics`);
    expect(plain).toMatchObject({ status: 200, type: expect.stringContaining("version=0.0.4") });
    const open = await ask(`${run.url}/metrics`, { Accept: "application/openmetrics-text;version=1.0.0,*/*;q=0.1" });
    expect(open.type).toContain("application/openmetrics-text");
    expect(open.text).toMatch(/^audit_chain_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
    expect(open.text).toMatch(/\n# EOF\n$/);
    expect(open.text).toMatch(/^audit_chain_run_status\{run="seal",status="intact"\} 1$/m);
    // The file has the same samples of the run that everything is verified in, which ended once.
    const full = [...readPrometheus(readFileSync(file, "utf8"))].filter(([name]) => name.includes('run="full"'));
    expect(full.length).toBeGreaterThan(20);
    for (const [series, value] of full) expect(plain.text.split("\n")).toContain(`${series} ${value}`);

    const key = readFileSync(log.keyFile, "utf8");
    const secrets = [...key.matchAll(/PRIVATE\+KEY\+\S+\+(\S+)/g)].map((match) => match[1] ?? "");
    expect(secrets.length).toBeGreaterThan(0);
    for (const { text } of [plain, open, ready])
      for (const secret of [...secrets, "the-secret-key", log.url]) expect(text).not.toContain(secret);

    // A page whose name leads to this address (DNS rebinding).
    const { port } = new URL(run.url);
    for (const path of ["/metrics", "/healthz", "/readyz"])
      for (const Host of ["evil.example", `evil.example:${port}`, "10.0.0.1", "127.0.0.1.evil.example", "-"])
        expect(await ask(run.url + path, { Host }), Host).toMatchObject({ status: 421 });
    for (const Host of ["localhost", `127.0.0.1:${port}`, "publisher.example:80", "[::1]"])
      expect(await ask(`${run.url}/healthz`, { Host }), Host).toMatchObject({ status: 200 });
    expect(await ask(`${run.url}/metrics`, {}, "POST")).toMatchObject({ status: 405 });
    expect(await ask(`${run.url}/etc/passwd`)).toMatchObject({ status: 404 });
    expect(await ask(`${run.url}/healthz?verbose`, {}, "HEAD")).toMatchObject({ status: 200, text: "" });

    // It has found tampering, and does its work.
    await log.attack("update public.audit_chain set payload_hash = sha256('y') where seq = 1");
    await run.ready(({ status, text }) => status === 200 && text.includes('"verify":"tampered"'));
    const after = await ask(`${run.url}/metrics`);
    expect(after.text).toMatch(/^audit_chain_run_status\{run="window",status="tampered"\} 1$/m);
    const levels = new Map(run.entries().map(({ job, status, level }) => [`${job} ${status}`, level]));
    expect(levels.get("verify tampered")).toBe("error");
    expect(levels.get("verify-full intact")).toBe("info");

    await log.sql`alter table public.audit_chain rename to gone`;
    const broken = await run.ready(({ status }) => status === 503);
    expect(JSON.parse(broken.text)).toMatchObject({ ready: false });
    expect(await ask(`${run.url}/healthz`)).toMatchObject({ status: 200 });

    // Whoever asks slowly does not keep it from ending.
    const slow = connect(Number(port), "127.0.0.1");
    slow.on("error", () => undefined);
    await once(slow, "connect");
    slow.write("GET /metrics HTTP/1.1\r\nHost: local");
    run.child.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ exit: 0, stderr: "" });
    slow.destroy();
  }, 120_000);

  it("is there again after a kill, at the same address, and knows of the night before", async () => {
    const log = await openLog();
    await log.append("1");
    const file = join(log.folder, "m.prom");
    const first = await serve(log, "--metrics", file);
    await first.until(() => first.entries().find(({ job }) => job === "verify"));
    const at = readPrometheus(readFileSync(file, "utf8")).get('audit_chain_verification_timestamp_seconds{run="full"}');
    first.child.kill("SIGKILL");
    await first.ended;
    await expect(ask(`${first.url}/healthz`)).rejects.toThrow(/ECONNREFUSED/);

    const second = await serve(log, "--metrics", file, "--listen", new URL(first.url).host, "--log-level", "warn");
    const { text } = await ask(`${second.url}/metrics`);
    expect(text).toContain(`audit_chain_verification_timestamp_seconds{run="full"} ${at}\n`);
    await second.ready(({ status }) => status === 200);
    expect(second.entries().filter(({ level }) => level === "info" || level === undefined)).toEqual([]);
  }, 120_000);

  it.each([
    ["no port", "localhost", /--listen is "localhost"; expected an address and a port/],
    ["a port that there is not", "127.0.0.1:70000", /--listen is/],
    ["a port that is taken", "", /--listen 127\.0\.0\.1:\d+: .*EADDRINUSE.*give another address, or --listen off/],
  ])("does not start with %s", async (_, listen, message) => {
    const log = await openLog();
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { ended } = start(log, ["run", "--listen", listen || taken]);
    expect(await ended).toMatchObject({ exit: 2, stderr: expect.stringMatching(message) });
  });
});

describe("a Host header", () => {
  const names = new Set(["publisher"]);
  it.each([
    ["localhost:9766", "127.0.0.1", true],
    ["LOCALHOST", "127.0.0.1", true],
    ["[::1]:9766", "::1", true],
    ["10.1.2.3:9766", "::ffff:10.1.2.3", true],
    ["[2001:DB8::1]", "2001:db8::1", true],
    ["publisher:9766", "10.1.2.3", true],
    ["10.1.2.4", "10.1.2.3", false],
    ["publisher.evil.example", "10.1.2.3", false],
    ["localhost.", "127.0.0.1", false],
    ["publisher:9766:1", "10.1.2.3", false],
    ["publisher@evil", "10.1.2.3", false],
    ["[publisher]", "10.1.2.3", false],
    ["", "127.0.0.1", false],
    [undefined, "127.0.0.1", false],
  ])("%j at %s is ours: %s", (host, localAddress, isOurs) => {
    expect(isOwnHost(host, localAddress, names)).toBe(isOurs);
  });
});
