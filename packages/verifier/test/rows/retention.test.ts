/** Rows leave by a rule that stands in the policy, and by nothing else (THREATS B20; case 07). */
import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, test } from "vitest";
import { formatPolicy, parsePolicy, type Policy, type VerificationReport } from "../../src/index.ts";
import { describeReport } from "../../src/report/describe-report.ts";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const DAY_MS = 86_400_000;

const tables: Template = {
  name: "audit-chain-verifier-retention",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    for (const changes of ["refuse", "track"])
      await sql.unsafe(`
        create table public.${changes} (id int, d date, note text, primary key (id, d)) partition by range (d);
        create table public.${changes}_1 partition of public.${changes} for values from ('2026-01-01') to ('2026-02-01');
        create table public.${changes}_2 partition of public.${changes} for values from ('2026-02-01') to ('2026-03-01');
        select public.audit_chain_attach('public.${changes}', changes => '${changes}', mode => 'strict')`);
    const insert = async (id: number, d: string) => {
      for (const table of ["refuse", "track"])
        await sql.unsafe(`insert into public.${table} values (${id}, '${d}', 'x')`);
      await sql`select pg_sleep(0.3)`;
    };
    for (const id of [1, 2, 3]) await insert(id, "2026-01-05");
    await insert(4, "2026-02-05");
    await sql.end();
  },
};

const open = async (): Promise<ChainDatabase> => {
  const db = await openChain({ template: tables });
  await db.publish();
  return db;
};

const policy = (more: object, kinds: Record<string, string> = { refuse: "refuse", track: "track" }): Policy =>
  parsePolicy(
    formatPolicy(
      parsePolicy(
        JSON.stringify({
          tables: Object.fromEntries(
            Object.entries(kinds).map(([relation, kind]) => [
              `public.${relation}`,
              { kind, key: ["id", "d"], exclude: [], changes: kind, ...more },
            ]),
          ),
        }),
      ),
    ),
  );
const RETAINED = policy({ retention: "P400D" });

/** Verifies as if it were the moment at which just the rows up to this one have passed their retention. */
async function verifyLater(db: ChainDatabase, id: number, asked: object): Promise<VerificationReport> {
  const [row] = await db.sql<{ ms: string }[]>`
    select (extract(epoch from max(appended_at)) * 1000)::bigint::text as ms from public.audit_chain
     where event_kind in ('refuse', 'track') and event_pk like ${`["${id}",%`}`;
  const now = Number(row?.ms) + 400 * DAY_MS + 100;
  return await db.verify({ checks: ["links", "heads", "sources"], maxHeadAgeMs: 1_000 * DAY_MS, now, ...asked });
}

const found = ({ divergences }: VerificationReport): string[] =>
  divergences.map(({ check, eventKind, eventPk }) => `${check} ${eventKind} ${eventPk}`);

test.each(["refuse", "track"])(
  "%s: a partition that has passed its retention is dropped by whatever drops it",
  async (kind) => {
    const db = await open();
    await db.sql.unsafe(`alter table public.${kind} detach partition public.${kind}_1; drop table public.${kind}_1`);
    const report = await verifyLater(db, 3, { policy: RETAINED });
    expect(report).toMatchObject({ status: "intact", divergences: [], warnings: [] });
    expect(report.retired).toEqual([{ kind, month: expect.stringMatching(/^\d{4}-\d\d$/u), rows: 3 }]);
    expect(describeReport(report)).toMatch(new RegExp(`retired {5}${kind}: 3 rows last changed \\d{4}-\\d\\d\\n`, "u"));
    // The policy alone says so, and says it of rows that are old enough.
    expect(found(await verifyLater(db, 3, {}))).toHaveLength(3);
    const early = await verifyLater(db, 2, { policy: RETAINED });
    expect(found(early)).toEqual([`source_deleted ${kind} ["3","2026-01-05"]`]);
    expect(early.divergences[0]?.message).toContain("younger than its retention of P400D");
    expect(early.retired).toMatchObject([{ rows: 2 }]);
  },
);

test("a younger partition dropped, and a row that was changed since, are findings", async () => {
  const db = await open();
  await db.sql.unsafe("update public.track set note = 'y' where id = 1");
  await db.publish();
  await db.sql.unsafe("drop table public.track_1, public.refuse_2");
  expect(found(await verifyLater(db, 3, { policy: RETAINED })).toSorted()).toEqual([
    'source_deleted refuse ["4","2026-02-05"]',
    expect.stringMatching(/^source_deleted track:update \["1"/u),
  ]);
});

test("who retires just one row is named, and is found where rows are retired whole", async () => {
  const db = await open();
  await db.attack("delete from public.refuse where id = 2");
  const report = await verifyLater(db, 3, { policy: RETAINED });
  expect(report.status).toBe("intact");
  expect(report.warnings.join()).toContain("public.refuse: rows were retired up to one last changed at");
  const whole = policy({ retention: "P400D", whole: true });
  expect(found(await verifyLater(db, 3, { policy: whole }))).toEqual(['source_deleted refuse ["2","2026-01-05"]']);
  await db.attack("delete from public.refuse where id = 1");
  expect(await verifyLater(db, 3, { policy: whole })).toMatchObject({ status: "intact", warnings: [] });
});

test("the retention of another table, or of this one under another kind, lets nothing go", async () => {
  const db = await open();
  await db.attack("delete from public.refuse where id = 1");
  for (const kinds of [{ track: "track" }, { refuse: "track" }] as Record<string, string>[])
    expect(found(await verifyLater(db, 3, { policy: policy({ retention: "P400D" }, kinds) }))).toEqual([
      'source_deleted refuse ["1","2026-01-05"]',
    ]);
});

test("a key is used again after its row was retired, and not before it could be", async () => {
  const db = await open();
  await db.sql.unsafe("drop table public.track_1");
  await db.sql.unsafe(
    "create table public.track_1 partition of public.track for values from ('2026-01-01') to ('2026-02-01')",
  );
  await db.sql`insert into public.track values (1, '2026-01-05', 'again'), (2, '2026-01-05', 'again'), (3, '2026-01-05', 'again')`;
  await db.publish();
  const now = { now: Date.now() + 1_000, checks: ["links", "heads", "sources"] as const };
  expect(found(await db.verify({ ...now, policy: policy({ retention: "P1D" }) }))).toHaveLength(3);
  // The rows were some tenths of a second to some seconds old.
  const report = await db.verify({ ...now, policy: policy({ retention: "PT1S" }) });
  const events = await db.sql<{ pk: string; s: number }[]>`
    select a.event_pk as pk, extract(epoch from b.appended_at - a.appended_at)::float as s
      from public.audit_chain as a join public.audit_chain as b on b.event_pk = concat(a.event_pk, '@', b.seq) and b.event_kind = 'track:insert'
     where a.event_kind = 'track'`;
  const young = events.filter(({ s }) => s <= 1).map(({ pk }) => pk);
  expect(found(report).map((one) => one.replace(/^change_unrecorded track:insert (.*)@\d+$/u, "$1"))).toEqual(young);
  expect(events).toHaveLength(3);
  expect(young.length).toBeLessThan(3);
});
