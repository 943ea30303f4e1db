// Many small tables are looked at together: what the fast way says nothing of is looked at one by one.
import { randomBytes } from "node:crypto";
import { DEFAULT_PLACE } from "@scidex/audit-core";
import { attach, migrate } from "@scidex/audit-schema";
import { withSnapshot } from "@scidex/audit-reader";
import { createDatabase, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planAccess } from "../../src/access/plan-access.ts";
import { vouchForAccess } from "../../src/access/vouch-access.ts";
import { Crew } from "../../src/bulk/crew.ts";
import { TAG_KEY_BYTES } from "../../src/bulk/kernel.ts";
import { OWN_SHAPES, hasColumns, readShape } from "../../src/coverage/shape.ts";
import { readHistories } from "../../src/coverage/read-histories.ts";
import { verify } from "../../src/index.ts";
import { readCatalog } from "../../src/structure/catalog/read-catalog.ts";
import { interestOf } from "../../src/structure/check-structure.ts";

/** Two groups: 32 tables, and the others. */
const COUNT = 40;
const NAMES = Array.from({ length: COUNT }, (_, i) => `t${String(i).padStart(2, "0")}`);

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  const { sql } = database;
  const db = drizzle(sql);
  await migrate(db);
  for (const [i, name] of NAMES.entries()) {
    const parent = i === 0 ? "" : `, parent bigint references public.${NAMES[i - 1]} (id)`;
    await sql.unsafe(
      `create table public.${name} (id bigint primary key, note text not null, n int unique${parent}); create index on public.${name} (note)`,
    );
    await attach(db, `public.${name}`, { mode: "sealed" });
    await sql.unsafe(
      `insert into public.${name} select g, 'note ' || g % 3, g${i === 0 ? "" : ", g"} from generate_series(1, 20) as g`,
    );
  }
  await sql`select public.audit_chain_seal(10000)`;
});
afterAll(async () => await database.drop());

/** The tables of which the fast way says nothing. */
const leftOver = async (): Promise<string[]> => (await vouched()).left;

/** What the fast way says. */
async function vouched(): Promise<{ readonly left: string[]; readonly notChecked: readonly string[] }> {
  return await withSnapshot(database.sql, async (snapshot) => {
    const [lane] = snapshot;
    const [chain, config] = [
      await readShape(lane, "public", "audit_chain"),
      await readShape(lane, "public", "audit_chain_config"),
    ];
    if (!hasColumns(chain, OWN_SHAPES.audit_chain) || !hasColumns(config, OWN_SHAPES.audit_chain_config))
      throw new Error("the chain is not set up");
    const histories = await lane.attempt(async (attempt) => await readHistories(attempt, chain, config, () => {}));
    const interest = { ...interestOf(histories, DEFAULT_PLACE), functions: false };
    const catalog = await readCatalog(lane, interest, async (_, read) => await read());
    const { tables } = planAccess(catalog, histories, () => {});
    const { left, notChecked } = await vouchForAccess(snapshot, new Crew(1), tables, randomBytes(TAG_KEY_BYTES));
    return { left: left.map(({ kind }) => kind), notChecked };
  });
}

/** Runs `attack` and undoes it, both past the guards. */
async function during<T>(attack: string, undo: string, work: () => Promise<T>): Promise<T> {
  const run = async (statement: string) => {
    const attacker = postgres(database.url, { max: 1, onnotice: () => {} });
    await attacker.unsafe("set allow_system_table_mods = on; set session_replication_role = replica");
    await attacker.unsafe(statement);
    await attacker.end();
  };
  await run(attack);
  try {
    return await work();
  } finally {
    await run(undo);
  }
}

const found = async () => {
  const { report } = await verify(database.sql, {}, { checks: ["access"] });
  expect(report.unproven).toEqual([]);
  return new Set(report.divergences.map(({ check, eventKind }) => `${check} of ${eventKind}`));
};

test("of honest tables it says that nothing is wrong with any", async () => {
  expect(await leftOver()).toEqual([]);
  expect(await found()).toEqual(new Set());
});

test("of a table whose index lacks a row it says nothing, and the other group is vouched for", async () => {
  const flag = (value: boolean) =>
    `update pg_index set indisready = ${value} where indexrelid = 'public.t35_pkey'::regclass`;
  await during(flag(false), flag(true), async () => {
    await database.sql`insert into public.t35 values (99, 'unseen', 99, 1)`;
    await during(flag(true), flag(true), async () => {
      const left = await leftOver();
      expect(left).toContain("t35");
      expect(left).not.toContain("t05");
      expect(await found()).toEqual(new Set(["access_mismatch of t35"]));
    });
  });
  await database.sql`alter table public.t35 disable trigger user`;
  await database.sql`delete from public.t35 where note = 'unseen'`;
  await database.sql`alter table public.t35 enable trigger user`;
  await database.sql`reindex table public.t35`;
});

test("of a table with a NULL where there must be none it says nothing", async () => {
  const flag = (value: boolean) =>
    `update pg_attribute set attnotnull = ${value} where attrelid = 'public.t03'::regclass and attname = 'note'`;
  await during(
    `${flag(false)}; update public.t03 set note = null where id = 5; ${flag(true)}`,
    `update public.t03 set note = 'note 2' where id = 5`,
    async () => {
      expect(await leftOver()).toContain("t03");
      expect(await found()).toContain("access_mismatch of t03");
    },
  );
});

test("of a table whose foreign key leads to no row it says nothing", async () => {
  await during(
    "update public.t10 set parent = 777 where id = 5",
    "update public.t10 set parent = 5 where id = 5",
    async () => {
      expect(await leftOver()).toContain("t10");
      expect(await found()).toContain("access_mismatch of t10");
    },
  );
});

test("does not wait for one that is locked, and says nothing of those that were to be read with it", async () => {
  const holder = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await holder`begin`;
    await holder`lock table public.t38 in access exclusive mode`;
    // Who waits for it waits for ever: it is held until there is an answer.
    expect(await leftOver()).toEqual(NAMES.slice(32));
  } finally {
    await holder`rollback`;
    await holder.end();
  }
});

test("of a table of which the server prefers another checked index it says so, and what is wrong is still found", async () => {
  await database.sql`create index t20_twice on public.t20 (note, n)`;
  expect(await vouched()).toEqual({ left: [], notChecked: [expect.stringMatching(PREFERS)] });
  const { report } = await verify(database.sql, {}, { checks: ["access"] });
  expect(report.warnings.join("\n")).toMatch(PREFERS);
  await during(
    "update public.t20 set parent = 777 where id = 5",
    "update public.t20 set parent = 5 where id = 5",
    async () => {
      expect((await vouched()).left).toContain("t20");
      expect(await found()).toEqual(new Set(["access_mismatch of t20"]));
    },
  );
  await database.sql`drop index public.t20_twice`;
});

const PREFERS = /public\.t20: index t20_\w+ \(the server prefers t20_twice\)/u;

test("a table whose foreign key the server cannot follow by an index is left over alone", async () => {
  const valid = (value: boolean) =>
    `update pg_index set indisvalid = ${value} where indexrelid = 'public.t20_pkey'::regclass`;
  await during(valid(false), valid(true), async () => {
    expect(await leftOver()).toEqual(["t21"]);
  });
});
