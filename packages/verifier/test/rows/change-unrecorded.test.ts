/** THREATS B12: rows changed past their triggers, and then honestly, so that what is recorded now fits what is there. */
import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const tables: Template = {
  name: "audit-chain-verifier-changes",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    for (const mode of ["strict", "sealed"])
      await sql.unsafe(`
        create table public.${mode} (id int primary key, owner text, balance numeric);
        select public.audit_chain_attach('public.${mode}', changes => 'track', mode => '${mode}');
        insert into public.${mode} values (1, 'one', 100), (2, 'two', 50);
        insert into public.${mode} values (3, 'three', 10);
        delete from public.${mode} where id = 3`);
    await sql`select public.audit_chain_seal(100)`;
    await sql.end();
  },
};

const PAST = "set local session_replication_role = replica";
const HONEST = "set local session_replication_role = origin";

interface Laundering {
  readonly what: string;
  /** Each is a transaction. T stands for the table. */
  readonly transactions: readonly string[];
  /** Events that say so, by what follows the table's name, and key. */
  readonly found: readonly (readonly [role: string, key: string])[];
}

const LAUNDERINGS: Laundering[] = [
  {
    what: "an edit, by an honest update",
    transactions: [
      `${PAST}; update T set balance = 1000000 where id = 1`,
      "update T set balance = balance - 10 where id = 1",
    ],
    found: [[":update", "1"]],
  },
  {
    what: "an edit, by an honest update in the same transaction",
    transactions: [
      `${PAST}; update T set balance = 1000000 where id = 1; ${HONEST}; update T set balance = balance - 10 where id = 1`,
    ],
    found: [[":update", "1"]],
  },
  {
    what: "an edit between two honest updates of one transaction",
    transactions: [
      `update T set owner = 'a' where id = 1; ${PAST}; update T set balance = 7 where id = 1; ${HONEST}; update T set owner = 'b' where id = 1`,
    ],
    found: [[":update", "1"]],
  },
  {
    what: "an edit, by an honest deletion",
    transactions: [`${PAST}; update T set balance = 0 where id = 1`, "delete from T where id = 1"],
    found: [[":delete", "1"]],
  },
  {
    what: "an edit, by an honest change of the key",
    transactions: [`${PAST}; update T set balance = 0 where id = 1`, "update T set id = 9 where id = 1"],
    found: [[":delete", "1"]],
  },
  {
    what: "a change of the key, by an honest update",
    transactions: [
      `${PAST}; update T set id = 9 where id = 1`,
      "update T set owner = 'x' where id = 9",
      "insert into T values (1, 'one', 100)",
    ],
    found: [
      [":update", "9"],
      [":insert", "1"],
    ],
  },
  {
    what: "a deletion, by using the key again",
    transactions: [`${PAST}; delete from T where id = 2`, "insert into T values (2, 'other', 7)"],
    found: [[":insert", "2"]],
  },
  {
    what: "a deletion, by using the key again for the same row",
    transactions: [`${PAST}; delete from T where id = 2`, "insert into T values (2, 'two', 50)"],
    found: [[":insert", "2"]],
  },
  {
    what: "an insertion, by an honest update",
    transactions: [`${PAST}; insert into T values (4, 'four', 4)`, "update T set balance = 5 where id = 4"],
    found: [[":update", "4"]],
  },
  {
    what: "an insertion, by an honest deletion",
    transactions: [`${PAST}; insert into T values (4, 'four', 4)`, "delete from T where id = 4"],
    found: [[":delete", "4"]],
  },
  {
    what: "an insertion under a key that was deleted, by an honest update",
    transactions: [`${PAST}; insert into T values (3, 'three', 10)`, "update T set balance = 11 where id = 3"],
    found: [[":update", "3"]],
  },
  {
    what: "two edits that undo each other, by honest updates between them",
    transactions: [
      `${PAST}; update T set owner = 'B' where id = 1`,
      "update T set owner = 'C' where id = 1",
      "update T set owner = 'B' where id = 1",
      `${PAST}; update T set owner = 'one' where id = 1`,
      "update T set owner = 'D' where id = 1",
    ],
    found: [
      [":update", "1"],
      [":update", "1"],
    ],
  },
];

/** Runs transactions one after another, and links what they leave to the sealer. */
async function run(chain: ChainDatabase, table: string, transactions: readonly string[]): Promise<void> {
  for (const statements of transactions) {
    await chain.sql.begin(async (tx) => {
      for (const statement of statements.split("; "))
        await tx.unsafe(statement.replaceAll(/\bT\b/gu, `public.${table}`));
    });
    await chain.sql`select public.audit_chain_seal(100)`;
  }
}

const unrecorded = async (chain: ChainDatabase) => {
  const report = await chain.verify();
  expect(report.divergences.map(({ check }) => check)).toEqual(report.divergences.map(() => "change_unrecorded"));
  return report.divergences.map(({ seq, eventKind, eventPk }) => ({ seq, eventKind, eventPk }));
};

describe.each(["strict", "sealed"])("what was changed past the trigger of a %s table", (table) => {
  it.each(LAUNDERINGS)("is found in the honest event after it: $what", async ({ transactions, found }) => {
    const chain = await openChain({ template: tables });
    await run(chain, table, transactions);
    await chain.publish();
    const divergences = await unrecorded(chain);
    expect(divergences).toEqual(
      found.map(([role, key]) => {
        const seq = expect.any(BigInt) as bigint;
        return { seq, eventKind: `${table}${role}`, eventPk: expect.stringMatching(`^${key}@\\d+$`) as string };
      }),
    );
    // For good.
    await run(chain, table, [
      "update T set balance = balance + 1",
      "delete from T where id = 2",
      "insert into T values (2, 'new', 0)",
    ]);
    await chain.publish();
    expect(await unrecorded(chain)).toEqual(divergences);
  });

  it("is no finding where everything was changed honestly", async () => {
    const chain = await openChain({ template: tables });
    await run(chain, table, [
      "update T set balance = balance + 1; update T set balance = balance + 1; delete from T where id = 1; insert into T values (1, 'again', 0)",
      "update T set id = 8 where id = 2; update T set id = 2 where id = 8",
      "insert into T values (5, 'e', 1) on conflict (id) do update set balance = 0; insert into T values (5, 'e', 1) on conflict (id) do update set balance = 3",
      "insert into T values (6, 'f', 1); update T set owner = 'g' where id = 6; delete from T where id = 6",
      "delete from T",
      "insert into T values (1, 'one', 100), (2, 'two', 50)",
    ]);
    await chain.publish();
    expect((await chain.verify()).status).toBe("intact");
  });
});

it("is no finding that triggers of the application change rows beside the one that a statement is about", async () => {
  const chain = await openChain({ template: tables });
  await chain.sql.unsafe(`
    create table public.item (id int primary key, v text);
    create function public.sibling() returns trigger language plpgsql as $$ begin
      if pg_trigger_depth() = 1 and new.id = 1 then update public.item set v = v || '+' where id = 2; end if; return null; end $$;
    create trigger a_sibling after update on public.item for each row execute function public.sibling();
    select public.audit_chain_attach('public.item', mode => 'strict', changes => 'track')`);
  await run(chain, "item", ["insert into T values (1, 'a0'), (2, 'b0')", "update T set v = replace(v, '0', '1')"]);
  await chain.publish();
  expect((await chain.verify()).status).toBe("intact");
});

it("is no finding that rows were changed before the backfill came to them, and one that a row came past the trigger after it", async () => {
  const chain = await openChain({ template: tables });
  await chain.sql.unsafe(`
    create table public.old (id int primary key, body text);
    insert into public.old values (1, 'x'), (2, 'x'), (3, 'x');
    select public.audit_chain_attach('public.old', mode => 'strict', changes => 'track')`);
  await run(chain, "old", [
    "update T set body = 'y' where id = 1",
    "delete from T where id = 2",
    "insert into T values (2, 'z')",
  ]);
  await chain.sql`select public.audit_chain_adopt('old', array['3'], array[sha256(convert_to('{"body":"x","id":"3"}', 'UTF8'))])`;
  await chain.sql`select public.audit_chain_complete('public.old')`;
  await run(chain, "old", ["update T set body = 'w'"]);
  await chain.publish();
  expect((await chain.verify()).status).toBe("intact");
  await run(chain, "old", [`${PAST}; insert into T values (4, 'x')`, "update T set body = 'y' where id = 4"]);
  await chain.publish();
  expect((await unrecorded(chain)).map(({ eventKind }) => eventKind)).toEqual(["old:update"]);
});

it("is unproven, and no finding, where the schema was changed between two changes of a row so that they cannot be compared", async () => {
  const chain = await openChain({ template: tables });
  const sync = "select public.audit_chain_sync('public.strict')";
  const statusAfter = async (...statements: string[]) => {
    for (const statement of statements) await chain.sql.unsafe(statement);
    await chain.publish();
    const report = await chain.verify();
    expect(report.divergences).toEqual([]);
    return report.status;
  };
  const change = "update public.strict set balance = balance + 1";
  expect(await statusAfter("alter table public.strict add column note text", change, sync, change)).toBe("intact");
  expect(
    await statusAfter("alter table public.strict add column n numeric(8, 2) default 5", change, sync, change),
  ).toBe("intact");
  expect(await statusAfter("alter table public.strict alter n type numeric(10, 4)", sync, change)).toBe("unproven");
  const report = await chain.verify();
  expect(report.unproven).toEqual([
    "sources: public.strict: 2 changes cannot be compared with what was recorded before them, because the schema was changed in between",
  ]);
  // And goes on to be a finding where the schema had nothing to do with it.
  await run(chain, "strict", [`${PAST}; update T set owner = 'evil' where id = 1`, "update T set n = 6 where id = 1"]);
  expect((await unrecorded(chain)).map(({ eventPk }) => eventPk)).toEqual([expect.stringMatching(/^1@/u)]);
});
