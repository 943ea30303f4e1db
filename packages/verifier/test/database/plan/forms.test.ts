// Every form, on the oldest, the most installed and the newest server: the plan is that which is expected, and what comes is
// what stands there.

import { createDatabase, type EmbeddedServer } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  BinaryCopyDecoder,
  catalogRelation,
  type Lane,
  lockAgainstRewriting,
  PlanError,
  ROLES,
  SETTINGS,
  withSnapshot,
} from "@scidex/audit-reader";
import { UnreadablePlanError } from "../../../../reader/src/database/plan/plan-error.ts";
import { EXPORT_SNAPSHOT, typeFunctionsForm } from "../../../../reader/src/database/plan/report-forms.ts";
import { Session } from "../../../../reader/src/database/session.ts";
import { manifestOf } from "../../../../reader/src/database/builtin/builtin-manifest.ts";
import type { Rows } from "../../../../reader/src/database/relation.ts";
import { readLeaves, readShape } from "../../../src/coverage/shape.ts";
import { compareCatalogIndexes } from "../../../src/structure/compare/compare-catalog-indexes.ts";
import { MAJORS, startMajor } from "../../../../reader/test/majors.ts";

const TABLES = `
  create table public.chain (seq bigint, event_kind text);
  insert into public.chain select n, repeat('k', n % 4) from generate_series(1, 20) as n;
  insert into public.chain values (null, 'k');
  create table public.none (id int, body text) partition by range (id);
  create table public.one (id int, body text) partition by range (id);
  create table public.one_a partition of public.one for values from (0) to (10);
  create table public.many (gone int, id int, body text) partition by range (id);
  alter table public.many drop column gone;
  create table public.many_a partition of public.many for values from (0) to (10);
  create table public.many_b partition of public.many for values from (10) to (20) partition by range (id);
  create table public.many_b1 partition of public.many_b for values from (10) to (15);
  create table public.many_c (body text, extra int, id int);
  alter table public.many_c drop column extra;
  alter table public.many attach partition public.many_c for values from (20) to (30);
  insert into public.one values (1, 'a');
  insert into public.many values (1, 'a'), (11, 'b'), (21, 'c');
  create table public.parent (id int, body text);
  create table public.child () inherits (public.parent);
  insert into public.parent values (1, 'own');
  insert into public.child values (2, 'of the child');`;

const NAMES = [
  "a b",
  '"',
  "(",
  "{)}",
  "\\",
  "a\nb",
  ":relid 1260",
  "é".repeat(31),
  "𝄞".repeat(15),
  "x".repeat(63),
  "\t",
  "'",
  "c0",
];
const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

describe.each(MAJORS)("PostgreSQL %i", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  async function withLane(statements: string, work: (lane: Lane) => Promise<void>): Promise<void> {
    await using database = await createDatabase({ server });
    await database.sql.unsafe(statements);
    await withSnapshot(database.sql, async ([lane]) => await work(lane));
  }

  async function read(lane: Lane, name: string, columns: readonly string[], rows: Rows = {}): Promise<string[]> {
    const shape = await readShape(lane, "public", name);
    if (shape === null) throw new Error(`no table ${name}`);
    const table = shape.relkind === "p" ? { ...shape, leaves: await readLeaves(lane, shape) } : shape;
    const chunks = await lane.scan(table, columns, "text", rows);
    const pieces: Buffer[] = [];
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) pieces.push(next.value);
    return Buffer.concat(pieces).toString().split("\n").slice(0, -1).toSorted();
  }

  test("reads tables and partitions, each row once", async () => {
    await withLane(TABLES, async (lane) => {
      expect(await read(lane, "none", ["id"])).toEqual([]);
      expect(await read(lane, "one", ["body", "id"])).toEqual(["a\t1"]);
      expect(await read(lane, "many", ["id", "body"])).toEqual(["1\ta", "11\tb", "21\tc"]);
      expect(await read(lane, "many", ["body", "id"])).toEqual(["a\t1", "b\t11", "c\t21"]);
      expect(await read(lane, "parent", ["body"])).toEqual(["own"]);
      expect((await read(lane, "parent", ["ctid", "xmin"])).length).toBe(1);
    });
  });

  test("reads parts of the chain", async () => {
    await withLane(TABLES, async (lane) => {
      const seqs = async (rows: Rows) => (await read(lane, "chain", ["seq"], rows)).length;
      expect(await seqs({ from: 5n })).toBe(16);
      expect(await seqs({ to: 5n })).toBe(6);
      expect(await seqs({ from: 5n, to: 7n })).toBe(3);
      expect(await seqs({ from: 5_000_000_000n })).toBe(0);
      expect(await seqs({ to: 9_223_372_036_854_775_807n })).toBe(21);
      expect(await seqs({ kindLengths: [1] })).toBe(6);
      expect(await seqs({ kindLengths: [1, 2], from: 10n })).toBe(5);
    });
  });

  test("reads roles, settings, files and the catalogs' indexes", async () => {
    await withLane(TABLES, async (lane) => {
      expect((await lane.rows(ROLES, 8, ([, name]) => name?.toString())).includes("postgres")).toBe(true);
      expect((await lane.rows(SETTINGS, 2, ([name]) => name?.toString())).includes("search_path")).toBe(true);
      expect(await lane.attempt(async (inner) => await lockAgainstRewriting(inner, "public", "many"))).toBe(false);
      const found: string[] = [];
      await compareCatalogIndexes(lane, ({ message }) => found.push(message));
      expect(found).toEqual([]);
    });
  });

  test("reads columns of any name, or says that it cannot, and never accuses", async () => {
    const names = [...NAMES, "(".repeat(31), "(".repeat(63), "\n".repeat(63)];
    const tables = names.map(
      (name, i) =>
        `create table public.t${i} (${identifier(name)} int, id int); insert into public.t${i} values (7, 1);`,
    );
    await withLane(tables.join(""), async (lane) => {
      const refused: string[] = [];
      for (const [i, name] of names.entries()) {
        try {
          expect(await lane.attempt(async (inner) => await read(inner, `t${i}`, [name, "id"])), name).toEqual(["7\t1"]);
        } catch (error) {
          if (!(error instanceof UnreadablePlanError)) throw error;
          refused.push(name);
        }
      }
      expect(refused).toEqual(["(".repeat(63), "\n".repeat(63)]);
    });
  });

  test.each([
    ["relation", { oid: 1260 }],
    ["column", { attributes: new Map([["seq", 2]]) }],
    ["type", { types: new Map([["seq", 23]]) }],
  ])("refuses a plan of another %s", async (_, change) => {
    const read = withLane(TABLES, async (lane) => {
      const shape = await readShape(lane, "public", "chain");
      if (shape === null) throw new Error("no table");
      await lane.scan({ ...shape, ...change }, ["seq"], "binary");
    });
    await expect(read).rejects.toThrow(PlanError);
  });

  test("reports past an output function that would report something else", async () => {
    await using database = await createDatabase({ server });
    await database.sql.unsafe(`
      create function public.liar(text) returns name language plpgsql set debug_print_plan = off as $$ begin
        perform set_config('application_name', '47,2415', false);
        return 'x'::name;
      end $$`);
    const [row] = await database.sql<{ oid: number }[]>`select 'public.liar'::regproc::oid::int as oid`;
    await database.sql.begin(async (tx) => {
      await tx`set local allow_system_table_mods = on`;
      await tx`update pg_type set typoutput = 'public.liar'::regproc where oid = 25`;
    });
    const session = await Session.open(database.sql.options);
    const types = catalogRelation(await manifestOf(major), "pg_type");
    expect(await session.report(typeFunctionsForm(types, 25))).toBe(`${row?.oid ?? 0},2415`);
    expect(await session.report(EXPORT_SNAPSHOT)).toMatch(/^[0-9A-F]+-[0-9A-F]+-\d+$/u);
    await session.close();
  });

  test("reads binary, too", async () => {
    await withLane(TABLES, async (lane) => {
      const shape = await readShape(lane, "public", "chain");
      if (shape === null) throw new Error("no table");
      const chunks = await lane.scan(shape, ["seq", "event_kind"], "binary");
      const decoder = new BinaryCopyDecoder(2);
      let rows = 0;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
        decoder.push(next.value, () => rows++);
      expect(rows).toBe(21);
    });
  });
});
