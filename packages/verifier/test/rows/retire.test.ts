/** Rows that have left through the door: believed as far as the policy's retention goes (THREATS B20). */
import { migrate } from "@scidex/audit-schema";
import { type Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, test } from "vitest";
import { parsePolicy, type Policy, type VerificationReport, verifyEvent } from "../../src/index.ts";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const tables: Template = {
  name: "audit-chain-verifier-retire",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.unsafe(`create table public.facts (id int primary key, note text);
      select public.audit_chain_attach('public.facts', retention => 'PT1S');
      insert into public.facts values (1, 'a'), (2, 'b'), (3, 'c'); select public.audit_chain_seal(10), pg_sleep(2.1);
      insert into public.facts values (4, 'young'); select public.audit_chain_seal(10)`);
    await sql.end();
  },
};

/** Retires the rows but the last, however long ago that came. */
const retire = async ({ sql }: ChainDatabase): Promise<void> => {
  await sql`select public.audit_chain_retire('public.facts', clock_timestamp() - (c.appended_at - interval '1 second'))
      from public.audit_chain as c where c.event_kind = 'facts' and c.event_pk = '4'`;
};

const open = async (): Promise<ChainDatabase> => {
  const db = await openChain({ template: tables });
  await db.publish();
  return db;
};

const policy = (retention?: string, more: object = {}): Policy =>
  parsePolicy(
    JSON.stringify({
      tables: {
        "public.facts": {
          kind: "facts",
          key: ["id"],
          exclude: [],
          changes: "refuse",
          ...more,
          ...(retention && { retention }),
        },
      },
    }),
  );

const found = ({ divergences }: VerificationReport): string[] =>
  divergences.map(({ check, eventKind, eventPk }) => `${check} ${eventKind} ${eventPk?.replace(/@\d+$/u, "")}`);

/** A link of a row's leaving that is as good as the door's, for a row that is deleted past the guard. */
const byHand = (
  id: number,
  hash = `(select payload_hash from public.audit_chain where event_kind = 'facts' and event_pk = '${id}')`,
) => `
  delete from public.facts where id = ${id};
  insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
  select 'strict', 'retire', 'facts', '${id}', hash, hash from (select ${hash} as hash) as h;
  select public.audit_chain_seal(10)`;

test("what the door lets go is gone by the policy's retention, and by nothing that stands in the database", async () => {
  const db = await open();
  await retire(db);
  await db.publish();
  const report = await db.verify({ policy: policy("PT1S") });
  expect(report).toMatchObject({ status: "intact", divergences: [], warnings: [], unproven: [] });
  expect(report.retired).toEqual([{ kind: "facts", month: expect.stringMatching(/^\d{4}-\d\d$/u), rows: 3 }]);
  const asked = { kind: "facts", pk: "1", payload: { id: "1", note: "a" } };
  expect(await verifyEvent(db.sql, asked)).toMatchObject({
    status: "retired",
    link: { eventKind: "facts:retire", appendedAt: expect.stringMatching(/^\d{4}-/u) },
  });
  const gone = ["1", "2", "3"].map((pk) => `source_deleted facts:retire ${pk}`);
  for (const [held, message] of [
    [null, "has no retention"],
    [policy(), "has no retention"],
    [policy("P400D"), "was retired, and was younger than its retention of P400D"],
  ] as const) {
    const refused = await db.verify({ policy: held });
    expect(found(refused)).toEqual(gone);
    expect(refused.divergences[0]?.message).toContain(message);
  }
  // That the rows would be old enough by now is no excuse for what was done then.
  const later = { now: Date.now() + 500 * 86_400_000, maxHeadAgeMs: 600 * 86_400_000 };
  expect(found(await db.verify({ policy: policy("P400D"), ...later }))).toEqual(gone);
});

test("a row's leaving that was written by hand counts as long as the row was old enough", async () => {
  const db = await open();
  await db.attack(byHand(4));
  await db.attack(byHand(1));
  await db.publish();
  const report = await db.verify({ policy: policy("PT1S") });
  const age = await db.sql<{ s: number }[]>`
    select extract(epoch from b.appended_at - a.appended_at)::float as s
      from public.audit_chain as a join public.audit_chain as b on b.event_pk = concat('4@', b.seq) where a.event_kind = 'facts' and a.event_pk = '4'`;
  expect(found(report)).toEqual((age[0]?.s ?? 0) > 1 ? [] : ["source_deleted facts:retire 4"]);
  expect(found(await db.verify({ policy: policy("PT1H") }))).toEqual([
    "source_deleted facts:retire 4",
    "source_deleted facts:retire 1",
  ]);
  // Just one: older rows are still there than the newest that has left.
  const whole = await db.verify({ policy: policy("PT1S", { whole: true }) });
  expect(found(whole)).toContain("source_deleted facts:retire 4");
});

test("of another content, without an event, or twice, it does not follow from what was recorded", async () => {
  const db = await open();
  await db.attack(byHand(1, "sha256('another')"));
  await db.attack(byHand(2));
  await db.attack(byHand(2));
  await db.attack(byHand(9, "sha256('never')"));
  await db.publish();
  expect(found(await db.verify({ policy: policy("PT1S") })).toSorted()).toEqual([
    "change_unrecorded facts:retire 1",
    "change_unrecorded facts:retire 2",
    "change_unrecorded facts:retire 9",
    "source_deleted facts:retire 9",
  ]);
});

test("a row that is there again after it was retired is a finding", async () => {
  const db = await open();
  await retire(db);
  await db.attack("insert into public.facts values (1, 'a'), (2, 'other')");
  await db.publish();
  const report = await db.verify({ policy: policy("PT1S") });
  expect(found(report)).toEqual(["source_edited facts:retire 1", "source_edited facts:retire 2"]);
  expect(report.divergences[0]?.message).toContain("was retired");
  // Through the trigger it is no new event: the sealer sets it aside.
  await db.sql`insert into public.facts values (3, 'c')`;
  await db.sql`select public.audit_chain_seal(10)`;
  expect(found(await db.verify({ policy: policy("PT1S") }))).toContain("source_edited facts:retire 3");
});

test("what could not be linked when it left waits for the sealer, and raises no alarm", async () => {
  const db = await open();
  const blocker = postgres(db.url, { max: 1, fetch_types: false });
  try {
    await blocker.unsafe("begin; select from public.audit_chain_lock for update");
    await retire(db);
    expect(await db.sql`select mode, op from public.audit_chain_pending`).toEqual(
      Array.from({ length: 3 }, () => ({ mode: "late", op: "retire" })),
    );
    expect(await db.verify({ policy: policy("PT1S") })).toMatchObject({ status: "intact", unproven: [] });
    expect(found(await db.verify({ policy: policy("P1D") }))).toHaveLength(3);
  } finally {
    await blocker.end();
  }
  await db.sql`select public.audit_chain_seal(10)`;
  await db.publish();
  expect(await db.verify({ policy: policy("PT1S") })).toMatchObject({ status: "intact", unproven: [] });
});
