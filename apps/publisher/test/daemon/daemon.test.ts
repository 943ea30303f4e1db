import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { nextDaily, parseTimeOfDay } from "../../src/daemon/daily.ts";
import { repeat } from "../../src/daemon/repeat.ts";
import { start } from "../command.ts";
import { listen } from "../listener.ts";
import { type Log, linesOf, openLog } from "../log.ts";
import { readPrometheus } from "../prometheus.ts";

const QUICK = ["--json", "--listen", "off", "--publish-every", "1s", "--verify-every", "1s", "--since-head", "1s"];

interface Entry {
  readonly job: string;
  readonly status: string;
  readonly message: string;
  readonly sealed?: number;
  readonly first_divergence?: { readonly check: string } | null;
}

/** The daemon, on a way to the database that can be closed and opened. */
async function daemon(log: Log, args: string[], env: Record<string, string> = {}) {
  const database = new URL(log.url);
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    sockets.add(near);
    near.on("error", () => {});
    const far = connect(Number(database.port), database.hostname);
    sockets.add(far);
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    near.pipe(far).pipe(near);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  const url = new URL(log.url);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  const running = start(log, ["run", ...args], { AUDIT_DATABASE_URL: url.href, ...env });
  onTestFinished(() => {
    running.child.kill("SIGKILL");
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const entries = (): Entry[] =>
    running
      .output()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Entry);
  return {
    ...running,
    entries,
    /** Waits for an entry after the first `after` ones. */
    said: async (isIt: (entry: Entry) => boolean, after = 0): Promise<Entry> => {
      for (;;) {
        const found = entries().slice(after).find(isIt);
        if (found) return found;
        if (running.child.exitCode !== null) throw new Error(`it has ended: ${(await running.ended).stderr}`);
        await sleep(20);
      }
    },
    setOpen: (open: boolean) => {
      if (open) {
        proxy.listen(port, "127.0.0.1");
      } else {
        proxy.close();
        for (const socket of sockets) socket.destroy();
      }
    },
  };
}

describe("audit-publisher run", () => {
  it("seals, publishes and verifies, finds what was done, and ends with 0 when it is told to", async () => {
    const log = await openLog();
    const hook = await listen();
    const metrics = join(log.folder, "m.prom");
    await log.sql`select public.audit_chain_enqueue('thing', k::text, sha256('x')) from generate_series(1, 25) k`;
    const run = await daemon(log, [...QUICK, "--metrics", metrics, "--alert-webhook", hook.url.href], {
      AUDIT_WEBHOOK_SECRET: "a secret of the receiver",
    });
    await run.said(({ job, status }) => job === "publish" && status === "intact");
    // The night that was never there comes first, then the newest part.
    await run.said(({ job, status }) => job === "verify-full" && status === "intact");
    await run.said(({ job, status }) => job === "verify" && status === "intact");
    await log.sql`select public.audit_chain_enqueue('thing', '26', sha256('x'))`;
    // By the sealer, or by the publisher, which seals first.
    await run.said(({ sealed }) => sealed === 1);

    const before = run.entries().length;
    await log.attack("update public.audit_chain set payload_hash = sha256('y') where seq = 26");
    expect(await run.said(({ job, status }) => job === "verify" && status === "tampered", before)).toMatchObject({
      first_divergence: { check: "event_hash" },
    });
    const [{ n = 0 } = {}] = await log.sql`select count(*)::int as n from public.senate_alerts`;
    expect(n).toBeGreaterThan(0);
    expect(hook.received.map(({ body }) => (JSON.parse(body) as { event: string }).event)).toContain(
      "audit_chain_break",
    );
    expect(
      readPrometheus(readFileSync(metrics, "utf8")).get('audit_chain_run_status{run="window",status="tampered"}'),
    ).toBe(1);

    run.child.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ exit: 0, stderr: "" });
  }, 120_000);

  it("goes on through a database that is away for a while, from the start on", async () => {
    const log = await openLog();
    await log.append("1");
    const run = await daemon(log, QUICK);
    run.setOpen(false);
    for (const job of ["seal", "publish"]) await run.said((entry) => entry.job === job && entry.status === "failed");
    run.setOpen(true);
    await run.said(({ job, status }) => job === "publish" && status === "intact");
    await run.said(({ job, status }) => job === "verify-full" && status === "intact");

    run.setOpen(false);
    let at = run.entries().length;
    for (const job of ["seal", "publish", "verify"])
      await run.said((entry) => entry.job === job && entry.status === "failed", at);
    run.setOpen(true);
    at = run.entries().length;
    await log.sql`select public.audit_chain_enqueue('thing', '2', sha256('x'))`;
    await run.said(({ job, status }) => job === "publish" && status === "intact", at);
    await run.said(({ job, status }) => job === "verify" && status === "intact", at);
    expect(new Set(linesOf(log.paths[0])).size).toBe(linesOf(log.paths[0]).length);
    run.child.kill("SIGINT");
    expect(await run.ended).toMatchObject({ exit: 0 });
  }, 180_000);

  it("goes on when the server ends its sessions in the middle of what they do", async () => {
    const log = await openLog();
    await log.append("1");
    const run = await daemon(log, QUICK);
    await run.said(({ job, status }) => job === "verify" && status === "intact");
    const at = run.entries().length;
    const failed = () =>
      run
        .entries()
        .slice(at)
        .filter(({ status }) => status === "failed");
    while (failed().filter(({ job }) => job === "verify").length < 8) {
      expect(run.child.exitCode).toBe(null);
      await sleep(Math.random() * 200);
      await log.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' and application_name like 'audit-%'`;
    }
    for (const { message } of failed()) expect(message).toMatch(/connection to the database was lost|cannot connect/);
    const then = run.entries().length;
    await run.said(({ job, status }) => job === "verify" && status === "intact", then);
    run.child.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ exit: 0, stderr: "" });
  }, 180_000);

  it("ends while the database does not answer", async () => {
    const log = await openLog();
    const silent = createServer(() => {});
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const { child, ended } = start(log, ["run", "--listen", "off"], {
      AUDIT_DATABASE_URL: `postgres://u@127.0.0.1:${port}/x`,
    });
    await once(silent, "connection");
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ exit: 0 });
    silent.close();
  }, 60_000);

  it.each([
    ["no key", { AUDIT_SIGNING_KEY_FILE: "" }, [], /AUDIT_SIGNING_KEY_FILE/],
    ["no sinks", { AUDIT_SINKS: "" }, [], /no sinks/],
    ["a sink twice", { AUDIT_SINKS: "file:/tmp/a,file:/tmp/a" }, [], /listed twice/],
    ["a wrong time of day", {}, ["--full-at", "25:00"], /--full-at/],
    ["a wrong interval", {}, ["--seal-every", "0s"], /duration/],
  ])("does not start with %s", async (_, env, args, message) => {
    const log = await openLog();
    const { ended } = start(log, ["run", ...args], env);
    expect(await ended).toMatchObject({ exit: 2, stderr: expect.stringMatching(message) });
  });

  it("does not take a full verification that proved nothing for done", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    // A sink that cannot be read: a folder.
    const folder = join(log.folder, "folder");
    mkdirSync(folder);
    const run = await daemon(log, QUICK, { AUDIT_SINKS: `${log.sinks[0]},file:${folder}` });
    const isFull = ({ job, status }: Entry): boolean => job === "verify-full" && status === "unproven";
    await run.said(isFull);
    await run.said(isFull, run.entries().findIndex(isFull) + 1);
    rmSync(folder, { recursive: true });
    await run.said(({ job, status }) => job === "verify-full" && status === "intact");
    run.child.kill("SIGTERM");
    expect(await run.ended).toMatchObject({ exit: 0 });
  }, 120_000);

  it("remembers the last night over a restart", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const now = new Date();
    // It was done a minute ago, and it is due in an hour.
    const due = new Date(+now + 3_600_000).toISOString().slice(11, 16);
    const lastFull = new Date(+now - 60_000).toISOString();
    writeFileSync(`${log.keyFile}.alerts`, JSON.stringify({ version: 1, lastFull, alerts: [] }));
    const run = await daemon(log, [...QUICK, "--full-at", due]);
    await run.said(({ job }) => job === "verify");
    expect(run.entries().filter(({ job }) => job === "verify-full")).toEqual([]);
    run.child.kill("SIGTERM");
    await run.ended;
  });
});

describe("the time of a nightly run", () => {
  const at = (text: string): number => Date.parse(text);
  it.each([
    ["2026-11-22T02:59:00Z", "2026-11-22T03:00:00Z"],
    ["2026-11-22T03:00:00Z", "2026-11-23T03:00:00Z"],
    ["2026-11-22T23:59:59Z", "2026-11-23T03:00:00Z"],
    ["2026-12-31T12:00:00Z", "2027-01-01T03:00:00Z"],
  ])("after %s is %s", (last, next) => {
    expect(nextDaily(parseTimeOfDay("--full-at", "03:00"), at(last))).toBe(at(next));
  });

  it("has come already where none has ever been", () => {
    expect(nextDaily(0, undefined)).toBeLessThan(at("2000-01-01"));
  });
});

describe("a job that is repeated", () => {
  it("is tried again soon after a failure, never later than usual, and waits for its time after success", async () => {
    const stop = new AbortController();
    const results = [false, false, true, true];
    const times: number[] = [];
    const due: string[] = [];
    await repeat(
      {
        everyMs: 5,
        dueMs: () => {
          due.push(`after ${times.length}`);
          return 0;
        },
        run: async () => {
          times.push(performance.now());
          if (times.length === results.length) stop.abort();
          return results[times.length - 1] ?? true;
        },
      },
      stop.signal,
    );
    expect(times).toHaveLength(4);
    expect(due).toEqual(["after 0", "after 3", "after 4"]);
  });
});
