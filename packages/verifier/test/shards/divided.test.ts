// A large table, which all shards read: each other stripes of its blocks.
import { expect, it } from "vitest";
import { kindsOfShard } from "@scidex/audit-reader";
import { append, now, openChain } from "../chain-database.ts";
import { text, verifyInShards } from "./sharded.ts";

const ROWS = 9_000;

it("is read by all of them, each row once, while it grows; and a row that was changed is named", async () => {
  const chain = await openChain();
  const { sql } = chain;
  // Two rows a block.
  await sql.unsafe(
    "create table public.note (id int primary key, body text); alter table public.note alter column body set storage plain",
  );
  await sql.unsafe("select public.audit_chain_attach('public.note', mode => 'sealed')");
  const insert = (from: number, to: number): string =>
    `insert into public.note select g, g || repeat('x', 3600) from generate_series(${from}, ${to}) as g`;
  for (let from = 1; from < ROWS; from += 1_000) {
    await sql.unsafe(insert(from, from + 999));
    await sql`select public.audit_chain_seal(100000)`;
    await append(sql, "thing", String(from));
    await chain.publish({ time: now() - 100 + (from - 1) / 1_000 });
  }
  await sql`vacuum analyze public.note`;
  const cut = BigInt(ROWS + 8);
  let next = ROWS + 1;
  const between = async (): Promise<void> => {
    await sql.unsafe(insert(next, next + 2));
    await sql`select public.audit_chain_seal(100)`;
    // Not linked yet.
    await sql.unsafe(insert(next + 3, next + 4));
    next += 5;
  };
  const honest = await verifyInShards(chain, 3, cut, { between });
  expect(text(honest.first.open)).toBe("[]");
  expect(honest.report).toMatchObject({ status: "intact", unproven: [] });
  const parts = honest.shards.map(({ shard }) => shard?.sums?.tables.filter(({ isDivided }) => isDivided) ?? []);
  expect(parts.map((tables) => tables.map(({ kind }) => kind))).toEqual([["note"], ["note"], ["note"]]);
  const counts = parts.map(([part]) => part?.rows?.count ?? 0);
  expect(counts.reduce((a, b) => a + b)).toBe(ROWS);
  expect(Math.min(...counts)).toBeGreaterThan(1_000);

  const owner = [1, 2, 3].find((number) => kindsOfShard({ number, of: 3 })(Buffer.from("note")));
  for (const attack of [
    "update public.note set body = 'other' where id = 4000",
    "update public.note set body = 9001 || repeat('x', 3600) where id = 9001; delete from public.note where id = 8000",
  ]) {
    await chain.attack(attack);
    const { first, report } = await verifyInShards(chain, 3, cut);
    expect(first.open).toEqual([{ number: owner, reason: "the rows of note do not add up to its events" }]);
    expect(report.divergences.map(({ eventPk }) => eventPk)).toContain(attack.includes("4000") ? "4000" : "8000");
  }
}, 240_000);
