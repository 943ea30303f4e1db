// audit-chain sync with an audit.config.json, on a real server.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { type Ended, jsonOf } from "../run-cli.ts";

interface Report {
  readonly config: string | null;
  readonly tables: readonly {
    readonly table: string;
    readonly kind: string | null;
    readonly status: string;
    readonly differences: readonly { readonly text: string; readonly narrows: boolean }[];
    readonly error?: string;
  }[];
  readonly not_attachable: readonly { readonly table: string; readonly pattern: string; readonly reason: string }[];
  readonly not_in_config: readonly string[];
  readonly not_audited: readonly string[];
  readonly entries?: readonly { readonly name: string; readonly tables: readonly unknown[] }[];
}

let db: ChainDatabase;
let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-config-"));
  file = join(folder, "audit.config.json");
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  db = await chainDatabase();
});
afterEach(() => db.drop());

const write = (tables: object, path = file) => writeFile(path, JSON.stringify({ tables }));
const sync = (...args: string[]): Promise<Ended> => db.run(["sync", file, ...args]);
const report = async (...args: string[]): Promise<Report & { readonly code: number | null }> => {
  const ended = await sync("--json", ...args);
  return { code: ended.code, ...(jsonOf(ended) as Report) };
};
/** Attached tables, each with its kind. */
const attached = async (): Promise<Record<string, string>> => {
  const rows = await db.sql<{ relation: string; kind: string }[]>`
    select distinct on (kind) relation, kind, action from audit_chain_config where kind not like 'audit_chain%' order by kind, id desc`;
  return Object.fromEntries(rows.map(({ relation, kind }) => [relation, kind]));
};

describe("sync FILE", () => {
  it("attaches what the file names, each table by the entry that is most specific", async () => {
    await db.sql.unsafe(`create schema app; create table orders (id int primary key, noise text, v text);
      create table users (id int primary key, noise text); create table flyway_schema_history (id int primary key);
      create table app.log (id int, at int, primary key (id)) partition by range (id);
      create table app.log_1 partition of app.log for values from (0) to (10);
      create table app."Mixed" (id int primary key); create view seen as select 1; create temp table passing (id int primary key);
      insert into orders values (1, 'n', 'v'), (2, 'n', 'v')`);
    await write({
      "public.orders": { changes: "track", mode: "sealed", exclude: ["noise"], kind: "order_events" },
      "public.*": { except: ["public.flyway_*"], exclude: ["noise"] },
      "app.*": { kind: "{schema}.{table}", mode: "strict", fallback: "fail" },
      "never.*": {},
    });
    const dry = await sync("--dry-run");
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    expect(dry.stdout.split("\n")).toEqual([
      '"public.orders" decides about public.orders, before "public.*"',
      '"public.*" decides about public.users',
      '"app.*" decides about 2 tables',
      '"never.*" names no table',
      'app."Mixed": not attached yet ("app.*")',
      'app.log: not attached yet ("app.*")',
      'public.orders: not attached yet ("public.orders", before "public.*")',
      'public.users: not attached yet ("public.*")',
      `Nothing was changed. Run: audit-chain sync ${file}`,
      "",
    ]);
    expect((await sync("--check")).code).toBe(4);
    expect(await attached()).toEqual({});

    const done = await sync("--yes");
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("public.orders is attached: kind order_events, sealed, changes tracked, 2 columns");
    expect(done.stdout).toContain(
      "2 rows that were there are not chained yet; run: audit-chain backfill public.orders",
    );
    expect(done.stdout).toContain(
      "public.users is attached: kind users, sealed, changes refused, 1 columns (without noise)",
    );
    expect(done.stdout).toContain("app.log is attached: kind app.log, strict or fail, changes refused");
    expect(await attached()).toEqual({
      "public.orders": "order_events",
      "public.users": "users",
      "app.log": "app.log",
      'app."Mixed"': "app.Mixed",
    });
    const again = await sync("--check");
    expect(again).toMatchObject({ code: 0, stdout: `4 attached tables are as ${file} says.\n` });
  });

  it("attaches a new tenant's tables by the next sync, each under a kind of its own", async () => {
    await db.sql.unsafe("create schema one; create table one.customers (id int primary key)");
    expect((await db.run(["attach", "one.customers"])).code).toBe(0);
    await db.sql.unsafe("create schema two; create table two.customers (id int primary key)");
    await write({ "*.customers": {} });
    const collision = await sync();
    expect(collision.code).toBe(2);
    expect(collision.stderr).toContain(
      'one.customers, two.customers would have the one kind "customers"; add "kind": "{schema}.{table}" to the pattern',
    );
    await write({ "*.customers": { kind: "{schema}.{table}" } });
    expect((await sync()).code).toBe(0);
    // A kind never changes: the first table keeps what it has.
    expect(await attached()).toEqual({ "one.customers": "customers", "two.customers": "two.customers" });
    await db.sql.unsafe("create schema three; create table three.customers (id int primary key)");
    expect(await report("--check")).toMatchObject({ code: 4, tables: [{ table: "three.customers" }] });
    expect((await sync()).code).toBe(0);
    expect((await attached())["three.customers"]).toBe("three.customers");

    // Made again after a drop, it is another table, with another kind by the same template.
    await db.sql.unsafe("drop table two.customers; create table two.customers (id int primary key)");
    expect((await sync()).code).toBe(0);
    expect((await attached())["two.customers"]).toBe("two.customers#2");
    await db.sql.unsafe("drop table three.customers");
    expect((await sync()).code).toBe(0);
    await db.sql.unsafe("create table three.customers (id int primary key)");
    expect(await report()).toMatchObject({ code: 0, tables: [{ kind: "three.customers#2", status: "attached" }] });
    expect((await sync("--check")).code).toBe(0);
  });

  it("brings attached tables to the file's options, together with what a migration has changed", async () => {
    await db.sql.unsafe("create table t (id int primary key, a text, b text, other int not null unique)");
    expect((await db.run(["attach", "t", "--mode", "strict", "--exclude", "a"])).code).toBe(0);
    await write({ "public.t": {} });
    expect((await sync("--check")).code).toBe(0);
    await db.sql.unsafe("alter table t add c text; alter table t rename a to noise");
    await write({ "public.t": { mode: "sealed", changes: "track", exclude: ["noise", "c"] } });
    const check = await report("--check");
    expect(check.code).toBe(4);
    expect(check.tables[0]?.differences).toEqual([
      { text: "c has joined", narrows: false, records: true },
      { text: "mode is strict, and is to be sealed", narrows: false },
      { text: "changes is refuse, and is to be track", narrows: true },
      { text: "c is to be excluded", narrows: true, records: true },
    ]);
    const done = await sync();
    expect(done.code).toBe(0);
    expect(done.stdout).toContain('c is to be excluded ("public.t"): done');
    expect(done.stdout).toContain("1 of these the verifier reports as coverage_narrowed");
    expect((await sync("--check")).code).toBe(0);
    const [config] = await db.sql`
      select mode, changes, to_json(excluded)::text as excluded, to_json(columns)::text as columns from audit_chain_config where kind = 't' order by id desc limit 1`;
    expect(config).toEqual({
      mode: "sealed",
      changes: "track",
      excluded: '["noise","c"]',
      columns: '["b","id","other"]',
    });

    await write({ "public.t": { key: ["other"], fallback: "fail", exclude: [] } });
    expect((await report()).tables[0]?.differences.map(({ text }) => text)).toEqual([
      "fallback is pending, and is to be fail",
      "key is id, and is to be other",
      "noise is excluded, and is to be covered",
      "c is excluded, and is to be covered",
    ]);
    expect((await sync("--check")).code).toBe(0);
    for (const [options, error] of [
      [{ kind: "u" }, "a kind cannot change"],
      [{ blind_key: true }, "blind_key is decided when the table is first attached"],
    ] as const) {
      await write({ "public.t": options });
      expect((await sync("--check")).stdout).toContain(error);
      expect(await report()).toMatchObject({ code: 3, tables: [{ status: "failed", error }] });
    }
  });

  it("lists what cannot be attached, and attaches the others", async () => {
    await db.sql.unsafe(`create table good (id int primary key); create table keyless (id int);
      create unlogged table quick (id int primary key); create table parent (id int primary key);
      create table child (primary key (id)) inherits (parent); create extension if not exists plpgsql;
      create table member (id int primary key); alter extension plpgsql add table member;
      insert into senate_alerts (kind) values ('drift')`);
    await write({ "public.*": {} });
    const expected = {
      "public.child": expect.stringContaining("it inherits from public.parent; name it exactly") as string,
      "public.keyless": expect.stringContaining("has no primary key") as string,
      "public.member": expect.stringContaining("it belongs to the extension plpgsql; name it exactly") as string,
      "public.parent": expect.stringContaining("other tables inherit from it") as string,
      "public.senate_alerts": expect.stringContaining("audit-chain init made it") as string,
      "public.quick": expect.stringContaining("is UNLOGGED") as string,
    };
    for (const args of [["--check"], []]) {
      const found = await report(...args);
      expect(found.code).toBe(args.length > 0 ? 4 : 0);
      expect(Object.fromEntries(found.not_attachable.map(({ table, reason }) => [table, reason]))).toEqual(expected);
    }
    expect(await attached()).toEqual({ "public.good": "good" });
    const text = await sync("--check");
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('public.quick: passed over, "public.*" names it: public.quick is UNLOGGED');

    await write({ "public.good": {}, "public.keyless": {}, "public.child": {}, "public.nowhere": {} });
    const exact = await report();
    expect(exact.code).toBe(3);
    expect(exact.tables).toMatchObject([
      { table: "public.child", status: "attached" },
      { table: "public.keyless", status: "failed", error: expect.stringContaining("has no primary key") as string },
      { table: "public.nowhere", status: "failed", error: expect.stringContaining("does not exist") as string },
    ]);
  });

  it("never detaches, and says what the file does not name", async () => {
    await db.sql.unsafe(
      "create table kept (id int primary key); create table free (id int primary key); create table a (id int primary key)",
    );
    expect((await db.run(["attach", "kept"])).code).toBe(0);
    await write({ "public.a": {} });
    const done = await sync();
    expect(done.code).toBe(0);
    expect(done.stdout).toContain(`public.kept: not in ${file}; detach it with audit-chain detach public.kept`);
    const check = await sync("--check");
    expect(check.code).toBe(4);
    expect(check.stdout).toContain("1 table is not audited: public.free");
    expect(await report("--check")).toMatchObject({ not_in_config: ["public.kept"], not_audited: ["public.free"] });
    expect(Object.keys(await attached())).toEqual(["public.a", "public.kept"]);
    expect((await db.run(["detach", "kept"])).code).toBe(0);
    expect((await sync("--check")).code).toBe(0);
    // Named again, it is attached again, under the kind that it had.
    await write({ "public.*": { kind: "{schema}.{table}", except: ["public.free"] } });
    expect((await sync()).code).toBe(0);
    expect(await attached()).toEqual({ "public.a": "a", "public.kept": "kept" });
    const without = await db.run(["sync", "--check"]);
    expect(without).toMatchObject({ code: 0 });
    expect(without.stdout).toBe(
      "2 attached tables are as they were configured.\n1 table is not audited: public.free\n",
    );
  });

  it("status says what is not audited, briefly, and --json all of it", async () => {
    for (let i = 0; i < 7; i++) await db.sql.unsafe(`create table t${i} (id int primary key)`);
    const { stdout } = await db.run(["status"]);
    expect(stdout).toContain(
      "7 tables are not audited: public.t0, public.t1, public.t2, public.t3, public.t4, … (--json lists all)",
    );
    const { not_audited: all } = jsonOf(await db.run(["status", "--json"])) as { not_audited: string[] };
    expect(all).toHaveLength(7);
  });
});

describe("which file is read", () => {
  it("is the one named, else that of AUDIT_CONFIG, else audit.config.json in the current folder", async () => {
    await db.sql.unsafe("create table a (id int primary key)");
    const [here, named, configured] = [file, join(folder, "named.json"), join(folder, "configured.json")];
    await Promise.all([write({}, here), write({}, named), write({}, configured)]);
    const read = async (args: string[], env: Record<string, string>, cwd: string) =>
      (jsonOf(await db.run(["sync", ...args, "--json"], { env, cwd })) as Report).config;
    const env = { AUDIT_CONFIG: configured };
    expect(await read([named], env, folder)).toBe(named);
    expect(await read([], env, folder)).toBe(configured);
    expect(await read([], {}, folder)).toBe("audit.config.json");
    expect(await read([], {}, tmpdir())).toBeNull();
  });

  it("must be there where it is named, and must be right", async () => {
    const gone = await db.run(["sync", join(folder, "gone.json")]);
    expect(gone).toMatchObject({ code: 2, stderr: expect.stringContaining("gone.json cannot be read") as string });
    expect((await db.run(["sync"], { env: { AUDIT_CONFIG: join(folder, "gone.json") } })).code).toBe(2);
    await write({ "public.*": { mod: "sealed" } });
    const wrong = await sync();
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain(`${file}: tables["public.*"].mod is not known; did you mean mode?`);
  });
});
