import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, test, vi } from "vitest";
import { Crew } from "../../src/bulk/crew.ts";
import { vouchForLinks } from "../../src/bulk/vouch-links.ts";
import { verify, type VerifyOptions } from "../../src/index.ts";
import { surveyChain, withSnapshot } from "@scidex/audit-reader";
import { readShape } from "../../src/coverage/shape.ts";
import { append, type ChainDatabase, comparable, now, openChain, recompute } from "../chain-database.ts";

/** Links of a table, of a tracked table with changes, of a table that was emptied, and of kinds without a table. */
const template: Template = {
  name: "audit-chain-verifier-jobs",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql`create table public.note (a int, "b:\\" text, body text, primary key (a, "b:\\"))`;
    await sql`create table public.todo (id int primary key, done boolean not null default false)`;
    await sql`create table public.none (id int primary key)`;
    await sql`select public.audit_chain_attach('public.note', mode => 'strict')`;
    await sql`select public.audit_chain_attach('public.todo', mode => 'strict', changes => 'track')`;
    await sql`select public.audit_chain_attach('public.none', mode => 'strict')`;
    for (let n = 1; n <= 12; n++) {
      await sql`insert into public.note values (${n}, ${`"${"\t\n\v\\é𝄞\u2028".slice(0, n)}`}, ${n % 4 === 0 ? null : `body\u0001 ${n}`})`;
      await sql`insert into public.todo values (${n})`;
      await append(sql, n % 2 === 0 ? "even" : "odd", `${n}`);
    }
    await sql`update public.todo set done = true where id > 9`;
    await sql.end();
  },
};

/** The report, which must be the same however the chain is read. */
async function sameReport(
  chain: ChainDatabase,
  options: Parameters<ChainDatabase["verify"]>[0] = {},
  jobsToTry: readonly number[] = [1, 3],
) {
  const at = { now: Date.now(), ...options };
  const plain = await chain.verify({ ...at, plain: true });
  for (const jobs of jobsToTry) {
    const report = await chain.verify({ ...at, jobs });
    expect(comparable(report), `${jobs} jobs`).toEqual(comparable(plain));
  }
  return plain;
}

async function openWithHeads(): Promise<ChainDatabase> {
  const chain = await openChain({ template });
  for (const seq of [10n, 13n, 20n, 25n, 36n]) await chain.publish({ seq, time: now() - 40 + Number(seq) });
  return chain;
}

const UNANCHORED = { heads: [], allowUnanchored: true };

test("several jobs report of an honest chain what one reports, and what the plain walk reports", async () => {
  const chain = await openWithHeads();
  expect((await sameReport(chain)).status).toBe("intact");
  expect((await sameReport(chain, UNANCHORED)).status).toBe("intact");
  expect((await sameReport(chain, { checks: ["sources"] })).status).toBe("intact");
  expect((await sameReport(chain, { checks: ["links"] })).status).toBe("intact");
});

test("a chain that is broken just where two jobs meet is found broken there", async () => {
  const chain = await openWithHeads();
  const [{ n } = { n: 0 }] = await chain.sql<{ n: number }[]>`select count(*)::int as n from public.audit_chain`;
  // The second of two jobs starts here, where there are no heads: each part is a good chain of its own.
  const seam = Math.floor(n / 2) + 1;
  await chain.attack(`
    update public.audit_chain set prev_hash = sha256('forged'), chain_hash = sha256(sha256('forged') || event_hash || int8send(seq)) where seq = ${seam};
    ${recompute(seam + 1)}`);
  const report = await sameReport(chain, UNANCHORED, [2]);
  expect(report.firstDivergence).toMatchObject({ check: "prev_hash", seq: BigInt(seam) });
  expect((await sameReport(chain)).status).toBe("tampered");
});

test.each([
  ["a link is missing", "delete from public.audit_chain where seq = 21", "gap"],
  ["a link at a head was changed", "update public.audit_chain set event_pk = 'x' where seq = 20", "event_hash"],
  ["the end was cut off", "delete from public.audit_chain where seq > 24", "truncated"],
  [
    "the chain was recomputed",
    `update public.audit_chain set event_pk = 'x' where seq = 15; ${recompute(15)}`,
    "head_mismatch",
  ],
  ["a row was changed", "update public.note set body = 'forged' where a = 5", "source_edited"],
  ["a text became NULL", "update public.note set body = null where a = 5", "source_edited"],
  ["a row was deleted", "delete from public.note where a = 5", "source_deleted"],
  ["a row was put in", "insert into public.none values (1)", "source_unchained"],
  ["a tracked row was changed", "update public.todo set done = false where id = 12", "source_edited"],
  [
    "a row and its event are there twice",
    `alter table public.note drop constraint note_pkey; insert into public.note select * from public.note where a = 5;
     alter table public.audit_chain drop constraint audit_chain_event_key;
     insert into public.audit_chain select (select max(seq) + 1 from public.audit_chain), event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at
       from public.audit_chain where event_kind = 'note' and event_pk like '[\\"5\\"%'; ${recompute(40)}`,
    "duplicate",
  ],
])("however many jobs there are, the same is found where %s", async (_, attack, check) => {
  const chain = await openWithHeads();
  await chain.attack(attack);
  const report = await sameReport(chain);
  expect(report.status).toBe("tampered");
  expect(report.divergences.map((divergence) => divergence.check)).toContain(check);
});

test("a table is read beside the chain, each of its rows once", async () => {
  const chain = await openChain();
  const { sql } = chain;
  await onItsOwn(chain, async (own) => {
    await own`create table public.large (id int primary key, body text)`;
    await own`select public.audit_chain_attach('public.large', mode => 'strict')`;
    await own`insert into public.large select n, repeat('x', 800) from generate_series(1, 4200) as n`;
  });
  const statistics = async () => {
    const [row] = await sql<{ scans: number; rows: number }[]>`
      select pg_stat_get_numscans(oid)::int as scans, pg_stat_get_tuples_returned(oid)::int as rows
        from pg_class where oid = 'public.large'::regclass`;
    return row ?? { scans: Number.NaN, rows: Number.NaN };
  };
  // By the primary key and by attach, when there were no rows yet.
  await vi.waitFor(async () => expect(await statistics()).toMatchObject({ scans: 2 }), 20_000);
  const before = await statistics();
  const options: VerifyOptions = { ...UNANCHORED, checks: ["sources"], jobs: 3 };
  await onItsOwn(chain, async (own) => {
    expect((await verify(own, {}, options)).report.status).toBe("intact");
  });
  const after = { scans: before.scans + 1, rows: before.rows + 4200 };
  await vi.waitFor(async () => expect(await statistics()).toEqual(after), 20_000);
});

test("the keys of a chain that is too long for a filter are read from its index, which may lie", async () => {
  const chain = await openWithHeads();
  const { sql } = chain;
  let read = 0;
  const vouch = async (expected: number) => {
    read = 0;
    return await withSnapshot(sql, async (snapshot) => {
      const chain = await readShape(snapshot[0], "public", "audit_chain");
      const [index] = await sql<{ oid: string }[]>`select 'public.audit_chain_event_key'::regclass::oid::text as oid`;
      return (
        chain &&
        (await vouchForLinks(snapshot, new Crew(1), {
          chain,
          survey: async (lane) => await surveyChain(lane, chain),
          published: null,
          now: BigInt(Date.now()) * 1000n,
          hashes: true,
          expected: BigInt(expected),
          tagKey: new Uint8Array(16),
          onProgress: (count) => (read = count),
          cuts: [],
          keyIndex: index?.oid ?? null,
          beside: [],
        }))
      );
    });
  };
  const [{ n } = { n: 0 }] = await sql<{ n: number }[]>`select count(*)::int as n from public.audit_chain`;
  expect((await vouch(n))?.chain.rows).toBe(n);
  expect(read).toBe(n);
  expect((await vouch(48_000_000))?.chain.rows).toBe(n);
  expect(read).toBe(n);
  await sql`alter table public.audit_chain drop constraint audit_chain_event_key`;
  await chain.attack(`update public.audit_chain as a set event_kind = c.event_kind, event_pk = c.event_pk
    from public.audit_chain as c where c.seq = 5 and a.seq = ${n}; ${recompute(n)}`);
  await sql`create index audit_chain_event_key on public.audit_chain (event_kind, event_pk)`;
  expect(await vouch(48_000_000)).toBeNull();
  await sql`drop index public.audit_chain_event_key`;
  await sql.unsafe(
    `create unique index audit_chain_event_key on public.audit_chain (event_kind, event_pk) where seq <> ${n}`,
  );
  await chain.attack("update pg_index set indpred = null where indexrelid = 'public.audit_chain_event_key'::regclass");
  expect(await vouch(48_000_000)).toBeNull();
});

/** Work on connections of its own, which leave their counts behind when they end. */
async function onItsOwn(chain: ChainDatabase, work: (own: postgres.Sql) => Promise<void>): Promise<void> {
  const own = postgres(chain.url, { max: 4, fetch_types: false, onnotice: () => {} });
  await work(own);
  await own.end();
}

test("tables are compared side by side, as many at once as there are jobs", async () => {
  const chain = await openWithHeads();
  const { sql } = chain;
  const holder = await sql.reserve();
  await holder`begin`;
  await holder`lock table public.note, public.none in access exclusive mode`;
  const verification = chain.verify({ ...UNANCHORED, jobs: 2 });
  // Each is waited for on a connection of its own.
  await vi.waitFor(
    async () => {
      const waiting = await holder<{ name: string }[]>`
        select c.relname as name from pg_locks as l join pg_class as c on c.oid = l.relation where not l.granted order by 1`;
      expect(waiting.map(({ name }) => name)).toEqual(["none", "note"]);
    },
    { timeout: 20_000, interval: 10 },
  );
  await holder`commit`;
  holder.release();
  expect((await verification).status).toBe("intact");
});
