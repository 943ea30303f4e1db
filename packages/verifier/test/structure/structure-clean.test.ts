import { attach, detach, migrate } from "@scidex/audit-schema";
import { createDatabase, type EmbeddedServer, startEmbedded, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookAtStructure, openAudited, said } from "../structure-database.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

/** Runs `change` in a database with audited tables and expects that nothing is found and everything could be checked. */
async function expectClean(change: (database: TestDatabase) => Promise<unknown>): Promise<void> {
  await using database = await openAudited(server);
  await change(database);
  const looked = await lookAtStructure(database.sql);
  expect(said(looked)).toEqual([]);
  expect(looked.unproven).toEqual([]);
  // Partitions that came after the attachment have no guard against TRUNCATE, which is worth a word.
  expect(looked.warnings.filter((warning) => !/is not guarded against TRUNCATE/u.test(warning))).toEqual([]);
}

describe("nothing is found", () => {
  test("after a set-up by a superuser without any table", async () => {
    await using database = await createDatabase({ server });
    await migrate(drizzle(database.sql));
    const looked = await lookAtStructure(database.sql);
    expect(said(looked)).toEqual([]);
    expect(looked).toEqual({ findings: [], unproven: [], warnings: [] });
  });

  test("after init was run again", async () => {
    await expectClean(async ({ sql }) => await migrate(drizzle(sql)));
  });

  test("after tables were attached again, in other modes, with other columns, renamed, detached", async () => {
    await expectClean(async ({ sql }) => {
      const db = drizzle(sql);
      await attach(db, "public.strict_refuse", { mode: "sealed", exclude: ["extra"] });
      await attach(db, "public.sealed_track", { changes: "refuse", mode: "strict" });
      await attach(db, "public.parts", { mode: "strict", changes: "track" });
      await sql`alter table app."Odd ""name""" rename column c to "C c"`;
      await attach(db, 'app."Odd ""name"""', { mode: "strict" });
      await detach(db, "public.parts");
      await attach(db, "public.was_attached", { mode: "strict" });
      await sql`drop table public.parts`;
    });
  });
});

test.each([
  ["a nullable column more", `alter table public.strict_refuse add column later text`],
  [
    "indexes, foreign keys, checks and triggers of the application",
    `create index on public.strict_refuse (body);
     create index on public.strict_refuse (lower(body)) where id > 5;
     create table public.child (id integer primary key references public.strict_refuse);
     alter table public.strict_refuse add check (id > 0);
     create function public.touch() returns trigger language plpgsql as 'begin return new;end';
     create trigger touch before insert on public.strict_refuse for each row execute function public.touch();
     create constraint trigger later after insert on public.sealed_track deferrable for each row execute function public.touch();`,
  ],
  [
    "row security on an audited table",
    `alter table public.strict_refuse enable row level security;
     create policy mine on public.strict_refuse using (true);
     alter table public.sealed_track enable row level security; alter table public.sealed_track force row level security;
     select public.audit_chain_sync('public.strict_refuse'), public.audit_chain_sync('public.sealed_track');`,
  ],
  ["VACUUM FULL", "vacuum full"],
  ["VACUUM ANALYZE", "vacuum analyze"],
  [
    "REINDEX",
    "reindex table public.audit_chain; reindex table public.audit_chain_pending; reindex table public.strict_refuse",
  ],
  ["REINDEX CONCURRENTLY", "reindex table concurrently public.audit_chain"],
  [
    "CLUSTER",
    "cluster public.audit_chain using audit_chain_pkey; cluster public.strict_refuse using strict_refuse_pkey",
  ],
  ["an index of the administrator's on the chain", "create index on public.audit_chain (appended_at)"],
  [
    "a foreign key that points to the chain",
    "create table public.points (seq bigint references public.audit_chain (seq))",
  ],
  ["storage parameters", "alter table public.audit_chain set (autovacuum_enabled = off, fillfactor = 90)"],
  ["statistics and storage of columns", "alter table public.audit_chain alter column event_pk set statistics 500"],
  [
    "a trigger that fires in replicas too",
    "alter table public.strict_refuse enable always trigger audit_chain_capture",
  ],
  [
    "partitions attached and detached",
    `create table public.parts_next partition of public.parts for values from ('2030-01-01') to ('2031-01-01');
     create table public.parts_later (like public.parts including all);
     alter table public.parts attach partition public.parts_later for values from ('2031-01-01') to ('2032-01-01');
     alter table public.parts detach partition public.parts_old;`,
  ],
  [
    "an audited table that inherits",
    "create table public.base (id bigint); alter table public.strict_refuse alter column id set not null; create table app.heir (id bigint primary key) inherits (public.base); select public.audit_chain_attach('app.heir', mode => 'strict')",
  ],
  [
    "extensions",
    "create schema ext; create extension pgcrypto schema ext; create extension if not exists citext schema public; create extension if not exists hstore schema public",
  ],
  [
    "tables of the same name that nobody finds first",
    "create schema other; create table other.strict_refuse (id int); create table other.audit_chain (id int)",
  ],
  [
    "a hand-written trigger",
    "create trigger by_hand after insert on public.strict_refuse for each row execute function public.audit_chain_append('strict_refuse')",
  ],
  [
    "a renamed table that was attached again",
    "alter table public.strict_refuse rename to renamed; select public.audit_chain_attach('public.renamed', mode => 'strict')",
  ],
  [
    "a dropped table that was recorded so",
    "drop table public.strict_refuse; select public.audit_chain_dropped('strict_refuse')",
  ],
  [
    "a table that was dropped and made again, each recorded",
    "drop table public.strict_refuse; select public.audit_chain_dropped('strict_refuse'); create table public.strict_refuse (id int primary key, other text); select public.audit_chain_attach('public.strict_refuse', mode => 'strict')",
  ],
])("nothing is found after %s", async (_, statements) => {
  await expectClean(async ({ sql }) => {
    // VACUUM and REINDEX CONCURRENTLY must not stand with others.
    if (/^(?:vacuum|reindex table concurrently)/u.test(statements)) await sql.unsafe(statements);
    else for (const statement of statements.split(/;\s/u)) await sql.unsafe(statement);
  });
});
