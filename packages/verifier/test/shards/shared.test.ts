// Shards that take the fast way, each its share, and whose sums are compared when their reports are merged.
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { append, type ChainDatabase, forge, now, openChain, recompute } from "../chain-database.ts";
import { runShard, text, verifyInShards } from "./sharded.ts";

/** A chain of 1,980 links in dozens of blocks with many heads; shards go alike up to one of the last. */
const CUT = 1_800n;

async function published(): Promise<ChainDatabase> {
  const chain = await openChain();
  const { sql } = chain;
  for (const name of ["note", "paper", "essay"])
    await sql.unsafe(
      `create table public.${name} (id int primary key, body text); select public.audit_chain_attach('public.${name}', mode => 'strict', changes => '${name === "essay" ? "track" : "refuse"}')`,
    );
  for (let n = 0; n < 20; n++) {
    await sql.unsafe(
      `insert into public.note select g, 'note ' || g from generate_series(${n * 40 + 1}, ${n * 40 + 40}) as g;
       insert into public.paper select g, 'paper' from generate_series(${n * 30 + 1}, ${n * 30 + 30}) as g;
       insert into public.essay select g, 'essay' from generate_series(${n * 20 + 1}, ${n * 20 + 20}) as g;`,
    );
    for (let k = 0; k < 9; k++) await append(sql, "thing", String(n * 9 + k));
    await chain.publish({ time: now() - 100 + n });
  }
  return chain;
}

const places = (report: {
  divergences: readonly { check: string; eventKind?: string; eventPk?: string; seq?: bigint }[];
}) => report.divergences.map(({ check, eventKind, eventPk }) => `${check} ${eventKind} ${eventPk}`).toSorted();

describe("shards that share", { timeout: 240_000 }, () => {
  it("vouch together for an honest chain, while it grows", async () => {
    const chain = await published();
    const { sql } = chain;
    const result = await verifyInShards(chain, 4, CUT, {
      between: async (number) => {
        await sql.unsafe(
          `insert into public.note values (${number + 5_000}, 'new'); insert into public.paper values (${number + 5_000}, 'new')`,
        );
        await append(sql, "thing", `late ${number}`);
        await chain.publish({ time: now() });
      },
    });
    expect(text(result.first.open)).toBe("[]");
    expect(result.report).toMatchObject({ status: "intact", unproven: [] });
    for (const { shard } of result.shards) expect(shard?.sums).not.toBeNull();
    const rows = result.shards.map(({ report }) => Number(report.rows));
    expect(Math.max(...rows)).toBeLessThan(800);
  });

  it("prove nothing where they are cut up to a head that is not published", async () => {
    const chain = await published();
    const { report } = await runShard(chain, 2, 4, 5_000n);
    expect(report).toMatchObject({
      status: "unproven",
      unproven: [
        expect.stringMatching(
          /^heads: the newest published head is at (\d+), and the shards are cut up to 5000: give all of them --cut \1,/u,
        ),
      ],
    });
  });

  // Each with what somebody with full write authority does between two nights.
  const ATTACKS: Readonly<Record<string, string>> = {
    "links changed inside a shard and where two meet":
      "update public.audit_chain set chain_hash = sha256('x') where seq in (300, 693)",
    "a second link of the same seq, in the place of another shard, which the indexes hide": `
       alter table public.audit_chain drop constraint audit_chain_pkey; alter table public.audit_chain drop constraint audit_chain_event_key;
       insert into public.audit_chain select seq, event_kind, 'never', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at
         from public.audit_chain where seq = 20;
       create unique index audit_chain_event_key on public.audit_chain (event_kind, event_pk) where event_pk <> 'never';
       update pg_index set indpred = null where indexrelid = 'public.audit_chain_event_key'::regclass`,
    "rows changed, swapped, deleted and put in": `
       update public.note set body = (select body from public.note where id = 1) where id = 333;
       update public.note set body = 'note ' || (case id when 7 then 700 else 7 end) where id in (7, 700);
       delete from public.paper where id = 300; insert into public.paper values (99999, 'past');
       update public.essay set body = 'other' where id = 100; delete from public.note where id = 800;
       ${forge("note:update", "333@1981", "sha256('x')")} insert into public.paper values (99998, 'past'); ${forge("paper", "99998")}`,
  };

  it.each(Object.keys(ATTACKS))("find together what one run finds: %s", async (name) => {
    const chain = await published();
    await chain.attack(ATTACKS[name] ?? "");
    const whole = await chain.verify({ checks: ["links", "heads", "sources", "coverage", "structure"] });
    const { report, first } = await verifyInShards(chain, 3, CUT);
    expect(whole.status).toBe("tampered");
    expect(first.report.status).not.toBe("intact");
    expect(report).toMatchObject({ status: "tampered" });
    for (const place of places(whole)) expect(places(report)).toContain(place);
  });

  it.each([
    [
      "an index that was made to lie",
      `create unique index audit_chain_event_key on public.audit_chain (event_kind, event_pk) where seq <> 1600;
       update pg_index set indpred = null where indexrelid = 'public.audit_chain_event_key'::regclass`,
    ],
  ])("find an event that is there twice, in two shards, behind %s", async (_, index) => {
    const chain = await published();
    // Published as it is: the links and heads are those of an honest chain.
    const lines = chain.paths.map(() => "");
    for (const [i, path] of chain.paths.entries()) writeFileSync(path, lines[i] ?? "");
    await chain.attack(
      `alter table public.audit_chain drop constraint audit_chain_event_key;
       update public.audit_chain set event_kind = 'thing', event_pk = '5' where seq = 1600; ${recompute(1600)} ${index}`,
    );
    for (const seq of [600n, 1200n, 1850n]) await chain.publish({ seq, time: now() });
    const whole = await chain.verify({ checks: ["links", "heads"] });
    const { report, first } = await verifyInShards(chain, 3, CUT);
    expect(first.report.status).not.toBe("intact");
    expect(places(whole).length).toBeGreaterThan(0);
    for (const place of places(whole)) expect(places(report)).toContain(place);
  });

  it("accuse no older link of a row whose newest one was deleted from another shard", async () => {
    const chain = await published();
    await chain.sql.unsafe("update public.essay set body = 'changed' where id in (1, 2)");
    await append(chain.sql, "thing", "last");
    await chain.publish({ time: now() });
    const [newest] = await chain.sql`select min(seq) as seq from public.audit_chain where event_kind = 'essay:update'`;
    await chain.attack("delete from public.audit_chain where event_kind = 'essay:update'");
    const located = ({ divergences }: Pick<Awaited<ReturnType<typeof chain.verify>>, "divergences">) =>
      divergences
        .map(({ check, seq, eventKind, eventPk }) =>
          [check, Number(seq ?? 0), eventKind ?? "", eventPk ?? ""].join(" ").trim(),
        )
        .toSorted();
    const whole = located(await chain.verify({ checks: ["links", "heads", "sources"] }));
    expect(whole).toContain(`gap ${newest?.["seq"]}`);
    expect(whole).toContain("source_edited 0 essay 1");
    const { report } = await verifyInShards(chain, 3, 1_983n);
    expect(located(report)).toEqual(whole);
  });
});
