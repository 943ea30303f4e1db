import { createHmac } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attach } from "@scidex/audit-schema";
import { lockFile } from "@scidex/audit-sinks";
import { createLogin } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { MetricsFile } from "../../src/metrics/metrics-file.ts";
import { verifyAndAlert, type VerifyAndAlertOptions } from "../../src/index.ts";
import { listen } from "../listener.ts";
import { type Log, openLog, recompute } from "../log.ts";
import { readPrometheus } from "../prometheus.ts";

const SECRET = "a secret of the receiver";

interface Row {
  readonly kind: string;
  readonly ref_id: string | null;
  readonly severity: string;
  readonly details: { readonly check: string; readonly seq?: number; readonly message: string };
}

const alertsOf = async (log: Log): Promise<Row[]> =>
  log.sql<Row[]>`select kind, ref_id, severity, details from public.senate_alerts order by id`;

const verify = async (log: Log, options: Partial<VerifyAndAlertOptions> = {}) =>
  verifyAndAlert({
    database: log.sql,
    alertDatabaseUrl: log.url,
    alertMemory: memoryOf(log),
    sinks: log.sinks,
    keys: log.vkeys,
    ...options,
  });

const memoryOf = (log: Log): string => join(log.folder, "alerts");

const webhookTo = (url: URL) => ({ url, secret: SECRET, pauseMs: 5, timeoutMs: 5_000 });

/** A published chain of which link 2 has been edited. */
async function edited(): Promise<Log> {
  const log = await openLog();
  await log.append("1", "2", "3");
  await log.publish();
  await edit(log, "x");
  return log;
}

const edit = async (log: Log, to: string): Promise<void> =>
  log.attack(`update public.audit_chain set payload_hash = sha256('${to}') where seq = 2`);

describe("alerts", () => {
  it("are not given while everything is intact", async () => {
    const log = await openLog();
    await log.append("1", "2");
    await log.publish();
    const heart = await listen();
    const { report, failures } = await verify(log, { heartbeat: { url: heart.url } });
    expect([report.status, report.unproven, failures]).toEqual(["intact", [], []]);
    expect(await alertsOf(log)).toEqual([]);
    expect(heart.received).toMatchObject([{ method: "GET" }]);
  });

  it("are given once for each finding, and again when it has changed", async () => {
    const log = await edited();
    const heart = await listen();
    const first = await verify(log, { heartbeat: { url: heart.url } });
    const rows = await alertsOf(log);
    expect(first.report).toMatchObject({ status: "tampered", firstDivergence: { check: "event_hash", seq: 2n } });
    expect(first.report.alerts).toEqual({
      new: rows.length,
      written: rows.length,
      posted: 0,
      reminded: 0,
      resolved: 0,
      pending: 0,
      unacknowledged: rows.length,
    });
    expect(rows).toHaveLength(first.report.divergenceCount);
    expect(rows[0]).toMatchObject({
      kind: "audit_chain_break",
      severity: "critical",
      ref_id: "2",
      details: { check: "event_hash", group: "links", seq: 2, event_kind: "thing", event_pk: "2" },
    });
    expect((await verify(log)).report).toMatchObject({ status: "tampered", alerts: { new: 0, written: 0 } });
    expect(await alertsOf(log)).toHaveLength(rows.length);

    await edit(log, "y");
    await verify(log);
    const more = await alertsOf(log);
    expect(more.slice(rows.length).map(({ ref_id, details }) => [ref_id, details.check])).toContainEqual([
      "2",
      "event_hash",
    ]);
    expect(heart.received).toEqual([]);
  });

  it("are given again when a finding comes back after a full verification without it, not after a partial one", async () => {
    const log = await openLog();
    await log.append("1", "2", "3");
    await log.publish();
    const good = await log.sql`select payload_hash from public.audit_chain where seq = 2`;
    const restore = async (): Promise<void> => {
      await log.sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx`update public.audit_chain set payload_hash = ${good[0]?.["payload_hash"] as Buffer} where seq = 2`;
      });
    };
    await edit(log, "x");
    await verify(log);
    const count = (await alertsOf(log)).length;
    await restore();
    expect((await verify(log, { checks: ["links", "heads"] })).report.status).toBe("intact");
    await edit(log, "x");
    await verify(log);
    expect(await alertsOf(log)).toHaveLength(count);
    await restore();
    expect((await verify(log)).report.status).toBe("intact");
    await edit(log, "x");
    await verify(log);
    expect(await alertsOf(log)).toHaveLength(2 * count);
  });

  it("name an interval by its ends, and what has no place by nothing", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    await log.append("2", "3");
    await log.publish();
    await log.attack("update public.audit_chain set payload_hash = sha256('x') where seq = 2");
    await log.attack(recompute(2));
    await log.sql`grant insert on public.audit_chain to public`;
    await verify(log);
    const rows = await alertsOf(log);
    expect(rows.map(({ ref_id, details }) => [details.check, ref_id])).toEqual(
      expect.arrayContaining([
        ["head_mismatch", "2-3"],
        ["privilege_widened", null],
      ]),
    );
  });

  it("are given although the attacker has written them in advance and acknowledged them", async () => {
    const log = await edited();
    const { report } = await verify(log, { alertMemory: join(log.folder, "elsewhere") });
    await log.sql`update public.senate_alerts set ack_at = now(), ack_by = 'admin'`;
    const forged = (await alertsOf(log)).length;
    await verify(log);
    const [{ open = "" } = {}] = await log.sql`select count(*) as open from public.senate_alerts where ack_at is null`;
    expect(forged).toBe(report.divergenceCount);
    expect(Number(open)).toBe(report.divergenceCount);
  });

  it("are not drowned by a thousand others of another check", async () => {
    const log = await openLog();
    await log.sql`select count(public.audit_chain_append('thing', k::text, sha256('x'))) from generate_series(1, 1500) k`;
    await log.publish();
    await log.attack("update public.audit_chain set event_hash = sha256('y')");
    await log.sql`alter table public.audit_chain disable trigger user`;
    await verify(log);
    const rows = await log.sql<{ check: string; n: number }[]>`
      select details ->> 'check' as check, count(*)::int as n from public.senate_alerts group by 1`;
    expect(rows.find(({ check }) => check === "event_hash")?.n).toBe(1_000);
    expect(rows.map(({ check }) => check)).toContain("trigger_disabled");
  }, 120_000);

  it("are written by a login that may do nothing else, also where senate_alerts is audited itself", async () => {
    const log = await edited();
    await attach(drizzle(log.sql), "public.senate_alerts", { mode: "strict", changes: "track" });
    const login = await createLogin(log.sql, { grant: ["scidex_audit_alert"] });
    onTestFinished(async () => login.drop());
    const { report, failures } = await verify(log, { alertDatabaseUrl: login.url });
    expect([report.status, failures, report.alerts.pending]).toEqual(["tampered", [], 0]);
    const [{ n = 0 } = {}] = await log.sql`
      select count(*)::int as n from public.audit_chain where event_kind = 'senate_alerts'`;
    expect(n).toBe(report.alerts.written);
    expect(n).toBeGreaterThan(0);
    // The alerts are links, and rows, that the next verification finds in order.
    expect((await verify(log)).report.alerts.new).toBe(0);
  });

  it("survive what jsonb refuses", async () => {
    const log = await edited();
    // A head log line with a NUL and half a surrogate pair in what ends up in a message.
    writeFileSync(log.paths[0], `${readFileSync(log.paths[0], "utf8")}{"seq":1,"\\u0000\\ud800":1}\n{"a\\u0000":1}\n`);
    const { report, failures } = await verify(log);
    expect([report.alerts.pending, failures]).toEqual([0, []]);
    expect((await alertsOf(log)).map(({ details }) => details.check)).toContain("sink_signature");
  });
});

describe("a table for alerts that is not ours", () => {
  it.each([
    ["gone", "drop table public.senate_alerts"],
    ["closed to us", "revoke all on public.senate_alerts from scidex_audit_alert"],
    [
      "swallowing rows",
      `create function public.swallow() returns trigger language plpgsql as $$ begin return null; end $$;
       create trigger swallow before insert on public.senate_alerts for each row execute function public.swallow()`,
    ],
    [
      "a view that does nothing",
      `drop table public.senate_alerts;
       create view public.senate_alerts as select 1::bigint id, ''::text kind, ''::text ref_id, ''::text severity, '{}'::jsonb details;
       create rule nothing as on insert to public.senate_alerts do instead nothing;
       grant insert on public.senate_alerts to scidex_audit_alert`,
    ],
    [
      "sleeping",
      `create function public.slow() returns trigger language plpgsql as $$ begin
         perform set_config('statement_timeout', '0', false); perform pg_sleep(600); return new; end $$;
       create trigger slow before insert on public.senate_alerts for each row execute function public.slow()`,
    ],
  ])("changes nothing about the report and the webhook: %s", async (_, attack) => {
    const log = await edited();
    const login = await createLogin(log.sql, { grant: ["scidex_audit_alert"] });
    onTestFinished(async () => login.drop());
    const hook = await listen();
    const webhook = webhookTo(hook.url);
    await log.sql.unsafe(attack);
    const { report, failures } = await verify(log, { alertDatabaseUrl: login.url, webhook, alertTimeoutMs: 700 });
    expect(report.status).toBe("tampered");
    expect(report.alerts).toMatchObject({ written: 0, pending: report.alerts.new });
    expect(report.warnings.join("\n")).toMatch(/can't be written into public\.senate_alerts/);
    expect(failures).not.toEqual([]);
    expect(hook.received).toHaveLength(1);
  });

  it("gets what it missed when it is back, and the webhook hears nothing twice", async () => {
    const log = await edited();
    const hook = await listen();
    const webhook = webhookTo(hook.url);
    await log.sql`alter table public.senate_alerts rename to away`;
    const { report } = await verify(log, { webhook });
    await log.sql`alter table public.away rename to senate_alerts`;
    const again = await verify(log, { webhook });
    expect(again.report.alerts).toMatchObject({ new: 0, written: report.alerts.new, posted: 0, pending: 0 });
    expect(await alertsOf(log)).toHaveLength(report.alerts.new);
    expect(hook.received).toHaveLength(1);
  });

  it("is locked: the run ends all the same", async () => {
    const log = await edited();
    const held = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const holder = log.sql.begin(async (tx) => {
      await tx`lock table public.senate_alerts in access exclusive mode`;
      locked.resolve();
      await held.promise;
    });
    await locked.promise;
    const { report } = await verify(log, { checks: ["links", "heads"], alertTimeoutMs: 500 });
    held.resolve();
    await holder;
    expect(report).toMatchObject({ status: "tampered", alerts: { written: 0 } });
  });
});

describe("the webhook", () => {
  it("gets the report's summary and the new findings, signed together with the time", async () => {
    const log = await edited();
    const hook = await listen();
    await verify(log, { webhook: webhookTo(hook.url) });
    const [request] = hook.received;
    if (request === undefined) throw new Error("nothing was posted");
    const { headers, body, method } = request;
    const time = String(headers["x-audit-timestamp"]);
    const expected = createHmac("sha256", SECRET).update(`${time}.${body}`).digest("hex");
    expect([method, headers["content-type"], headers["x-audit-signature"]]).toEqual([
      "POST",
      "application/json",
      `sha256=${expected}`,
    ]);
    expect(Math.abs(Date.now() / 1_000 - Number(time))).toBeLessThan(60);
    expect(JSON.parse(body)).toMatchObject({
      event: "audit_chain_break",
      report: { status: "tampered", rows: 3, first_divergence: { check: "event_hash", seq: 2 } },
      divergences: expect.arrayContaining([expect.objectContaining({ check: "event_hash", seq: 2 })]),
    });
  });

  it("is tried again after a 500 and a time-out, with a new signed time each", async () => {
    const log = await edited();
    const hook = await listen(500, "hang", 200);
    const { report, failures } = await verify(log, { webhook: { ...webhookTo(hook.url), timeoutMs: 300 } });
    expect([report.alerts.pending, failures]).toEqual([0, []]);
    expect(hook.received).toHaveLength(3);
    for (const { headers, body } of hook.received)
      expect(headers["x-audit-signature"]).toBe(
        `sha256=${createHmac("sha256", SECRET)
          .update(`${String(headers["x-audit-timestamp"])}.${body}`)
          .digest("hex")}`,
      );
  });

  it.each([
    [[500, 503, 502], 3, /answered 502/],
    [["hang"] as "hang"[], 3, /no answer within/],
    [[404], 1, /answered 404/],
    [[302], 1, /answered 302/],
  ])(
    "that answers %j fails, is reported without its secret path, and is told by the next run",
    async (answers, calls, why) => {
      const log = await edited();
      const hook = await listen(...answers);
      const webhook = { ...webhookTo(hook.url), timeoutMs: 300 };
      const { report, failures } = await verify(log, { webhook });
      expect(report.alerts).toMatchObject({ posted: 0, pending: report.alerts.new, written: report.alerts.new });
      expect(hook.received).toHaveLength(calls);
      expect(failures.join()).toMatch(why);
      expect(failures.join()).not.toContain("s3cret");
      hook.answers = [200];
      // Also a run whose range does not reach the finding any more.
      const good = await verify(log, { webhook, checks: ["coverage"] });
      expect(good.report).toMatchObject({ status: "intact", alerts: { posted: report.alerts.new, pending: 0 } });
      expect(hook.received.at(-1)?.path).toBe(hook.url.pathname);
    },
  );

  it("that can't be reached makes a run that finds nothing new fail, too", async () => {
    const log = await edited();
    const webhook = { ...webhookTo(new URL("http://127.0.0.1:1/")), attempts: 1 };
    await verify(log, { webhook });
    const { report, failures } = await verify(log, { webhook, checks: ["coverage"] });
    expect(report.status).toBe("intact");
    expect(failures.join()).toMatch(/the webhook could not be told/);
  });
});

describe("the alert memory", () => {
  it("that is damaged makes everything be alerted again, with a warning", async () => {
    const log = await edited();
    const { report } = await verify(log);
    for (const text of ["{", "{}", '{"version":1,"lastFull":null,"alerts":[{}]}', '{"version":2}']) {
      writeFileSync(memoryOf(log), text);
      const again = await verify(log);
      expect(again.report.alerts.written).toBe(report.alerts.written);
      expect(again.report.warnings.join()).toMatch(/is damaged/);
    }
    expect((await verify(log)).report.alerts.new).toBe(0);
  });

  it("that can't be written does not keep an alert back", async () => {
    const log = await edited();
    const { report } = await verify(log, { alertMemory: join(log.folder, "no", "such") });
    expect(report.alerts).toMatchObject({ written: report.alerts.new, pending: 0 });
    expect(report.warnings.join()).toMatch(/can't be written/);
    expect(await alertsOf(log)).toHaveLength(report.alerts.new);
  });

  it("is kept to ourselves", async () => {
    const log = await edited();
    await verify(log);
    expect(statSync(memoryOf(log)).mode & 0o777).toBe(0o600);
    expect(existsSync(`${memoryOf(log)}.tmp`)).toBe(false);
  });

  it("lets two runs at once alert once", async () => {
    const log = await edited();
    const runs = await Promise.all([verify(log), verify(log), verify(log)]);
    const [{ report }] = runs;
    expect(await alertsOf(log)).toHaveLength(report.divergenceCount);
    expect(runs.map((run) => run.report.alerts.written).toSorted((a, b) => a - b)).toEqual([
      0,
      0,
      report.divergenceCount,
    ]);
  });

  it("alerts all the same when somebody keeps its lock", async () => {
    const log = await edited();
    const release = await lockFile(memoryOf(log), { timeoutMs: 1_000, signal: undefined });
    const { report } = await verify(log, { alertLockWaitMs: 200 });
    await release();
    expect(report.alerts).toMatchObject({ written: report.divergenceCount });
    expect(report.warnings.join()).toMatch(/could not be locked .*alerted twice/u);
  });
});

describe("verifying from a head that is old enough", () => {
  it("starts with what it has published, and takes everything where there is none", async () => {
    const log = await openLog();
    await log.append("1", "2");
    await log.publish();
    await log.append("3", "4");
    await log.publish();
    const between = Date.now() + 1_000;
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    await log.append("5");
    await log.publish();
    const from = async (sinceHeadMs: number) => (await verify(log, { sinceHeadMs })).report;
    // However long the publication has taken.
    expect(await from(Date.now() - between)).toMatchObject({ status: "intact", range: { from: 3n, to: 5n }, rows: 3n });
    expect(await from(3_600_000)).toMatchObject({ status: "intact", range: { from: 1n, to: 5n }, rows: 5n });
  });

  it("does not believe a time that nobody has signed", async () => {
    const log = await openLog();
    await log.append("1", "2");
    await log.publish();
    const [line = ""] = readFileSync(log.paths[0], "utf8").split("\n");
    const old = line.replace(/"published_at":"[^"]*"/, '"published_at":"2020-01-01T00:00:00Z"');
    writeFileSync(log.paths[0], `${line}\n${old}\n`);
    const { report } = await verify(log, { sinceHeadMs: 3_600_000 });
    expect(report).toMatchObject({
      status: "tampered",
      range: { from: 1n },
      firstDivergence: { check: "sink_signature" },
    });
  });

  it("finds that the chain was cut below that head", async () => {
    const log = await openLog();
    await log.append("1", "2");
    await log.publish();
    await log.append("3");
    await log.publish();
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await log.attack("delete from public.audit_chain where seq > 1");
    const { report } = await verify(log, { sinceHeadMs: 1_000 });
    expect(report.status).toBe("tampered");
  });
});

describe("metrics", () => {
  it("are valid, tell full and partial runs apart, and keep what other runs have written", async () => {
    const log = await edited();
    const metrics = join(log.folder, "audit.prom");
    await verify(log, { metrics: new MetricsFile(metrics) });
    const full = readPrometheus(readFileSync(metrics, "utf8"));
    expect(full.get('audit_chain_divergences{run="full",check="event_hash"}')).toBe(1);
    expect(full.get('audit_chain_divergences{run="full",check="gap"}')).toBe(0);
    expect(full.get('audit_chain_run_status{run="full",status="tampered"}')).toBe(1);
    expect(full.get('audit_chain_rows_verified{run="full"}')).toBe(3);
    expect(full.get('audit_chain_head_age_seconds{run="full"}')).toBeGreaterThanOrEqual(0);
    expect(full.get('audit_chain_pending_age_seconds{run="full"}')).toBe(0);
    expect(full.has('audit_chain_run_success_timestamp_seconds{run="full"}')).toBe(false);

    await verify(log, { metrics: new MetricsFile(metrics), sinceHeadMs: 1, checks: ["coverage"] });
    const both = readPrometheus(readFileSync(metrics, "utf8"));
    const at = 'audit_chain_verification_timestamp_seconds{run="full"}';
    expect(both.get(at)).toBe(full.get(at));
    expect(both.get('audit_chain_run_status{run="window",status="intact"}')).toBe(1);
    expect(both.get('audit_chain_divergences{run="full",check="event_hash"}')).toBe(1);
  });

  it("say when a run has failed, and keep the time of the last good one", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const metrics = join(log.folder, "audit.prom");
    await verify(log, { metrics: new MetricsFile(metrics) });
    await log.sql`alter table public.audit_chain rename to gone`;
    await expect(verify(log, { metrics: new MetricsFile(metrics), sinks: [], allowUnanchored: true })).rejects.toThrow(
      /audit_chain/,
    );
    const samples = readPrometheus(readFileSync(metrics, "utf8"));
    expect(samples.get('audit_chain_run_status{run="full",status="failed"}')).toBe(1);
    expect(samples.get('audit_chain_run_status{run="full",status="intact"}')).toBe(0);
    expect(samples.get('audit_chain_run_success_timestamp_seconds{run="full"}')).toBeGreaterThan(1.7e9);
  });

  it("that can't be written are a failure, and no more", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const { report, failures } = await verify(log, { metrics: new MetricsFile(join(log.folder, "no", "such.prom")) });
    expect([report.status, failures.join()]).toEqual([
      "intact",
      expect.stringMatching(/metrics file .* can't be written/),
    ]);
  });
});
