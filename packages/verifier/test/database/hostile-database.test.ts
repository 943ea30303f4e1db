import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { append, forge, openChain, verifyAsked } from "../chain-database.ts";
import { formatReport, getHead, lookup, verify, verifyEvent } from "../../src/index.ts";
import { readShape } from "../../src/coverage/shape.ts";
import { withSnapshot } from "@scidex/audit-reader";

const UNCONSTRAIN = `
  alter table public.audit_chain drop constraint audit_chain_pkey, drop constraint audit_chain_event_key,
    drop constraint audit_chain_seq_check, drop constraint audit_chain_hash_check,
    drop constraint audit_chain_label_check, drop constraint audit_chain_time_check;
  alter table public.audit_chain alter seq drop not null, alter event_kind drop not null, alter event_pk drop not null,
    alter payload_hash drop not null, alter event_hash drop not null, alter prev_hash drop not null,
    alter chain_hash drop not null, alter appended_at drop not null;`;

async function smallChain() {
  const chain = await openChain();
  await chain.sql`create table public.note (id int primary key, body text)`;
  await chain.sql`select public.audit_chain_attach('public.note', mode => 'strict')`;
  await chain.sql`insert into public.note select n, 'body ' || n from generate_series(1, 5) as n`;
  await append(chain.sql, "thing", "1", "2", "3", "4");
  await chain.publish();
  return chain;
}

describe("a hostile database", () => {
  it.each([
    ["a seq of 2^63 - 1", `update public.audit_chain set seq = 9223372036854775807 where seq = 10`],
    [
      "a seq of 2^63 - 1 beside the others",
      `insert into public.audit_chain select 9223372036854775807, 'x', 'y', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at from public.audit_chain where seq = 10`,
    ],
    ["a seq of -2^63", `${UNCONSTRAIN} update public.audit_chain set seq = -9223372036854775808 where seq = 4`],
    ["a seq of 0", `${UNCONSTRAIN} update public.audit_chain set seq = 0 where seq = 4`],
    ...["seq", "event_kind", "payload_hash", "appended_at"].map((column) => [
      `${column} NULL`,
      `${UNCONSTRAIN} update public.audit_chain set ${column} = null where seq = 4`,
    ]),
    ...[
      ["payload_hash", "''"],
      ["event_hash", "repeat('00', 31)"],
      ["prev_hash", "repeat('00', 33)"],
      ["chain_hash", "repeat('00', 100000)"],
    ].map(([column, hex]) => [
      `${column} of ${hex}`,
      `${UNCONSTRAIN} update public.audit_chain set ${column} = decode(${hex}, 'hex') where seq = 4`,
    ]),
    ...["infinity", "1999-12-31 23:59:59.999999+00", "4000-01-01 BC"].map((time) => [
      `the time ${time}`,
      `${UNCONSTRAIN} update public.audit_chain set appended_at = '${time}' where seq = 4`,
    ]),
    [
      "a kind of a megabyte",
      `${UNCONSTRAIN} update public.audit_chain set event_kind = repeat('x', 1000000) where seq = 4`,
    ],
    [
      "a key of 50 megabytes",
      `${UNCONSTRAIN} update public.audit_chain set event_pk = repeat('x', 50000000) where seq = 4`,
    ],
  ])("finds %s", async (_, attack) => {
    const chain = await smallChain();
    await chain.attack(attack ?? "");
    const report = await chain.verify();
    expect(report.status).toBe("tampered");
    expect(report.divergenceCount).toBeGreaterThan(0);
    expect(formatReport(report).length).toBeLessThan(50_000);
  });

  it.each([
    ["a seq of another type", "alter table public.audit_chain alter seq type numeric"],
    [
      "hashes as text",
      "alter table public.audit_chain drop constraint audit_chain_hash_check; alter table public.audit_chain alter chain_hash type text using encode(chain_hash, 'hex')",
    ],
    [
      "a domain as a type",
      "create domain public.t as text; alter table public.audit_chain alter event_pk type public.t",
    ],
    ["times without a zone", "alter table public.audit_chain alter appended_at type timestamp"],
    ["a column less", "alter table public.audit_chain drop column payload_hash"],
    ["a view", "alter table public.audit_chain rename to c; create view public.audit_chain as select * from public.c"],
    [
      "a materialized view",
      "alter table public.audit_chain rename to c; create materialized view public.audit_chain as select * from public.c",
    ],
    [
      "a partitioned table",
      "alter table public.audit_chain rename to c; create table public.audit_chain (like public.c) partition by range (seq)",
    ],
    [
      "a foreign table",
      "create foreign data wrapper w; create server s foreign data wrapper w; alter table public.audit_chain rename to c; create foreign table public.audit_chain (seq bigint) server s",
    ],
  ])("finds %s in the chain's place", async (_, attack) => {
    const chain = await smallChain();
    await chain.attack(attack ?? "");
    const report = await chain.verify();
    expect(report.divergences).toContainEqual(expect.objectContaining({ check: "relation_changed" }));
    expect(report.firstDivergence).toMatchObject({ check: "truncated", seq: 1n });
    expect(report.checks.links).toBe("unproven");
  });

  it("finds a view in the place of pending, and does not run it", async () => {
    const chain = await smallChain();
    await chain.attack(`
      alter table public.audit_chain_pending rename to p;
      create function public.boom() returns text language plpgsql as $$ begin raise exception 'ran'; end $$;
      create view public.audit_chain_pending as select id, public.boom() as op, event_kind, event_pk, payload_hash, staged_at, conflict from public.p`);
    const report = await chain.verify();
    expect(report.divergences.map(({ check }) => check)).toEqual(["relation_changed"]);
  });

  it("takes many rows of one key without keeping them", async () => {
    const chain = await smallChain();
    await chain.attack(`${UNCONSTRAIN}
      insert into public.audit_chain select 11, 'thing', repeat('4', 100), payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at
        from public.audit_chain, generate_series(1, 150000) where seq = 9`);
    const before = process.memoryUsage().rss;
    const report = await chain.verify();
    expect(report.status).toBe("tampered");
    expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000);
  });

  it("proves nothing of sources where events cannot be kept on the disk to be sorted", async () => {
    const chain = await smallChain();
    await chain.attack(`${UNCONSTRAIN}
      insert into public.audit_chain select seq + n, 'noise', repeat('x', 1000) || n, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at
        from public.audit_chain, generate_series(1, 3000) as n where seq = (select max(seq) from public.audit_chain)`);
    const folder = join(chain.folder, "none");
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const report = await chain.verify();
    expect(report.checks).toMatchObject({ links: "failed", sources: "unproven" });
    expect(report.unproven).toContainEqual(expect.stringMatching(`^sources: .* cannot be kept in ${folder}: `));
  });

  it("lists a thousand of each check, so that noise in one hides nothing in another (C13)", async () => {
    const chain = await smallChain();
    await chain.attack(`
      insert into public.note select n, 'noise' from generate_series(100, 3000) as n;
      delete from public.note where id = 3;
      update public.note set body = 'evil' where id = 4`);
    const report = await chain.verify();
    expect(report.divergenceCount).toBe(2903);
    expect(report.divergences).toHaveLength(1002);
    expect(report.firstDivergence).toMatchObject({ check: "source_deleted", seq: 4n });
  });

  it("runs nothing that stands in a kind, a relation or a column's name", async () => {
    const chain = await openChain();
    const odd = `a"b'c\\d$$e;drop table x--é€𝄞`;
    const quoted = odd.replaceAll('"', '""');
    await chain.sql.unsafe(`create schema "${quoted}"`);
    await chain.sql.unsafe(
      `create table "${quoted}"."${quoted}" ("${quoted}" int, "key" text, body text, "constructor" text, "__proto__" text, primary key ("${quoted}", "key"))`,
    );
    const kind = `${odd}${"'\\".repeat(70)}`;
    await chain.sql`select public.audit_chain_attach(to_regclass(${`"${quoted}"."${quoted}"`}), mode => 'strict', kind => ${kind}, changes => 'track')`;
    await chain.sql.unsafe(
      `insert into "${quoted}"."${quoted}" values (1, 'a', 'x', 'y', 'z'), (2, 'b', null, null, null)`,
    );
    await chain.sql.unsafe(`update "${quoted}"."${quoted}" set body = 'changed' where "key" = 'b'`);
    await chain.publish();
    const clean = await chain.verify();
    expect([clean.status, clean.divergences, clean.unproven]).toEqual(["intact", [], []]);
    await chain.sql.unsafe("set standard_conforming_strings = on");
    await chain.attack(`update "${quoted}"."${quoted}" set "__proto__" = 'evil' where "key" = 'a'`);
    expect((await chain.verify()).firstDivergence).toMatchObject({ check: "source_edited", eventKind: kind });
  });

  it("escapes what a terminal would act on", async () => {
    const chain = await smallChain();
    await append(chain.sql, "thing\u001b[31m", "\u009b31m\u202e\u2028x");
    await chain.attack("delete from public.audit_chain where seq = 11; insert into public.note values (99, null)");
    await chain.attack(forge("note", "\u009b31m\u202e"));
    const json = formatReport(await chain.verify());
    expect(json).toContain("\\u009b31m\\u202e");
    expect(json).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/u);
    const { event_pk: eventPk } = (JSON.parse(json) as { first_divergence: { event_pk: string } }).first_divergence;
    expect(eventPk).toBe("\u009b31m\u202e");
  });

  it("judges the other tables where one breaks off in the middle", async () => {
    const chain = await smallChain();
    await chain.sql.unsafe("create type public.mood as enum ('fine', 'odd')");
    await chain.sql.unsafe(`
      create table public.broken (id int primary key, mood public.mood);
      select public.audit_chain_attach('public.broken', mode => 'strict');
      insert into public.broken select n, case n when 15000 then 'odd' else 'fine' end::public.mood from generate_series(1, 20000) as n`);
    await chain.publish();
    // A value that cannot be printed any more stands for a page that is damaged.
    await chain.attack("delete from pg_catalog.pg_enum where enumlabel = 'odd'");
    expect(await chain.verify()).toMatchObject({ status: "unproven", divergences: [] });
    await chain.attack("update public.note set body = 'evil' where id = 2");
    const report = await chain.verify();
    expect(report.divergences.map(({ check, seq }) => [check, seq])).toEqual([["source_edited", 3n]]);
    expect(report.unproven).toEqual([expect.stringContaining("public.broken")]);
  });

  it.each([1, 2, 3])("ends when a backend is killed in the middle of a COPY (%i)", async () => {
    const chain = await smallChain();
    await chain.attack(`insert into public.audit_chain select n, 'thing', n::text, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at
                          from public.audit_chain, generate_series(100, 150000) as n where seq = 9`);
    const client = postgres(chain.url, {
      max: 2,
      fetch_types: false,
      onnotice: () => {},
    });
    onTestFinished(async () => await client.end({ timeout: 0 }));
    const running = verifyAsked(client, chain.asked).then(
      () => "done",
      (error: unknown) => String(error),
    );
    for (let killed = 0; killed === 0;) {
      await sleep(5);
      const rows =
        await chain.sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${chain.name} and query like 'copy%"audit_chain"%' and state = 'active'`;
      killed = rows.length;
    }
    expect(await running).not.toBe("done");
  });

  it("reports what else it found where a value cannot be printed", async () => {
    const chain = await smallChain();
    await chain.sql`create table public.device (id int primary key, mac macaddr8)`;
    await chain.sql`select public.audit_chain_attach('public.device', mode => 'strict')`;
    await chain.sql`insert into public.device values (1, '08:00:2b:01:02:03:04:05')`;
    await chain.publish();
    await chain.attack("update public.note set body = 'edited' where id = 2");
    await chain.attack("update pg_type set typoutput = 'shell_out'::regproc where typname = 'macaddr8'");
    const report = await chain.verify({ checks: ["links", "heads", "sources", "structure"] });
    expect(report.status).toBe("tampered");
    expect(report.divergences.map(({ check }) => check)).toEqual(
      expect.arrayContaining(["source_edited", "catalog_changed"]),
    );
    expect(report.unproven.join("\n")).toContain("public.device could not be read: cannot display a value");
  });

  it("ends when work breaks off in the middle of both streams, and leaves the connections usable", async () => {
    const chain = await smallChain();
    const client = postgres(chain.url, { max: 2, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => await client.end({ timeout: 0 }));
    await chain.sql`create table public.long as select n, repeat('x', 1000) as body from generate_series(1, 100000) as n`;
    await expect(
      withSnapshot(client, async ([first, second]) => {
        const long = await readShape(first, "public", "long");
        if (long === null) throw new Error("no table long");
        await (await first.scan(long, ["n", "body"], "binary")).next();
        await second.attempt(async (lane) => {
          await (await lane.scan(long, ["n", "body"], "text")).next();
          throw new Error("broken off");
        });
      }),
    ).rejects.toThrow("broken off");
    expect(await client`select 1 as one`).toEqual([{ one: 1 }]);
  });

  it("takes a client with one connection, since it opens others of its own", async () => {
    const chain = await smallChain();
    const client = postgres(chain.url, { max: 1, fetch_types: false });
    onTestFinished(async () => await client.end({ timeout: 0 }));
    expect((await verifyAsked(client, chain.asked)).report).toMatchObject({ status: "intact" });
  });

  it("says so when there is no chain", async () => {
    const chain = await openChain();
    await chain.sql`drop table public.audit_chain cascade`;
    await expect(verify(chain.sql, {}, { allowUnanchored: true })).rejects.toMatchObject({ code: "not_initialised" });
  });

  it("never waits long for a lock", async () => {
    const chain = await smallChain();
    const other = postgres(chain.url, { max: 1, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => await other.end({ timeout: 0 }));
    await other.unsafe("begin");
    await other`lock table public.note in access exclusive mode`;
    expect(await chain.verify()).toMatchObject({ status: "unproven", divergences: [] });
    await other`lock table public.audit_chain in access exclusive mode`;
    const report = await chain.verify();
    expect(report).toMatchObject({ status: "unproven", divergences: [] });
    expect(report.unproven.join("\n")).toMatch(
      /public\.audit_chain could not be read: .*another session has it locked/u,
    );
    await other.unsafe("rollback");
    expect(await chain.verify()).toMatchObject({ status: "intact" });
  });

  it.each(["audit_chain", "audit_chain_config", "audit_chain_pending", "note"])(
    "looks again where %s was locked for longer than it waits",
    async (table) => {
      const chain = await smallChain();
      const other = postgres(chain.url, { max: 1, fetch_types: false, onnotice: () => {} });
      onTestFinished(async () => await other.end({ timeout: 0 }));
      await other.unsafe("begin");
      await other`lock table ${other(`public.${table}`)} in access exclusive mode`;
      const verification = chain.verify();
      const waits = new Set<string>();
      await vi.waitFor(
        async () => {
          for (const {
            since,
          } of await other`select waitstart::text as since from pg_locks where waitstart is not null`)
            waits.add(since);
          expect(waits.size).toBeGreaterThan(1);
        },
        { timeout: 30_000, interval: 20 },
      );
      await other.unsafe("rollback");
      expect(await verification).toMatchObject({ status: "intact", unproven: [] });
    },
  );

  it("finds hostile head logs without keeping them", async () => {
    const chain = await smallChain();
    writeFileSync(chain.paths[0], "x\n".repeat(100_000));
    writeFileSync(chain.paths[1], Buffer.concat([Buffer.alloc(200_000_000, 0x61), Buffer.from([10, 0xff, 0xfe, 10])]));
    const before = process.memoryUsage().rss;
    const report = await chain.verify();
    expect(report.status).toBe("tampered");
    expect(report.divergences.length).toBeLessThanOrEqual(1_000);
    expect(report.divergenceCount).toBe(100_002);
    expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000);
  });
});

describe("lookups", () => {
  it("give the head, an event's links, and what a payload is", async () => {
    const chain = await openChain();
    expect(await getHead(chain.sql)).toBeNull();
    await chain.sql`select public.audit_chain_append('model', 'm1', sha256('{"a":1}'))`;
    await chain.sql`create table public.task (id text primary key, state text)`;
    await chain.sql`select public.audit_chain_attach('public.task', mode => 'strict', changes => 'track')`;
    await chain.sql`insert into public.task values ('t', 'new'), ('t@4', 'other')`;
    await chain.sql`update public.task set state = 'done' where id = 't'`;
    expect(await getHead(chain.sql)).toMatchObject({ seq: 5n, eventKind: "task:update", eventPk: "t@5" });
    expect((await lookup(chain.sql, { kind: "task", pk: "t" })).map(({ seq }) => seq)).toEqual([3n, 5n]);
    const ask = async (kind: string, pk: string, payload: unknown) =>
      (await verifyEvent(chain.sql, { kind, pk, payload })).status;
    expect(await ask("model", "m1", { a: 1 })).toBe("recorded");
    expect(await ask("model", "m1", { a: 2 })).toBe("different");
    expect(await ask("model", "m2", { a: 1 })).toBe("unknown");
    expect(await ask("task", "t", { id: "t", state: "done" })).toBe("recorded");
    expect(await ask("task", "t", { id: "t", state: "new" })).toBe("different");
    await chain.sql`delete from public.task where id = 't'`;
    expect(await ask("task", "t", { id: "t", state: "done" })).toBe("deleted");
    for (const attack of [
      "update public.audit_chain set payload_hash = sha256('x') where seq = 1",
      `${UNCONSTRAIN} update public.audit_chain set payload_hash = '', event_kind = 'model' where seq = 1`,
      "update public.audit_chain set appended_at = '1970-01-01' where seq = 1",
      "update public.audit_chain set appended_at = 'infinity' where seq = 1",
    ]) {
      await chain.attack(attack);
      expect(await ask("model", "m1", { a: 1 })).toBe("broken");
    }
    await expect(verifyEvent(chain.sql, { kind: "model", pk: "m1", payload: { a: Number.NaN } })).rejects.toThrow(
      /NaN/u,
    );
  });
});
