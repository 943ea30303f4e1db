import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { webhookSignature } from "../../src/index.ts";
import { run, start } from "../command.ts";
import { listen } from "../listener.ts";
import { type Log, openLog } from "../log.ts";
import { readPrometheus } from "../prometheus.ts";

const SECRET = "a secret of the receiver";

async function published(): Promise<Log> {
  const log = await openLog();
  await log.append("1", "2", "3");
  await log.publish();
  return log;
}

const edit = async (log: Log): Promise<void> =>
  log.attack("update public.audit_chain set payload_hash = sha256('x') where seq = 2");

const count = async (log: Log): Promise<number> => {
  const [row] = await log.sql<{ n: number }[]>`select count(*)::int as n from public.senate_alerts`;
  return row?.n ?? 0;
};

/** Looks until something is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(20);
}

describe("audit-publisher verify", () => {
  it("says of emptied and cut sinks what publish says, from the publisher's own memory, also without a state of its own", async () => {
    const log = await published();
    const [first, second] = log.paths.map((path) => readFileSync(path, "utf8"));
    for (const path of log.paths) writeFileSync(path, "");
    const both = await Promise.all([run(log, ["publish", "--json"]), run(log, ["verify", "--json"])]);
    for (const { exit, stdout } of both) {
      expect(exit).toBe(1);
      const { divergences } = JSON.parse(stdout) as { divergences: { check: string }[] };
      expect(divergences.map(({ check }) => check)).toEqual(["sink_rewound", "sink_rewound"]);
    }
    // A power cut took the end of the last line: a warning for both, and no finding.
    writeFileSync(log.paths[0], String(first).slice(0, -40));
    writeFileSync(log.paths[1], String(second));
    const { exit, stdout } = await run(log, ["verify", "--json"]);
    expect([exit, JSON.parse(stdout)]).toMatchObject([
      0,
      { status: "intact", warnings: [/torn/, /sink_behind/].map((text) => expect.stringMatching(text)) },
    ]);
    expect(await run(log, ["publish"])).toMatchObject({ exit: 0 });
  });

  it("of another database is exit 3 with one reason, by what the publisher remembers; publish says the same", async () => {
    const log = await published();
    const other = await openLog();
    const elsewhere = { AUDIT_DATABASE_URL: other.url };
    const { exit, stdout } = await run(log, ["verify", "--json"], elsewhere);
    expect(exit).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "unproven",
      divergence_count: 0,
      unproven: [expect.stringContaining("another database")],
    });
    expect(await run(log, ["publish"], elsewhere)).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining("correct AUDIT_DATABASE_URL"),
    });
    expect(await run(log, ["verify"])).toMatchObject({ exit: 0 });
  });

  it("alerts like tampering that no full verdict came within the policy's bound, once, and forgets it with the next one", async () => {
    const log = await published();
    const policy = join(log.folder, "policy.json");
    writeFileSync(policy, JSON.stringify({ tables: {}, verdict: "P2D" }));
    const hook = await listen();
    const env = { AUDIT_WEBHOOK_SECRET: SECRET };
    const args = ["verify", "--json", "--policy", policy, "--alert-webhook", hook.url.href];
    const good = readFileSync(log.paths[0], "utf8");
    writeFileSync(log.paths[0], good.replaceAll("\n", "\r\n"));
    expect(await run(log, args, env)).toMatchObject({ exit: 3 });
    const memory = `${log.keyFile}.alerts`;
    const noted = JSON.parse(readFileSync(memory, "utf8")) as { firstRun: string; lastFull: string | null };
    expect(noted).toMatchObject({ firstRun: expect.stringMatching(/^20/), lastFull: null });
    // Three days later.
    const back = (time: string): string => new Date(Date.parse(time) - 3 * 86_400_000).toISOString();
    writeFileSync(memory, JSON.stringify({ ...noted, firstRun: back(noted.firstRun) }));
    for (const news of [1, 0]) {
      const { exit, stdout } = await run(log, args, env);
      expect([exit, JSON.parse(stdout)]).toMatchObject([
        1,
        { status: "tampered", first_divergence: { check: "verdict_overdue" }, alerts: { new: news } },
      ]);
    }
    expect(hook.received).toHaveLength(1);
    expect(await count(log)).toBe(1);
    writeFileSync(log.paths[0], good);
    expect(await run(log, args, env)).toMatchObject({ exit: 0 });
    expect(JSON.parse(readFileSync(memory, "utf8"))).toMatchObject({
      lastFull: expect.stringMatching(/^20/),
      alerts: [],
    });
  }, 60_000);

  it("exits with 0 when everything is intact, with the publisher's own keys, and prints nothing but the report", async () => {
    const log = await published();
    const heart = await listen();
    const { exit, stdout, stderr } = await run(log, ["verify", "--json", "--heartbeat", heart.url.href]);
    expect([exit, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "intact",
      range: { from: 1, to: 3 },
      checks: { heads: "ok", structure: "ok" },
      alerts: { new: 0 },
    });
    expect(heart.received).toHaveLength(1);
  });

  it("exits with 1 for a finding, alerts it beside the key file, and says where it told it", async () => {
    const log = await published();
    await edit(log);
    const hook = await listen();
    const env = { AUDIT_WEBHOOK_SECRET: SECRET };
    const { exit, stdout } = await run(log, ["verify", "--alert-webhook", hook.url.href], env);
    expect(exit).toBe(1);
    expect(stdout).toMatch(
      /^TAMPERED: 3 links[^]*event_hash +seq 2, thing 2\n[^]*note +Of these findings, \d+ had not been alerted/,
    );
    const [request] = hook.received;
    expect(request?.headers["x-audit-signature"]).toBe(
      webhookSignature(SECRET, String(request?.headers["x-audit-timestamp"]), request?.body ?? ""),
    );
    expect(JSON.parse(readFileSync(`${log.keyFile}.alerts`, "utf8"))).toMatchObject({ version: 1 });
    expect(await count(log)).toBeGreaterThan(0);
  });

  it("exits with 1 also when neither the table nor the webhook takes the alert", async () => {
    const log = await published();
    await edit(log);
    await log.sql`drop table public.senate_alerts`;
    const hook = await listen(404);
    const env = { AUDIT_WEBHOOK_SECRET: SECRET, AUDIT_ALERT_WEBHOOK: hook.url.href };
    const { exit, stdout } = await run(log, ["verify", "--json"], env);
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "tampered",
      warnings: expect.arrayContaining([expect.stringMatching(/senate_alerts/), expect.stringMatching(/answered 404/)]),
    });
    expect(stdout).not.toContain("s3cret");
  });

  it("exits with 3 when all is intact but an earlier finding or the heartbeat could not be told", async () => {
    const log = await published();
    const { exit, stdout } = await run(log, ["verify", "--heartbeat", "http://127.0.0.1:1/x"]);
    expect([exit, stdout]).toEqual([3, expect.stringMatching(/^INTACT[^]*warning +http:\/\/127\.0\.0\.1:1/)]);
    await edit(log);
    const env = { AUDIT_WEBHOOK_SECRET: SECRET };
    const hook = await listen(400);
    expect(await run(log, ["verify", "--alert-webhook", hook.url.href], env)).toMatchObject({ exit: 1 });
    const partial = ["verify", "--checks", "coverage", "--alert-webhook", hook.url.href];
    expect(await run(log, partial, env)).toMatchObject({ exit: 3 });
    hook.answers = [200];
    expect(await run(log, partial, env)).toMatchObject({ exit: 0 });
  }, 120_000);

  it("writes a page of what it found and alerted, before the heartbeat, and of nothing else than the newest run", async () => {
    const log = await published();
    const file = join(log.folder, "audit.html");
    const heart = await listen();
    const args = ["verify", "--report", file, "--heartbeat", heart.url.href];
    expect(await run(log, args)).toMatchObject({ exit: 0, stderr: "" });
    const intact = readFileSync(file, "utf8");
    for (const text of ["Intact</h1>", "a.log</bdi>", "by <code>audit-publisher verify"])
      expect(intact).toContain(text);
    expect(heart.received).toHaveLength(1);

    expect(await run(log, ["verify", "--since-head", "1h", "--report", file])).toMatchObject({ exit: 0 });
    expect(readFileSync(file, "utf8")).toContain("The rest was not looked at.");

    await edit(log);
    expect(await run(log, args)).toMatchObject({ exit: 1 });
    const tampered = readFileSync(file, "utf8");
    for (const text of [
      "Tampered</h1>",
      "event_hash",
      "Link 2",
      "had not been alerted before",
      "1 link: the chain is not what was published",
      "written to senate_alerts",
    ])
      expect(tampered).toContain(text);
    expect(heart.received).toHaveLength(1);

    const env = { AUDIT_DATABASE_URL: "postgres://u:s3cret@127.0.0.1:1/x" };
    expect(await run(log, args, env)).toMatchObject({ exit: 3 });
    const failed = readFileSync(file, "utf8");
    for (const text of ["Not verified</h1>", "cannot connect to", "x on 127.0.0.1:1"]) expect(failed).toContain(text);
    expect(failed).not.toContain("s3cret");
    expect(readdirSync(log.folder).filter((name) => name.includes(".tmp"))).toEqual([]);
  });

  it("keeps its exit code and says so where the page cannot be written after all", async () => {
    const log = await published();
    const folder = join(log.folder, "pages");
    mkdirSync(folder);
    const file = join(folder, "audit.html");
    const heart = await listen();
    const hook = await listen(503, 200);
    const env = { AUDIT_WEBHOOK_SECRET: SECRET };
    await edit(log);
    const args = ["verify", "--report", file, "--heartbeat", heart.url.href, "--alert-webhook", hook.url.href];
    const { ended } = start(log, args, env);
    // It could be written when it was tried; by now the verification has been done.
    await until(() => hook.received.length > 0);
    rmSync(folder, { recursive: true });
    expect(await ended).toMatchObject({
      exit: 1,
      stdout: expect.stringMatching(/^TAMPERED[^]*warning +--report .* cannot be written/),
    });
    expect(heart.received).toHaveLength(0);
  });

  it("exits with 3 when it could not check everything", async () => {
    const log = await published();
    expect(await run(log, ["verify"], { AUDIT_SINKS: "" })).toMatchObject({
      exit: 3,
      stdout: expect.stringMatching(/^NOT PROVEN[^]*AUDIT_SINKS/),
    });
  });

  it.each([
    ["a webhook without a secret", ["--alert-webhook", "http://x/"], {}, 2, /AUDIT_WEBHOOK_SECRET is not set/],
    [
      "a webhook with a short secret",
      ["--alert-webhook", "http://x/"],
      { AUDIT_WEBHOOK_SECRET: "abc" },
      2,
      /too short/,
    ],
    [
      "a webhook that is no URL",
      ["--alert-webhook", "x"],
      { AUDIT_WEBHOOK_SECRET: SECRET },
      2,
      /not an http or https URL/,
    ],
    ["a heartbeat that is no URL", ["--heartbeat", "ftp://x/"], {}, 2, /--heartbeat is not an http/],
    ["a wrong age", ["--since-head", "yesterday"], {}, 2, /yesterday/],
    ["a page in no folder", ["--report", "/no/such/audit.html"], {}, 2, /--report "\/no\/such\/audit\.html" cannot/],
    ["a page in the place of a device", ["--report", "/dev/null"], {}, 2, /"\/dev\/null", which is not a file/],
    ["a policy that is not there", ["--policy", "/no/such"], {}, 2, /\/no\/such/],
    ["no place for the memory", [], { AUDIT_SIGNING_KEY_FILE: "", AUDIT_VERIFIER_KEYS: "k" }, 2, /--alert-state/],
    ["a wrong alert database", [], { AUDIT_ALERT_DATABASE_URL: "mysql://u:s3cret@x/y" }, 2, /AUDIT_ALERT_DATABASE_URL/],
    [
      "a database that is not there",
      [],
      { AUDIT_DATABASE_URL: "postgres://u:s3cret@127.0.0.1:1/x" },
      3,
      /cannot connect/,
    ],
  ])("says what is wrong with %s", async (_, args, env, exit, message) => {
    const log = await openLog();
    const ended = await run(log, ["verify", ...args], env);
    expect(ended).toMatchObject({ exit, stderr: expect.stringMatching(message), stdout: "" });
    expect(ended.stderr).not.toContain("s3cret");
  });

  it("notes in the metrics that the database could not be reached", async () => {
    const log = await openLog();
    const file = join(log.folder, "m.prom");
    const env = { AUDIT_DATABASE_URL: "postgres://u@127.0.0.1:1/x" };
    expect(await run(log, ["verify", "--since-head", "1h", "--metrics", file], env)).toMatchObject({ exit: 3 });
    expect(await run(log, ["publish", "--metrics", file], env)).toMatchObject({ exit: 3 });
    const samples = readPrometheus(readFileSync(file, "utf8"));
    expect(samples.get('audit_chain_run_status{run="window",status="failed"}')).toBe(1);
    expect(samples.get('audit_chain_run_status{run="publish",status="failed"}')).toBe(1);
  });

  it("killed before an alert is written gives it in the next run", async () => {
    const log = await published();
    await edit(log);
    await log.sql.begin(async (tx) => {
      await tx`lock table public.senate_alerts in access exclusive mode`;
      const { child, ended } = start(log, ["verify", "--checks", "links"]);
      await until(() => waitsForTable(log));
      child.kill("SIGKILL");
      await ended;
    });
    expect(await count(log)).toBe(0);
    expect(await run(log, ["verify", "--checks", "links"])).toMatchObject({ exit: 1 });
    const written = await count(log);
    expect(written).toBeGreaterThan(0);
    await run(log, ["verify", "--checks", "links"]);
    expect(await count(log)).toBe(written);
  }, 120_000);

  it("killed after it was written, and before that was remembered, gives it again, and then never more", async () => {
    const log = await published();
    await edit(log);
    const fifo = `${log.keyFile}.alerts.tmp`;
    const { child, ended } = await log.sql.begin(async (tx) => {
      await tx`lock table public.senate_alerts in access exclusive mode`;
      const started = start(log, ["verify", "--checks", "links"]);
      await until(() => waitsForTable(log));
      // It is noted by now what has to be said. That it was said can't be noted: nobody reads the pipe.
      execFileSync("mkfifo", [fifo]);
      return started;
    });
    await until(async () => (await count(log)) > 0);
    child.kill("SIGKILL");
    await ended;
    rmSync(fifo);
    const once = await count(log);
    expect(await run(log, ["verify", "--checks", "links"])).toMatchObject({ exit: 1 });
    expect(await count(log)).toBe(2 * once);
    await run(log, ["verify", "--checks", "links"]);
    expect(await count(log)).toBe(2 * once);
  }, 120_000);

  it("stops when it is told to, and leaves nothing half done", async () => {
    const log = await published();
    await edit(log);
    const hook = await listen("hang");
    const { child, ended } = start(log, ["verify", "--json", "--alert-webhook", hook.url.href], {
      AUDIT_WEBHOOK_SECRET: SECRET,
    });
    await until(() => hook.received.length > 0);
    const asked = performance.now();
    child.kill("SIGINT");
    const { exit } = await ended;
    // The report was finished: what it says stands.
    expect(exit).toBe(1);
    expect(performance.now() - asked).toBeLessThan(8_000);
    hook.answers = [200];
    const again = await run(log, ["verify", "--json", "--alert-webhook", hook.url.href], {
      AUDIT_WEBHOOK_SECRET: SECRET,
    });
    expect(JSON.parse(again.stdout)).toMatchObject({ alerts: { new: 0, written: 0, pending: 0 } });
    expect(hook.received).toHaveLength(2);
  });
});

const waitsForTable = async (log: Log): Promise<boolean> => {
  const rows = await log.sql`
    select 1 from pg_locks where not granted and relation = 'public.senate_alerts'::regclass`;
  return rows.length > 0;
};

describe("audit-publisher publish, when it refuses to sign", () => {
  it("tells the webhook, and not the heartbeat; when all is well it is the other way round", async () => {
    const log = await published();
    const [hook, heart] = [await listen(), await listen()];
    const metrics = join(log.folder, "m.prom");
    const args = ["publish", "--json", "--alert-webhook", hook.url.href, "--heartbeat", heart.url.href];
    const env = { AUDIT_WEBHOOK_SECRET: SECRET };
    expect(await run(log, [...args, "--metrics", metrics], env)).toMatchObject({ exit: 0 });
    expect([hook.received.length, heart.received.length]).toEqual([0, 1]);
    const samples = readPrometheus(readFileSync(metrics, "utf8"));
    expect(samples.get('audit_chain_run_status{run="publish",status="intact"}')).toBe(1);
    expect(samples.get('audit_chain_head_seq{run="publish"}')).toBe(3);
    expect(samples.get(`audit_chain_sink_behind{run="publish",sink="${log.sinks[0]}"}`)).toBe(0);

    await log.attack("delete from public.audit_chain where seq = 3");
    expect(await run(log, [...args, "--metrics", metrics], env)).toMatchObject({ exit: 1 });
    expect([hook.received.length, heart.received.length]).toEqual([1, 1]);
    const [request] = hook.received;
    expect(request?.headers["x-audit-signature"]).toBe(
      webhookSignature(SECRET, String(request?.headers["x-audit-timestamp"]), request?.body ?? ""),
    );
    expect(JSON.parse(request?.body ?? "")).toMatchObject({
      event: "audit_chain_not_signed",
      report: { status: "tampered", published: null },
      divergences: [{ check: "truncated" }],
    });
    const after = readPrometheus(readFileSync(metrics, "utf8"));
    expect(after.get('audit_chain_divergences{run="publish",check="truncated"}')).toBe(1);
    hook.answers = [400];
    expect(await run(log, args, env)).toMatchObject({ exit: 1, stdout: expect.stringMatching(/answered 400/) });
  });

  it("exits with 3 when only the heartbeat failed", async () => {
    const log = await published();
    writeFileSync(join(log.folder, "x"), "");
    const heart = await listen(404);
    expect(await run(log, ["publish", "--heartbeat", heart.url.href])).toMatchObject({
      exit: 3,
      stdout: expect.stringMatching(/published 3[^]*warning: .*404/),
    });
  });
});
