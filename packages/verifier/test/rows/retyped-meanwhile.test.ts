// Scenario: a column gets another type, the application goes on writing, and only then the change is taken in. What was
// written in between is recorded as texts of the new type under a configuration that has the old one.
import { describe, expect, test } from "vitest";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const CHANGES = [
  { from: "numeric(10,2)", to: "numeric(12,3)", values: ["1.25", "2", "3.5", "4.125"] },
  { from: "integer", to: "numeric(12,2)", values: ["1", "2", "3", "4.5"] },
  { from: "date", to: "timestamp", values: ["'2026-01-01'", "'2026-01-02'", "'2026-01-03'", "'2026-01-04 05:06'"] },
  { from: "character(4)", to: "character(6)", values: ["'a'", "'b'", "'c'", "'dddddd'"] },
  { from: "integer[]", to: "bigint[]", values: ["'{1}'", "'{2}'", "'{3}'", "'{4,5000000000}'"] },
] as const;

/** Two rows of before, two that were written between the migration and `sync`. */
async function retyped(
  { from, to, values }: { readonly from: string; readonly to: string; readonly values: readonly string[] },
  changes: "refuse" | "track",
): Promise<ChainDatabase> {
  const chain = await openChain();
  const row = (id: number): string => `insert into public.note values (${id}, ${values[id - 1]}, 'x')`;
  await chain.sql.unsafe(`create table public.note (id int primary key, v ${from}, t text)`);
  await chain.sql`select public.audit_chain_attach('public.note', mode => 'strict', changes => ${changes})`;
  await chain.sql.unsafe(`${row(1)}; ${row(2)}`);
  await chain.publish();
  await chain.sql.unsafe(`alter table public.note alter v type ${to}`);
  await chain.sql.unsafe(`${row(3)}; ${row(4)}`);
  await chain.sql`select public.audit_chain_sync('public.note')`;
  await chain.publish();
  return chain;
}

const found = async (chain: ChainDatabase): Promise<string[]> =>
  (await chain.verify()).divergences.map(({ check, eventPk }) => `${check} ${eventPk}`);

describe.each(["refuse", "track"] as const)("rows of a table whose changes are to be: %s", (changes) => {
  test.each(CHANGES)(
    "written while $from was already $to are not accused, and an edit of any is found",
    async (change) => {
      const chain = await retyped(change, changes);
      for (const plain of [false, true])
        expect(await chain.verify({ plain })).toMatchObject({ status: "intact", divergences: [], unproven: [] });
      const [first = "", second = ""] = change.values;
      await chain.attack(`update public.note set v = ${second} where id in (1, 3)`);
      expect(await found(chain)).toEqual(["source_edited 1", "source_edited 3"]);
      await chain.attack(
        `update public.note set v = ${first} where id in (2, 3); update public.note set v = ${first} where id = 1`,
      );
      expect(await found(chain)).toEqual(["source_edited 2", "source_edited 3"]);
    },
  );
});

test("a text that was another value before is not taken for one that was written meanwhile", async () => {
  const chain = await retyped({ from: "boolean", to: "text", values: ["true", "false", "'true'", "'yes'"] }, "track");
  expect(await chain.verify()).toMatchObject({ status: "intact", divergences: [], unproven: [] });
  // As it was recorded as a boolean.
  await chain.attack("update public.note set v = 't' where id = 1");
  expect(await found(chain)).toEqual(["source_edited 1"]);
});

test("where texts of before are not told apart, what was written meanwhile is to be recorded anew", async () => {
  const chain = await retyped({ from: "real", to: "float8", values: ["0.1", "0.5", "0.1", "1e300"] }, "track");
  const report = await chain.verify();
  expect(report).toMatchObject({ status: "unproven", divergences: [] });
  expect(report.unproven).toEqual([expect.stringMatching(/^sources: public\.note: 2 rows .* are not recorded yet$/u)]);
  await chain.attack("update public.note set v = 0.1 where id = 1; update public.note set v = 0.2 where id = 2");
  const after = await chain.verify();
  expect(after.divergences.map(({ eventPk }) => eventPk)).toEqual(["2"]);
  expect(after.unproven).toEqual([expect.stringContaining("3 rows")]);
});
