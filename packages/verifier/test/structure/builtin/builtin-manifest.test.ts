import { describe, expect, test } from "vitest";
import { describeBuiltin, differencesOf } from "../../../make/describe-builtin.ts";
import { BUILTIN_CATALOGS, type BuiltinManifest, catalogRelation, columnsOf } from "@scidex/audit-reader";
import {
  KNOWN_MAJORS,
  manifestOf,
  loadBuiltinManifest,
} from "../../../../reader/src/database/builtin/builtin-manifest.ts";
import type { BuiltinRow } from "../../../src/structure/builtin/builtin-row.ts";
import { BuiltinComparison, type ServerDifference } from "../../../src/structure/builtin/compare-builtin.ts";
import { MAJORS, said, startMajor } from "./builtin-servers.ts";

test.each(MAJORS)("the manifest of PostgreSQL %i is what initdb makes: else run pnpm builtin", async (major) => {
  await using server = await startMajor(major);
  expect(differencesOf(await loadBuiltinManifest(major), await describeBuiltin(server.url))).toEqual([]);
});

describe.each(KNOWN_MAJORS)("the manifest of PostgreSQL %i", (major) => {
  test("has every compared catalog, by its OID, and its columns by their numbers", async () => {
    const manifest = await loadBuiltinManifest(major);
    const { oid, attributes } = catalogRelation(manifest, "pg_cast");
    expect(oid).toBe(2605);
    expect([...attributes]).toEqual([
      ["oid", 1],
      ["castsource", 2],
      ["casttarget", 3],
      ["castfunc", 4],
      ["castcontext", 5],
      ["castmethod", 6],
    ]);
    for (const { name, of, key } of BUILTIN_CATALOGS) {
      const names = columnsOf(manifest, name).map((column) => column.name);
      expect(names).toEqual(expect.arrayContaining([of, ...key]));
      expect(Object.keys(manifest.rows[name] ?? {}).length).toBeGreaterThan(1);
    }
  });

  test("has most rows in one form", async () => {
    const manifest = await loadBuiltinManifest(major);
    const rows = Object.values(manifest.rows).flatMap((keys) => Object.values(keys));
    expect(rows.length).toBeGreaterThan(9000);
    expect(rows.filter((hashes) => typeof hashes !== "string").length).toBeLessThan(5);
    expect(rows.flat().every((hash) => /^[\w-]{12}$/u.test(hash))).toBe(true);
    expect(Object.values(manifest.optional).flat().length).toBeLessThan(5);
  });
});

test("a column that is left out is one of some version", async () => {
  const manifests = await Promise.all(KNOWN_MAJORS.map(async (major) => await loadBuiltinManifest(major)));
  for (const { name, leftOut } of BUILTIN_CATALOGS) {
    const names = new Set(manifests.flatMap((manifest) => columnsOf(manifest, name).map((column) => column.name)));
    expect(leftOut.filter((column) => !names.has(column))).toEqual([]);
  }
});

test.each([13, 19, Number.NaN])("major version %d, which is not known, has no manifest", async (major) => {
  await expect(manifestOf(major)).rejects.toMatchObject({ code: "server_unknown" });
});

describe("rows are compared with a manifest", () => {
  const manifest: BuiltinManifest = {
    minors: ["18.0", "18.4"],
    catalogs: {},
    rows: { pg_cast: { "1 2": "one", "3 4": ["old", "new"], "5 6": "later" } },
    optional: { pg_cast: ["5 6"] },
  };
  const row = (key: string, hash: string, isReserved = true): BuiltinRow => ({
    catalog: "pg_cast",
    key,
    hash,
    isReserved,
    what: () => "the cast",
    values: () => "castfunc 1",
  });
  const compared = (rows: readonly BuiltinRow[], hash?: string | null): ServerDifference[] => {
    const found: ServerDifference[] = [];
    const pinned = hash === undefined ? [] : [{ catalog: "pg_cast", key: "1 2", hash }];
    const comparison = new BuiltinComparison(manifest, pinned, (difference) => found.push(difference));
    for (const each of rows) comparison.take(each);
    comparison.finish(new Set(["pg_cast"]));
    return found;
  };
  const [one, old] = [row("1 2", "one"), row("3 4", "old")];

  test.each<[string, BuiltinRow[], string[]]>([
    ["as they are", [one, old], []],
    ["of another minor, with an optional one", [one, row("3 4", "new"), row("5 6", "later")], []],
    ["one changed", [row("1 2", "other"), old], ["changed pg_cast, row 1 2: the cast"]],
    ["an optional one changed", [one, old, row("5 6", "x")], ["changed pg_cast, row 5 6: the cast"]],
    ["one missing", [one], ["missing pg_cast, row 3 4: the cast 3 4"]],
    ["one added", [one, old, row("7 8", "x")], ["added pg_cast, row 7 8: the cast"]],
    ["somebody's own", [one, old, row("7 8", "x", false)], []],
    ["somebody's own of a builtin key", [row("1 2", "x", false), old], ["changed pg_cast, row 1 2: the cast"]],
    ["one three times", [one, one, old, one], ["duplicate pg_cast, row 1 2: the cast"]],
  ])("%s", (_, rows, expected) => {
    expect(compared(rows).map(said)).toEqual(expected);
  });

  test("a pinned row may be as it was pinned, and nothing else, PostgreSQL's own included", () => {
    expect(compared([row("1 2", "theirs"), old], "theirs")).toEqual([]);
    expect(compared([one, old], "theirs")).toMatchObject([{ how: "changed", key: "1 2", wasPinned: true }]);
    expect(compared([row("1 2", "again"), old], "theirs")).toMatchObject([{ how: "changed", hash: "again" }]);
    expect(compared([old], "theirs")).toMatchObject([{ how: "missing", wasPinned: true, hash: null }]);
    expect(compared([old], null)).toEqual([]);
    expect(compared([one, old], null)).toMatchObject([{ how: "changed", wasPinned: true }]);
  });
});
