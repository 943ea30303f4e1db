import { expect, test } from "vitest";
import { CONFIG_OF_CONFIG, type Config, historiesOf } from "../../src/coverage/config.ts";
import { checkCoverage } from "../../src/coverage/coverage.ts";
import type { Finding } from "@scidex/audit-reader";
import { parsePolicy, type Policy } from "../../src/coverage/policy.ts";

/** Configurations of one table, one after another: its columns, and what was renamed since the one before. */
function narrowedBy(steps: readonly [columns: string[], renamed?: Record<string, string>][], policy?: Policy) {
  const findings: Finding[] = [];
  const configs = steps.map(([columns, renamed = {}], i): Config => ({
    ...CONFIG_OF_CONFIG,
    id: BigInt(i + 1),
    seq: BigInt(i + 1),
    kind: "notes",
    relation: "public.notes",
    columns,
    renamed: new Map(Object.entries(renamed)),
  }));
  checkCoverage(historiesOf(configs), policy ?? null, (finding) => findings.push(finding));
  return findings.map(({ check, seq, message }) => `${check} at ${seq}: ${message.split(" is another")[0]}`);
}

test("a column that is renamed narrows nothing", () => {
  expect(narrowedBy([[["actor", "id"]], [["agent", "id"], { actor: "agent" }]])).toEqual([]);
});

test("a name that another column gets is a narrowing: at once, later, or by a swap", () => {
  expect(narrowedBy([[["actor", "id"]], [["actor", "id", "was"], { actor: "was" }]])).toEqual([
    "coverage_narrowed at 2: public.notes: the column actor",
  ]);
  expect(narrowedBy([[["actor", "id"]], [["id", "was"], { actor: "was" }], [["actor", "id", "was"]]])).toEqual([
    "coverage_narrowed at 3: public.notes: the column actor",
  ]);
  expect(narrowedBy([[["a", "b", "id"]], [["a", "b", "id"], { a: "b", b: "a" }]])).toEqual([
    "coverage_narrowed at 2: public.notes: the column a",
    "coverage_narrowed at 2: public.notes: the column b",
  ]);
});

test("a column that gets its own name back narrows nothing", () => {
  expect(
    narrowedBy([[["actor", "id"]], [["id", "was"], { actor: "was" }], [["actor", "id"], { was: "actor" }]]),
  ).toEqual([]);
});

test("a policy allows it by name", () => {
  const policy = parsePolicy(
    '{"tables":{"public.notes":{"kind":"notes","key":["id"],"exclude":[],"changes":"refuse","replaced":["actor"]}}}',
  );
  expect(narrowedBy([[["actor", "id"]], [["actor", "id", "was"], { actor: "was" }]], policy)).toEqual([]);
});
