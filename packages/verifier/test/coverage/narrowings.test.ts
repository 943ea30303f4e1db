import { CONFIG_OF_CONFIG } from "../../src/coverage/read-histories.ts";
import { expect, test } from "vitest";
import { type Config, historiesOf } from "../../src/coverage/config.ts";
import { checkCoverage } from "../../src/coverage/narrowings.ts";
import type { Finding } from "@scidex/audit-reader";
import type { Policy } from "../../src/coverage/policy.ts";

/** A configuration by its payload's members, each with the column that has it; and what is left out of payloads. */
type Step = [members: Record<string, string>, absent?: Record<string, string>];

/** Configurations of one table, one after another. */
function narrowedBy(steps: readonly Step[], policy?: Policy) {
  const findings: Finding[] = [];
  const configs = steps.map(([members, absent = {}], i): Config => ({
    ...CONFIG_OF_CONFIG,
    id: BigInt(i + 1),
    seq: BigInt(i + 1),
    kind: "notes",
    relation: "public.notes",
    columns: Object.values(members),
    members: Object.keys(members),
    absent: new Map(Object.entries(absent)),
  }));
  checkCoverage(historiesOf(configs), policy ?? null, (finding) => findings.push(finding));
  return findings.map(({ check, seq, message }) => `${check} at ${seq}: ${message}`);
}

test("a column that joins narrows nothing", () => {
  const first = { actor: "actor", id: "id" };
  expect(
    narrowedBy([[first], [{ ...first, qty: "qty" }, { qty: "5" }], [{ ...first, qty: "qty" }, { qty: "5" }]]),
  ).toEqual([]);
});

test("a renamed column, and a swap of names, are said in words", () => {
  expect(narrowedBy([[{ actor: "actor", id: "id" }], [{ actor: "agent", id: "id" }]])).toEqual([
    "coverage_narrowed at 2: public.notes: actor is now called agent",
  ]);
  expect(narrowedBy([[{ a: "debit", b: "credit", id: "id" }], [{ a: "credit", b: "debit", id: "id" }]])).toEqual([
    "coverage_narrowed at 2: public.notes: debit is now called credit; public.notes: credit is now called debit",
  ]);
});

test("a column that was dropped is said, and so is another one that takes over what was recorded in it", () => {
  const dropped = "coverage_narrowed at 2: public.notes: a was dropped or left out, so that what was recorded in it";
  expect(narrowedBy([[{ a: "a", id: "id" }], [{ id: "id" }]])).toEqual([expect.stringContaining(dropped)]);
  expect(narrowedBy([[{ a: "a", id: "id" }], [{ "a#2": "a", id: "id" }]])).toEqual([expect.stringContaining(dropped)]);
  expect(narrowedBy([[{ a: "a", id: "id" }], [{ id: "id" }], [{ a: "a", id: "id" }]])).toEqual([
    expect.stringContaining(dropped),
    "coverage_narrowed at 3: public.notes: a stands for what was recorded as a, which another column was",
  ]);
});

test("what older rows have in a column cannot be decided later, nor anew", () => {
  const both = { a: "a", id: "id" };
  const decided = "coverage_narrowed at 2: public.notes: what older rows have in a was decided when the column joined";
  for (const [before, after] of [
    [{}, { a: "approved" }],
    [{ a: "rejected" }, { a: "approved" }],
    [{ a: "rejected" }, {}],
  ] as const)
    expect(
      narrowedBy([
        [both, before],
        [both, after],
      ]),
    ).toEqual([expect.stringContaining(decided)]);
});

test("a table that is said to be dropped after it was detached is a narrowing of its own, and so is one that moved", () => {
  const base = { ...CONFIG_OF_CONFIG, kind: "notes", relation: "public.notes", columns: ["id"], members: ["id"] };
  const sentences = (...configs: readonly Partial<Config>[]) => {
    const findings: Finding[] = [];
    const all = configs.map((config, i) => ({ ...base, id: BigInt(i + 1), seq: BigInt(i + 1), ...config }));
    checkCoverage(historiesOf(all), null, (finding) => findings.push(finding));
    return findings.map(({ seq, message }) => `${seq}: ${message.split(/[:.] (?:its|See)/u)[0]}`);
  };
  const dropped = { action: "detach", columns: [], members: [] } as const;
  expect(sentences({}, { action: "detach" }, dropped)).toEqual([
    "2: public.notes was detached",
    "3: public.notes was dropped",
  ]);
  expect(sentences({}, { action: "detach" }, { relation: "public.other" })).toContain(
    "3: the kind notes was moved from public.notes to public.other",
  );
  expect(sentences({}, { excluded: ["approved_by"] })).toEqual([
    "2: public.notes excludes approved_by, which nobody had taken in yet",
  ]);
  expect(sentences({ excluded: ["noise"] }, { excluded: ["noise_renamed"] })).toEqual([]);
});
