// Partitions of an audited table, made by an owner who is no superuser.
import { createDatabase, createLogin, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../src/index.ts";
import { connect, stateOf } from "../database.ts";
import { expectIntact } from "../recompute.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

test("a deployer creates partitions of his audited table, and can put its triggers on no other", async () => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  await migrate(drizzle(sql));
  await sql.unsafe("grant create on schema public to public");
  const deployer = await createLogin(sql, { grant: ["scidex_audit_deployer"] });
  await using own = connect(deployer.url);
  await own.sql.unsafe(`create table days (id int, day int, primary key (id, day)) partition by range (day);
    create table plain (id int primary key); create table decoy (id int, day int)`);
  await own.sql`select audit_chain_attach('days', 'strict'), audit_chain_attach('plain', 'strict')`;

  await own.sql.unsafe("create table day_1 partition of days for values from (1) to (2)");
  await own.sql.unsafe(
    "create table day_2 (like days); alter table days attach partition day_2 for values from (2) to (3)",
  );
  await own.sql`insert into day_1 values (1, 1)`;
  await own.sql`insert into days values (2, 2)`;
  expect(await sql`select event_pk from audit_chain where event_kind = 'days' order by seq`).toEqual([
    { event_pk: '["1","1"]' },
    { event_pk: '["2","2"]' },
  ]);

  const [days, plain] = await sql<{ name: string }[]>`
    select audit_chain_capture_name(kind) as name from unnest(array['days', 'plain']) as kind`;
  const put = async (name: string | undefined) =>
    await stateOf(
      own.sql.unsafe(`create trigger t after insert on decoy for each row execute function public.${name}()`),
    );
  expect(await put(plain?.name)).toBe("42501");
  await put(days?.name);
  expect(await stateOf(own.sql`insert into decoy values (9, 9)`)).toBe("AC002");
  await expectIntact(sql);
});

test("a deployer makes an audited table a partition of one that takes its place", async () => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  await migrate(drizzle(sql));
  await sql.unsafe("grant create on schema public to public");
  const deployer = await createLogin(sql, { grant: ["scidex_audit_deployer"] });
  await using own = connect(deployer.url);
  await own.sql.unsafe("create table event (id int primary key, body text)");
  await own.sql`select audit_chain_attach('event', 'strict')`;
  await own.sql`insert into event values (1, 'one')`;
  await own.sql.begin(async (tx) => {
    await tx.unsafe(`alter table event rename to event_1;
      create table event (like event_1, primary key (id)) partition by range (id);
      alter table event attach partition event_1 for values from (minvalue) to (maxvalue)`);
    await tx`select audit_chain_sync('event')`;
  });
  await own.sql`insert into event values (2, 'two')`;
  expect(await sql`select event_pk from audit_chain where event_kind = 'event' order by seq`).toEqual([
    { event_pk: "1" },
    { event_pk: "2" },
  ]);
  await expectIntact(sql);
});
