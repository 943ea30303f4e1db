/** An alert from its beginning to its end, with a real database and a real receiver. */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { verifyAndAlert, type VerifyAndAlertOptions } from "../../src/index.ts";
import { run } from "../command.ts";
import { listen } from "../listener.ts";
import { type Log, openLog } from "../log.ts";

const memoryOf = (log: Log): string => `${log.keyFile}.alerts`;

const verify = async (log: Log, options: Partial<VerifyAndAlertOptions>) =>
  (
    await verifyAndAlert({
      database: log.sql,
      alertDatabaseUrl: log.url,
      alertMemory: memoryOf(log),
      sinks: log.sinks,
      keys: log.vkeys,
      ...options,
    })
  ).report;

interface Posted {
  readonly event: string;
  readonly time: string;
  readonly origin: string;
  readonly database: string;
  readonly divergences: readonly { readonly fingerprint: string; readonly runbook: string; readonly check: string }[];
}

/** An alert that was given a day ago, so that a reminder is due. */
function age(log: Log): void {
  const text = readFileSync(memoryOf(log), "utf8");
  writeFileSync(memoryOf(log), text.replaceAll(/"told":"\d+/g, '"told":"2020'));
}

describe("an edit that is put back before the next verification", () => {
  it("stays an alert until somebody outside has acknowledged it, whatever the database says", async () => {
    const log = await openLog();
    await log.append("1", "2", "3");
    await log.publish();
    const hook = await listen();
    const webhook = { url: hook.url, secret: "a secret of the receiver" };
    const posted = (): Posted[] => hook.received.map(({ body }) => JSON.parse(body) as Posted);
    const [{ good = "" } = {}] =
      await log.sql`select encode(payload_hash, 'hex') as good from public.audit_chain where seq = 2`;
    await log.attack("update public.audit_chain set payload_hash = sha256('x') where seq = 2");
    const found = await verify(log, { webhook });
    const [begun] = posted();
    expect(begun).toMatchObject({
      event: "audit_chain_break",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      origin: "example.org/audit-chain",
      database: expect.stringMatching(/ on .*:\d+$/),
      divergences: expect.arrayContaining([
        expect.objectContaining({
          check: "event_hash",
          fingerprint: expect.stringMatching(/^[\da-f]{32}$/),
          runbook: expect.stringContaining("incident.md#findings-of-links"),
        }),
      ]),
    });

    // The attacker puts it back, and says in the database that all has been seen to.
    await log.attack(`update public.audit_chain set payload_hash = '\\x${good}' where seq = 2`);
    await log.sql`update public.senate_alerts set ack_at = now(), ack_by = 'admin'`;
    const after = await verify(log, { webhook });
    expect(after).toMatchObject({ status: "intact", alerts: { resolved: 0, unacknowledged: found.divergenceCount } });
    expect(posted()).toHaveLength(1);
    age(log);
    expect((await verify(log, { webhook, sinceHeadMs: 1 })).alerts.reminded).toBe(found.divergenceCount);
    expect(posted().at(-1)).toMatchObject({
      event: "audit_chain_break_standing",
      divergences: expect.arrayContaining([expect.objectContaining({ gone_since: expect.any(String) })]),
    });
    // Once a day, and not at each run.
    expect((await verify(log, { webhook })).alerts.reminded).toBe(0);

    const listed = await run(log, ["alerts", "--json"]);
    expect(JSON.parse(listed.stdout)).toMatchObject({
      alerts: expect.arrayContaining([expect.objectContaining({ check: "event_hash" })]),
    });
    expect(await run(log, ["alerts", "--all"])).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/--reason is missing/),
    });
    expect(await run(log, ["alerts", "ffff", "--reason", "x"])).toMatchObject({ exit: 2 });
    const [one = ""] = begun?.divergences.map(({ fingerprint }) => fingerprint) ?? [];
    expect(await run(log, ["alerts", one.slice(0, 12), "--reason", "INC-7", "--by", "mira"])).toMatchObject({
      exit: 0,
    });
    expect((await verify(log, { webhook })).alerts).toMatchObject({
      resolved: 1,
      unacknowledged: found.divergenceCount - 1,
    });
    expect(await run(log, ["alerts", "--all", "--reason", "INC-7"])).toMatchObject({
      exit: 0,
      stdout: "no finding is open\n",
    });
    await verify(log, { webhook });
    const over = posted().filter(({ event }) => event === "audit_chain_break_resolved");
    expect(over.flatMap(({ divergences }) => divergences)).toHaveLength(found.divergenceCount);
    expect(over[0]).toMatchObject({
      divergences: [{ fingerprint: one, acknowledged: { by: "mira", reason: "INC-7" } }],
    });
    expect((await verify(log, { webhook })).alerts).toMatchObject({ new: 0, resolved: 0, unacknowledged: 0 });

    // Whoever does it again is not excused by what was said of the first time.
    await log.attack("update public.audit_chain set payload_hash = sha256('x') where seq = 2");
    expect((await verify(log, { webhook })).alerts).toMatchObject({
      new: found.divergenceCount,
      posted: found.divergenceCount,
    });
  }, 120_000);

  it("is said to be over only once the receiver has taken that", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const hook = await listen();
    const webhook = { url: hook.url, secret: "a secret of the receiver", attempts: 1 };
    const night = await verify(log, { webhook, maxHeadAgeMs: -1 });
    expect(night).toMatchObject({ firstDivergence: { check: "publisher_silent" }, alerts: { posted: 1 } });
    hook.answers = [500, 200];
    expect((await verify(log, { webhook })).alerts).toMatchObject({ resolved: 0 });
    expect((await verify(log, { webhook })).alerts).toMatchObject({ resolved: 1 });
    expect((await verify(log, { webhook })).alerts).toMatchObject({ resolved: 0 });
  });
});

describe("no verdict within the policy's bound", () => {
  it("is alerted also where the database cannot be reached at all", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const hook = await listen();
    const policy = `${log.folder}/policy.json`;
    writeFileSync(policy, JSON.stringify({ origin: "example.org/audit-chain", tables: {}, verdict: "P2D" }));
    writeFileSync(
      memoryOf(log),
      JSON.stringify({ version: 1, firstRun: null, lastFull: "2020-01-01T00:00:00Z", alerts: [] }),
    );
    const env = { AUDIT_WEBHOOK_SECRET: "a secret of the receiver", AUDIT_DATABASE_URL: "postgres://u@127.0.0.1:1/x" };
    const args = ["verify", "--policy", policy, "--alert-webhook", hook.url.href];
    expect(await run(log, args, env)).toMatchObject({ exit: 3 });
    expect(await run(log, args, env)).toMatchObject({ exit: 3 });
    expect(hook.received.map(({ body }) => JSON.parse(body) as Posted)).toMatchObject([
      {
        event: "audit_chain_break",
        database: "x on 127.0.0.1:1",
        divergences: [{ check: "verdict_overdue", runbook: expect.stringContaining("#findings-of-silence") }],
      },
    ]);
    // The first verdict is its end.
    expect(await run(log, [...args], { AUDIT_WEBHOOK_SECRET: "a secret of the receiver" })).toMatchObject({ exit: 0 });
    expect((JSON.parse(hook.received.at(-1)?.body ?? "{}") as Posted).event).toBe("audit_chain_break_resolved");
  }, 60_000);
});
