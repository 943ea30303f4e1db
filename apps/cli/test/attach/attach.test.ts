import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SCIDEX_TABLES } from "../../src/index.ts";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { jsonOf } from "../run-cli.ts";

interface Attached {
  readonly tables: readonly {
    table: string;
    relation?: string;
    kind?: string;
    changes?: string;
    excluded?: string[];
    rows_to_backfill?: number;
    error?: { code: string; message: string };
  }[];
  readonly missing?: readonly string[];
}

let db: ChainDatabase;
beforeAll(async () => (db = await chainDatabase()));
afterAll(() => db.drop());

const isAttached = async (table: string): Promise<boolean> => {
  const triggers = await db.sql`
    select from pg_trigger where tgrelid = ${table}::regclass and tgname like '%audit_chain%' and not tgisinternal`;
  return triggers.length > 0;
};

describe("attach", () => {
  it("attaches a table, and says how to chain the rows that are there", async () => {
    await db.sql`create table papers (id int primary key, title text, hits int)`;
    await db.sql`insert into papers values (1, 'a', 0), (2, 'b', 0)`;
    const ended = await db.run(["attach", "papers", "--exclude", "hits", "--kind", "paper"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("kind paper, sealed, changes refused, 2 columns (without hits)");
    expect(ended.stdout).toContain(
      "2 rows that were there are not chained yet; run: audit-chain backfill public.papers",
    );
    await db.sql`update papers set hits = 1 where id = 1`;
    await expect(db.sql`update papers set title = 'x' where id = 1`.execute()).rejects.toThrow("refused");
  });

  it("takes names as SQL writes them: another schema, quotes, a comma in a column", async () => {
    await db.sql`create schema "My Schema"`;
    await db.sql`create table "My Schema"."Tägliche Läufe" ("a,b" int, "C" text unique not null, noise int)`;
    const args = ["attach", '"My Schema"."Tägliche Läufe"', "--key", "C", "--exclude", '"a,b",noise', "--json"];
    const ended = await db.run(args);
    expect(ended.code).toBe(0);
    expect((jsonOf(ended) as Attached).tables[0]).toMatchObject({
      relation: '"My Schema"."Tägliche Läufe"',
      kind: "Tägliche Läufe",
      excluded: ["a,b", "noise"],
    });
  });

  it("says what to do where tables of two schemas have one name, and makes kinds of their names", async () => {
    await db.sql.unsafe(
      "create schema one; create schema two; create table one.customers (id int primary key); create table two.customers (id int primary key)",
    );
    const collision = await db.run(["attach", "one.customers", "two.customers"]);
    expect(collision.code).toBe(3);
    expect(collision.stdout).toMatch(
      /two\.customers: FAILED: .*belongs to one\.customers.*--kind '\{schema\}\.\{table\}'/u,
    );
    await db.sql.unsafe("create table one.orders (id int primary key); create table two.orders (id int primary key)");
    const ended = await db.run(["attach", "one.orders", "two.orders", "--kind", "{schema}.{table}", "--json"]);
    expect(ended.code).toBe(0);
    expect((jsonOf(ended) as Attached).tables.map(({ kind }) => kind)).toEqual(["one.orders", "two.orders"]);
  });

  it("refuses what cannot be audited, says why, and changes nothing", async () => {
    await db.sql`create view a_view as select 1 as x`;
    await db.sql`create table no_key (x int)`;
    await db.sql`create unlogged table unlogged_one (id int primary key)`;
    const expected: [string[], RegExp][] = [
      [["a_view"], /is a view, only tables can be audited/],
      [["no_key"], /has no primary key.*--key.*\[AC005\]/],
      [["unlogged_one"], /UNLOGGED.*SET LOGGED/],
      [["nowhere"], /"nowhere" does not exist.*schema/],
      [["no_schema.t"], /"no_schema.t" does not exist/],
      [["papers", "--exclude", "nope"], /no column 'nope'/],
      [["papers", "--kind", "other"], /cannot change.*\[AC003\]/],
    ];
    for (const [args, message] of expected) {
      const ended = await db.run(["attach", ...args]);
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toMatch(message);
    }
    expect(await isAttached("no_key")).toBe(false);
  });

  it("refuses options that contradict each other before it looks at the database", async () => {
    const expected: [string[], string][] = [
      [[], "no table was named"],
      [["a", "b", "--key", "x"], "--key is for one table"],
      [["--scidex", "--kind", "x"], "--kind is for one table"],
      [["--scidex", "--changes", "track"], "--changes does not go with --scidex"],
      [["a", "--mode", "sometimes"], "Allowed choices are sealed, strict"],
      [["a", "--exclude", "x,,y"], "not a list of column names"],
      [["a", "--exclude", '"x'], "not a list of column names"],
    ];
    for (const [args, message] of expected) {
      const ended = await db.run(["attach", ...args]);
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toContain(message);
    }
  });

  it("goes on with the other tables when one fails, and exits with 3", async () => {
    await db.sql`create table one (id int primary key)`;
    await db.sql`create table two (id int primary key)`;
    const ended = await db.run(["attach", "one", "missing_one", "two", "--mode", "sealed", "--json"]);
    expect(ended.code).toBe(3);
    const { tables } = jsonOf(ended) as Attached;
    expect(tables.map(({ table, error }) => [table, error?.code])).toEqual([
      ["one", undefined],
      ["missing_one", "usage"],
      ["two", undefined],
    ]);
    expect(await isAttached("one")).toBe(true);
    expect(await isAttached("two")).toBe(true);
    const text = await db.run(["attach", "one", "missing_one"]);
    expect(text.code).toBe(3);
    expect(text.stdout).toMatch(/missing_one: FAILED: .*\n1 of 2 failed\.\n$/);
  });

  it("--dry-run prints the SQL and what would go wrong, and changes nothing", async () => {
    await db.sql`create table parent (id int primary key)`;
    await db.sql`create table child (id int primary key, price money, parent int references parent on delete cascade)`;
    const writer = db.session();
    await writer`begin`;
    await writer`insert into child values (1, 1, null)`;
    const ended = await db.run(["attach", "child", "--changes", "track", "--dry-run"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("select public.audit_chain_attach('public.child', changes => 'track');");
    expect(ended.stdout).toMatch(/warning: column price is of type money/);
    expect(ended.stdout).toMatch(/warning: foreign key .* cascade/);
    expect(ended.stdout).toMatch(/warning: session \d+ .*has been writing to it/);
    await writer`rollback`;
    expect(await isAttached("child")).toBe(false);
    const json = jsonOf(await db.run(["attach", "child", "--dry-run", "--json"])) as {
      tables: { statement: string; warnings: string[] }[];
    };
    expect(json.tables[0]?.warnings).toHaveLength(2);
  });

  it("--scidex attaches the platform's tables that exist, tracks the two that change, and names the missing", async () => {
    await db.sql`create table task_events (id bigint primary key, event text)`;
    await db.sql`create table senate_pause (scope_kind text, scope_value text, paused_at timestamptz, cleared_by text,
      primary key (scope_kind, scope_value, paused_at))`;
    const ended = await db.run(["attach", "--scidex", "--json"]);
    expect(ended.code).toBe(0);
    const { tables, missing } = jsonOf(ended) as Attached;
    expect(Object.fromEntries(tables.map(({ relation, changes }) => [relation, changes]))).toEqual({
      "public.task_events": "refuse",
      "public.senate_alerts": "track",
      "public.senate_pause": "track",
      "public.audit_log": "refuse",
    });
    expect(missing).toHaveLength(SCIDEX_TABLES.length - 4);
    expect(missing).toContain("public.artifact_provenance");
    const text = await db.run(["attach", "--scidex"]);
    expect(text.stdout).toContain("public.artifact_provenance does not exist, and was passed over");
  });

  it("stops at once on Ctrl-C while it waits for a writer, and has changed nothing", async () => {
    await db.sql`create table busy (id int primary key)`;
    const writer = db.session();
    await writer`begin`;
    await writer`insert into busy values (1)`;
    const stop = new AbortController();
    const ended = db.run(["attach", "busy"], { signal: stop.signal });
    for (;;) {
      const waiting = await db.sql`select from pg_locks where relation = 'busy'::regclass and not granted`;
      if (waiting.length > 0) break;
    }
    stop.abort();
    expect(await ended).toMatchObject({ code: 3, stdout: "", stderr: "error: interrupted by SIGINT\n" });
    await writer`commit`;
    expect(await isAttached("busy")).toBe(false);
  });
});

describe("detach", () => {
  it("removes the triggers, and reports what is not attached", async () => {
    await db.sql`create table leaving (id int primary key)`;
    await db.run(["attach", "leaving"]);
    const ended = await db.run(["detach", "leaving", "missing_one"]);
    expect(ended.code).toBe(3);
    expect(ended.stdout).toContain("leaving is detached; this is recorded in the chain");
    expect(ended.stdout).toContain("missing_one: FAILED");
    expect(await isAttached("leaving")).toBe(false);
    const again = await db.run(["detach", "leaving"]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("is not attached");
  });
});
