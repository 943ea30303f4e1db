// What attach and sync say and ask before they act: what is to become of changes, and what the verifier will report.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { jsonOf } from "../run-cli.ts";

let db: ChainDatabase;
let folder: string;
beforeEach(async () => {
  db = await chainDatabase();
  folder = await mkdtemp(join(tmpdir(), "audit-before-"));
  await db.sql.unsafe(`create table orders (id int primary key, note text); create table "Users" (id int primary key);
    create table calm (id int primary key); insert into calm values (1);
    create table parts (id int primary key, n int) partition by range (id); create table parts_1 partition of parts for values from (0) to (10)`);
  // Statistics are there at the latest when a session has ended.
  const session = db.session();
  await session.unsafe("insert into orders select generate_series(1, 5); update orders set note = 'x' where id < 4");
  await session.unsafe("delete from orders where id = 5; insert into parts values (1, 1)");
  await session.unsafe("update parts set n = 2");
  await session.end();
  for (let seen: readonly unknown[] = []; seen.length === 0;)
    seen = await db.sql`select from pg_stat_all_tables where n_tup_upd > 0 and relname = 'parts_1'`;
});
afterEach(async () => {
  await db.drop();
  await rm(folder, { recursive: true });
});

const attached = async (): Promise<unknown[]> =>
  (await db.sql`select relation, changes from audit_chain_config where relation !~ 'audit_chain' order by id`).map(
    (row) => [row["relation"], row["changes"]],
  );

describe("where rows change and nothing was said of it", () => {
  it("attach asks for --changes, names the tables, and attaches none", async () => {
    const asked = await db.run(["attach", "calm", "orders", "parts"]);
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toContain(
      "public.orders (3 rows updated, 1 deleted), public.parts (1 rows updated, 0 deleted)",
    );
    expect(asked.stderr).toMatch(/--changes track.*--changes refuse/u);
    expect(await attached()).toEqual([]);
    // What would go wrong is all that is asked for here.
    const dry = await db.run(["attach", "parts", "--dry-run"]);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain("1 rows have been updated and 0 deleted since the statistics were reset");

    expect(await db.run(["attach", "calm"])).toMatchObject({ code: 0, stderr: "" });
    expect(await db.run(["attach", "orders", "--changes", "refuse"])).toMatchObject({ code: 0, stderr: "" });
    const tracked = await db.run(["attach", "parts", "--changes", "track"]);
    expect(tracked).toMatchObject({ code: 0, stderr: "" });
    expect(tracked.stdout).not.toContain("have been updated");
    // It has been said.
    expect(await db.run(["attach", "orders", "parts"])).toMatchObject({ code: 0, stderr: "" });
  });

  it("sync asks for it in the file, and says so with --check", async () => {
    const file = join(folder, "audit.config.json");
    const write = async (tables: object) => await writeFile(file, JSON.stringify({ tables }));
    await write({ "public.*": {}, "public.parts": { changes: "track" } });
    const asked = await db.run(["sync", file]);
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toContain(
      `${file}: tables["public.*"].changes is missing for public.orders (3 rows updated, 1 deleted), whose rows`,
    );
    expect(await attached()).toEqual([]);
    const check = await db.run(["sync", file, "--check"]);
    expect(check.code).toBe(4);
    expect(check.stdout).toMatch(
      /public\.orders: .*its rows change \(3 rows updated, 1 deleted .*say "changes": "track"/u,
    );
    await write({ "public.*": { changes: "track" } });
    expect(await db.run(["sync", file])).toMatchObject({ code: 0, stderr: "" });
    expect(await attached()).toContainEqual(["public.orders", "track"]);
  });
});

it("what narrows the coverage is said before it is done", async () => {
  await db.run(["attach", "calm", "orders", "--changes", "refuse"]);
  const writer = db.session();
  await writer.unsafe("begin; insert into calm values (2)");
  const stop = new AbortController();
  const waiting = db.run(["attach", "calm", "--changes", "track"], { signal: stop.signal });
  await expect
    .poll(
      async () =>
        await db.sql`select from pg_stat_activity where datname = current_database() and application_name = 'audit-chain attach' and wait_event_type = 'Lock'`,
      {
        timeout: 120_000,
      },
    )
    .not.toHaveLength(0);
  stop.abort();
  const said =
    /^calm: changes is refuse, and is to be track: the verifier reports this as coverage_narrowed until the auditor has approved it/u;
  expect((await waiting).stderr).toMatch(said);
  await writer.unsafe("rollback");
  expect(await attached()).toEqual([
    ["public.calm", "refuse"],
    ["public.orders", "refuse"],
  ]);
  const dry = await db.run(["attach", "calm", "--changes", "track", "--dry-run"]);
  expect(dry.stdout).toContain("-- warning: changes is refuse, and is to be track: the verifier reports this as");
  await db.sql`alter table orders drop note`;
  const synced = await db.run(["sync"]);
  expect(synced).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("public.orders: note was dropped: the verifier") as string,
  });
  const done = await db.run(["attach", "calm", "--changes", "track", "--json"]);
  expect(jsonOf(done)).toMatchObject({ tables: [{ narrows: ["changes is refuse, and is to be track"] }] });
  expect(await db.run(["attach", "calm", "--mode", "strict"])).toMatchObject({ code: 0, stderr: "" });
});

it("a name at which there is no table leads to the one that was meant", async () => {
  for (const [name, meant] of [
    ["order", "Did you mean orders?"],
    ["Users", `Did you mean "Users"? In a shell write '"Users"'.`],
    ["public.odrers", "Did you mean public.orders?"],
    ["pubic.orders", "Did you mean public.orders?"],
  ] as const) {
    const ended = await db.run(["attach", name]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(meant);
  }
  const far = await db.run(["attach", "nothing_like_it"]);
  expect(far.stderr).not.toContain("Did you mean");
  expect((await db.run(["detach", "ordres", "calm"])).stdout).toContain("Did you mean orders?");
  await db.run(["attach", "calm"]);
  expect((await db.run(["status", "--table", "clam"])).stderr).toContain("did you mean public.calm?");
});

describe("rows that would be recorded anew", () => {
  beforeEach(async () => {
    await db.run(["attach", "orders", "calm", "--changes", "track"]);
    await db.sql.unsafe("analyze orders; alter table orders drop note; alter table calm rename to quiet");
  });

  it("are estimated by --dry-run, of each table and in all", async () => {
    const dry = await db.run(["sync", "--dry-run"]);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(
      /^public\.orders: note was dropped\n {2}recorded anew by the next publication: up to 4 links, 1\.6 kB, 1 s$/mu,
    );
    expect(dry.stdout).toMatch(
      /^Recorded anew would be up to 4 links, 1\.6 kB, 1 s in all: estimated from the server's statistics/mu,
    );
    const { tables } = jsonOf(await db.run(["sync", "--dry-run", "--json"])) as {
      tables: { table: string; estimate?: object }[];
    };
    expect(tables.map(({ table, estimate }) => [table, estimate])).toEqual([
      // A new name changes no payload.
      ["public.quiet", undefined],
      ["public.orders", { links: 4, bytes: 1600, seconds: 1 }],
    ]);
  });

  it("are recorded without --yes only up to ten million", async () => {
    // As if it had twenty million rows, on the one page that it has.
    await db.sql`update pg_class set reltuples = 20000000, relpages = 1 where oid = 'orders'::regclass`;
    const asked = await db.run(["sync"]);
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toMatch(/up to 20,000,000 links, 8\.0 GB, 22 min of public\.orders .*Say --yes/u);
    expect(await db.run(["sync", "--check"])).toMatchObject({ code: 4 });
    const done = await db.run(["sync", "--yes"]);
    expect(done.code).toBe(0);
    expect(await db.run(["sync", "--check"])).toMatchObject({ code: 0 });
  });
});
