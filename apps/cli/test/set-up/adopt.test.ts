// A database with the chain of an earlier implementation, in Python: a bigserial, no payload hash, hashes made by the writer.
import { migrate } from "@scidex/audit-schema";
import { createDatabase, createLogin, startEmbedded, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import type { Sql } from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { openLog } from "../policy/open-log.ts";
import { jsonOf, runCli } from "../run-cli.ts";

const TABLE = `create table audit_chain (seq bigserial primary key, event_kind text not null, event_pk text not null,
  event_hash bytea not null, prev_hash bytea not null, chain_hash bytea not null,
  appended_at timestamptz not null default now(), unique (event_kind, event_pk), constraint audit_chain_hash check (length(chain_hash) = 32));
  create index audit_chain_at on audit_chain (appended_at)`;
const BYTES = "int8send(seq)";
const TEXT = "convert_to(seq::text, 'UTF8')";

/** Links as the earlier writer made them. @param seq how it wrote the seq into the hash */
async function earlier(sql: Sql, seqs: readonly number[], seq = BYTES): Promise<void> {
  for (const at of seqs)
    await sql.unsafe(`insert into audit_chain (seq, event_kind, event_pk, event_hash, prev_hash, chain_hash)
      select seq, 'task_events', seq::text, event, prev, sha256(prev || event || ${seq})
        from (select ${at}::bigint as seq, sha256('event ${at}') as event,
                     coalesce((select chain_hash from audit_chain order by seq desc limit 1), decode(repeat('00', 32), 'hex')) as prev) as e`);
  await sql`select setval('audit_chain_seq_seq', (select max(seq) from audit_chain))`;
}

/** Everything that a row of that table says. */
const contents = async (sql: Sql, table: string): Promise<string> => {
  const [row] = await sql.unsafe<{ digest: string }[]>(
    `select md5(string_agg(e::text, ',' order by seq)) as digest from ${table} as e`,
  );
  return row?.digest ?? "";
};

const names = async (sql: Sql): Promise<string[]> => {
  const rows = await sql<{ name: string }[]>`
    select relname::text as name from pg_class where relname like 'earlier_audit_chain%'
    union all select conname from pg_constraint where conname = 'earlier_audit_chain_hash' order by 1`;
  return rows.map(({ name }) => name);
};

const adopt = async ({ url }: TestDatabase, ...more: string[]) =>
  await runCli(["init", "--adopt", ...more], { env: { AUDIT_DATABASE_URL: url } });

describe("init --adopt", { timeout: 240_000 }, () => {
  it("takes an earlier chain over, which is then audited as any table, and clean", async () => {
    await using database = await createDatabase();
    const { sql } = database;
    const log = await openLog("one.log", "two.log");
    await sql.unsafe(TABLE);
    await earlier(sql, [1, 2, 3, 4, 5, 6]);
    const before = await contents(sql, "audit_chain");
    const refused = await runCli(["init"], { env: { AUDIT_DATABASE_URL: database.url } });
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining("audit-chain init --adopt") });

    const adopted = await adopt(database);
    expect(adopted).toMatchObject({ code: 0, stderr: "" });
    expect(adopted.stdout).toContain(
      "The earlier chain is public.earlier_audit_chain now, and refuses changes: 6 rows",
    );
    expect(adopted.stdout).toContain("Of its 6 links 6 have the chain hash of their members");
    expect(adopted.stdout).toContain("seq as 8 bytes), and each follows the one before.");
    expect(await contents(sql, "earlier_audit_chain")).toBe(before);
    expect(await names(sql)).toEqual([
      "earlier_audit_chain",
      "earlier_audit_chain_at",
      "earlier_audit_chain_event_kind_event_pk_key",
      "earlier_audit_chain_hash",
      "earlier_audit_chain_pkey",
      "earlier_audit_chain_seq_seq",
    ]);
    // Again, it has nothing to do.
    expect(jsonOf(await adopt(database, "--json"))).toMatchObject({
      applied: [],
      table: "public.earlier_audit_chain",
      links: { rows: 6, seq_as_bytes: 6, seq_as_text: 0, wrong: { rows: 0, first: null } },
      added: 0,
      complete: true,
    });

    // What docs/adopting.md has the earlier writer do.
    const digest = sql`sha256('{"a":1}'::bytea)`;
    const [link] = await sql`select seq::int, chain_hash from audit_chain_append('task_events', '7', ${digest})`;
    expect(link).toMatchObject({ seq: expect.any(Number) });

    const env = { ...log.env, AUDIT_DATABASE_URL: database.url };
    expect((await runCli(["publish"], { env })).code).toBe(0);
    const report = async () =>
      jsonOf(await runCli(["verify", "--json"], { env })) as { status: string; divergences: object[] };
    expect(await report()).toMatchObject({ status: "intact", unproven: [] });
    // Who knows the earlier name meets our own table, which nobody writes to but by its doors.
    const login = await createLogin(sql);
    await expect(
      sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${login.name}`);
        await tx`insert into audit_chain (event_kind, event_pk, event_hash, prev_hash, chain_hash) values ('k', '1', ''::bytea, ''::bytea, ''::bytea)`;
      }),
    ).rejects.toMatchObject({ code: "42501" });
    await expect(sql`update earlier_audit_chain set event_pk = 'x' where seq = 2`).rejects.toMatchObject({
      code: "AC004",
    });

    // Its rows are no easier to forge than others: edited, deleted, added to by whoever can do it past the guards.
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update earlier_audit_chain set event_hash = sha256('forged') where seq = 2`;
      await tx`delete from earlier_audit_chain where seq = 6`;
      await tx`insert into earlier_audit_chain select 7, event_kind, '7', event_hash, prev_hash, chain_hash from earlier_audit_chain where seq = 5`;
    });
    const { status, divergences } = await report();
    expect(status).toBe("tampered");
    expect(divergences).toMatchObject([
      { check: "source_edited", event_pk: "2" },
      { check: "source_deleted", event_pk: "6" },
      { check: "source_unchained", event_pk: "7" },
    ]);
    await log.close();
  });

  it("says which links fork, were changed or are missing, and goes on where it was broken off", async () => {
    await using database = await createDatabase();
    const { sql } = database;
    await sql.unsafe(TABLE);
    await earlier(sql, [1, 2, 3, 5, 6, 7, 8], TEXT);
    // Two writers had read the same head: the other one's link stands behind, and the chain goes on from there.
    await sql`update audit_chain set prev_hash = (select prev_hash from audit_chain where seq = 3) where seq = 5`;
    await sql.unsafe(`update audit_chain set chain_hash = sha256(prev_hash || event_hash || ${TEXT}) where seq = 5`);
    await sql`update audit_chain set event_hash = sha256('edited') where seq = 8`;
    // As a run leaves it that was killed after its first transaction.
    await migrate(drizzle(sql), { adopt: true });
    const adopted = await adopt(database, "--json");
    expect(jsonOf(adopted)).toMatchObject({
      links: {
        rows: 7,
        seq_as_bytes: 0,
        seq_as_text: 6,
        wrong: { rows: 1, first: 8 },
        forked: { rows: 2, first: 3 },
        broken: { rows: 1, first: 6 },
        after_gap: { rows: 1, first: 5 },
      },
      rows: 7,
      added: 7,
      complete: true,
    });
    const { stdout } = await adopt(database);
    expect(stdout).toContain("(SHA-256 of prev_hash, event_hash and seq as digits)");
    expect(stdout).toContain("warning: 2 links follow a link that another one follows too");
    expect(stdout).toContain("nothing that happened before now is proven by that");
  });

  it("also where the table was renamed by hand and its index was left, which init refuses", async () => {
    await using database = await createDatabase();
    const { sql } = database;
    await sql.unsafe(`${TABLE}; alter table audit_chain rename to earlier_audit_chain;
      alter sequence audit_chain_seq_seq rename to earlier_seq`);
    await expect(migrate(drizzle(sql))).rejects.toMatchObject({
      code: "other_shape",
      message: expect.stringContaining("The index public.audit_chain_"),
    });
    const adopted = await adopt(database);
    expect(adopted).toMatchObject({ code: 0, stderr: "" });
    expect(await names(sql)).toContain("earlier_audit_chain_pkey");
    const [key] = await sql<{ name: string }[]>`
      select indexrelid::regclass::text as name from pg_index where indrelid = 'audit_chain'::regclass and indisprimary`;
    expect(key?.name).toBe("audit_chain_pkey");
  });

  it.each([
    ["no earlier chain", "select 1", "There is no earlier chain"],
    [
      "a table of another shape",
      "create table audit_chain (id bigserial primary key, hash text)",
      "it has no column seq",
    ],
    ["hashes that are texts", TABLE.replace("event_hash bytea", "event_hash text"), "its column event_hash is text"],
    ["a seq that is no key", TABLE.replace("bigserial primary key", "bigserial"), "its column seq is no key"],
    ["a chain of ours without owners", TABLE.replace("event_pk text", "payload_hash bytea, event_pk text"), "--repair"],
    ["a view", "create view audit_chain as select 1 as seq", "expected a plain table"],
    ["both names", `${TABLE}; create table earlier_audit_chain (seq int)`, "is there already, beside"],
  ])("refuses %s, and changes nothing", async (_, statements, message) => {
    await using database = await createDatabase();
    const { sql } = database;
    await sql.unsafe(statements);
    const state = async () =>
      await sql`select oid, relname, relowner from pg_class where relname ~ 'audit_chain' order by 1`;
    const before = await state();
    await expect(migrate(drizzle(sql), { adopt: true })).rejects.toMatchObject({
      code: "not_adoptable",
      message: expect.stringContaining(message),
    });
    expect(await state()).toEqual(before);
  });

  it("is for the chain that is there alone: beside our own it finds none", async () => {
    await using database = await createDatabase();
    await migrate(drizzle(database.sql));
    expect(await adopt(database)).toMatchObject({ code: 3, stderr: expect.stringContaining("no earlier chain") });
    expect(await adopt(database, "--repair")).toMatchObject({ code: 2 });
    expect(await adopt(database, "--schema", "other")).toMatchObject({ code: 2 });
  });

  it("needs no superuser, only the earlier chain's owner", async () => {
    // Roles belong to the whole server.
    const server = await startEmbedded();
    onTestFinished(async () => await server.stop());
    await using database = await createDatabase({ server });
    const { sql } = database;
    const owner = await createLogin(sql, { attributes: "createrole" });
    await sql.unsafe(`grant create on schema public to ${owner.name} with grant option; ${TABLE}`);
    await earlier(sql, [1, 2, 3]);
    const asOwner = async () => await runCli(["init", "--adopt"], { env: { AUDIT_DATABASE_URL: owner.url } });
    expect(await asOwner()).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("permission denied for table audit_chain"),
    });
    expect(await contents(sql, "audit_chain")).not.toBe("");
    await sql.unsafe(`alter table audit_chain owner to ${owner.name}`);
    expect(await asOwner()).toMatchObject({ code: 0, stderr: "" });
  });
});
