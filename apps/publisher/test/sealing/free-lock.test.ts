// Who holds the chain's lock and does nothing: ended where that was granted, named in any case.
import { createLogin } from "@scidex/audit-testkit";
import postgres, { type Sql } from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { publishAndTell } from "../../src/publish/publish-and-tell.ts";
import { sealPending } from "../../src/sealing/seal.ts";
import { run } from "../command.ts";
import { listen } from "../listener.ts";
import { type Log, openLog } from "../log.ts";

const client = (url: string, max: number): Sql => {
  const sql = postgres(url, { max, fetch_types: false, onnotice: () => {} });
  onTestFinished(async () => sql.end({ timeout: 1 }));
  return sql;
};

/** A publisher's login with these rights besides its own, and its client. */
async function publisher(log: Log, ...rights: string[]): Promise<{ url: string; sql: Sql }> {
  const login = await createLogin(log.sql, { grant: ["scidex_audit_publisher", ...rights] });
  onTestFinished(async () => login.drop());
  return { url: login.url, sql: client(login.url, 3) };
}

/** An ordinary writer that has appended in a transaction and leaves it open. */
async function holder(log: Log): Promise<{ sql: Sql; pid: number }> {
  const login = await createLogin(log.sql, { grant: ["scidex_audit_writer"] });
  onTestFinished(async () => login.drop());
  const sql = client(login.url, 1);
  await sql.unsafe("begin; select audit_chain_append('thing', 'held', sha256('x'))");
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return { sql, pid: row?.pid ?? 0 };
}

const enqueue = async (log: Log): Promise<unknown> =>
  log.sql`select audit_chain_enqueue('thing', gen_random_uuid()::text, sha256('x'))`;

const MAY_END = ["pg_signal_backend", "pg_read_all_stats"];

describe("a session that holds the chain's lock idle in its transaction", () => {
  it("is ended, named, and what waits is sealed", async () => {
    const log = await openLog();
    const { sql } = await publisher(log, ...MAY_END);
    const { pid } = await holder(log);
    await enqueue(log);
    const result = await log.publish({ database: sql, lockIdleMs: 0 });
    expect(result).toMatchObject({
      status: "intact",
      sealed: 1,
      published: { seq: 1n },
      lockHolders: [{ pid, prepared: null, ended: true, idleSeconds: expect.any(Number) }],
      warnings: expect.arrayContaining([
        expect.stringMatching(new RegExp(`^session ${pid} \\(.*\\) has held .*; ended$`)),
      ]),
    });
    expect(await log.sql`select from pg_stat_activity where pid = ${pid}`).toHaveLength(0);
  });

  it("stays where the publisher was not granted that, and raises an alert", async () => {
    const log = await openLog();
    await log.append("1");
    const { sql } = await publisher(log, "pg_read_all_stats");
    const { pid, sql: idle } = await holder(log);
    const hook = await listen();
    const { result, failures } = await publishAndTell(
      { database: sql, keyFile: log.keyFile, sinks: log.sinks, lockIdleMs: 0 },
      { webhook: { url: hook.url, secret: "0123456789abcdef" } },
    );
    expect(result).toMatchObject({ status: "intact", published: { seq: 1n }, lockHolders: [{ pid, ended: false }] });
    const message = expect.stringMatching(
      new RegExp(`session ${pid} .*Grant pg_signal_backend.*pg_terminate_backend\\(${pid}\\)`),
    );
    expect(failures).toEqual([message]);
    expect(hook.received.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      expect.objectContaining({ event: "audit_chain_lock_held", lock_holders: [expect.objectContaining({ pid })] }),
    ]);
    await idle`commit`;
    expect((await log.publish({ database: sql, lockIdleMs: 0 })).lockHolders).toEqual([]);
  });

  it("is none of the publisher's business before the bound", async () => {
    const log = await openLog();
    await log.append("1");
    const { sql } = await publisher(log, ...MAY_END);
    const { sql: idle } = await holder(log);
    expect(await log.publish({ database: sql })).toMatchObject({ status: "intact", lockHolders: [] });
    await idle`commit`;
    await expect(sealPending(sql)).resolves.toBe(0);
  });

  it("is ended by seal too, which says so on stderr", async () => {
    const log = await openLog();
    const { url } = await publisher(log, ...MAY_END);
    const { pid } = await holder(log);
    await enqueue(log);
    expect(await run(log, ["seal", "--max-lock-idle", "1s"], { AUDIT_DATABASE_URL: url })).toMatchObject({
      exit: 0,
      stdout: "sealed 1 rows\n",
      stderr: expect.stringMatching(new RegExp(`^seal: session ${pid} .*; ended$`, "m")),
    });
  });
});

describe("a prepared transaction that holds it", () => {
  it("raises an alert with its name, in publish and in seal, and the head is published all the same", async () => {
    const log = await openLog();
    await log.append("1");
    const { url } = await publisher(log, ...MAY_END);
    const gid = `it's ${new URL(log.url).pathname}`;
    const { sql: writer } = await holder(log);
    await writer.unsafe(`prepare transaction '${gid.replaceAll("'", "''")}'`);
    onTestFinished(async () => {
      await log.sql.unsafe(`rollback prepared '${gid.replaceAll("'", "''")}'`);
    });
    await enqueue(log);
    const env = { AUDIT_DATABASE_URL: url };
    // The shortest bound that the command takes.
    while ((await log.sql`select from pg_prepared_xacts where gid = ${gid} and now() - prepared < '1 s'`).length > 0);
    const published = await run(log, ["publish", "--json", "--max-lock-idle", "1s"], env);
    expect(published.exit).toBe(3);
    expect(JSON.parse(published.stdout)).toMatchObject({
      status: "intact",
      published: { seq: 1 },
      pending: 1,
      lock_holders: [{ pid: null, prepared: gid, ended: false }],
      warnings: expect.arrayContaining([
        expect.stringContaining(`alert: prepared transaction ${JSON.stringify(gid)}`),
        expect.stringContaining("nothing can be sealed"),
      ]),
    });
    const sealed = await run(log, ["seal"], env);
    expect(sealed).toMatchObject({ exit: 3, stdout: "" });
    expect(sealed.stderr).toContain(`ROLLBACK PREPARED '${gid.replaceAll("'", "''")}'`);
  });
});
