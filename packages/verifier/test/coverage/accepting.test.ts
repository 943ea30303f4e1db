/** An accepted finding stands for one state and nothing else (THREATS C20, C23). */
import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, test } from "vitest";
import {
  type Acceptance,
  formatPolicy,
  formatReport,
  parsePolicy,
  type Policy,
  stateDigest,
  type VerificationReport,
  whyNotAcceptable,
} from "../../src/index.ts";
import { describeReport } from "../../src/report/describe-report.ts";
import { type ChainDatabase, forge, openChain } from "../chain-database.ts";

const tables: Template = {
  name: "audit-chain-verifier-accepting",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.unsafe(`
      create table public.orders (id int primary key, item text);
      select public.audit_chain_attach('public.orders', 'strict', 'track');
      create table public.facts (id int primary key, item text);
      select public.audit_chain_attach('public.facts', 'strict');
      insert into public.orders select i, 'o' || i from generate_series(1, 3) as i;
      insert into public.facts select i, 'f' || i from generate_series(1, 200) as i;
      delete from public.orders where id = 3`);
    await sql.unsafe("select public.audit_chain_seal(1000)");
    await sql.end();
  },
};

const SIGNATURE = { reason: "INC-7", by: "anna", at: "2026-11-21T09:00:00.000Z" };

const open = async (): Promise<ChainDatabase> => {
  const db = await openChain({ template: tables });
  await db.publish();
  return db;
};

const found = ({ divergences }: Pick<VerificationReport, "divergences">): string[] =>
  divergences.map(({ check, eventKind, eventPk }) => `${check} ${eventKind} ${eventPk?.replace(/@.*/u, "")}`);
const accepted = ({ accepted: list }: VerificationReport): string[] => found({ divergences: list });

/** As `audit-chain accept` writes it. */
const accept = ({ divergences }: VerificationReport): Acceptance[] =>
  divergences.map((one) => {
    const { check, seq, eventKind = "", eventPk } = one;
    expect(whyNotAcceptable(one)).toBeUndefined();
    return { check, seq, eventKind, eventPk, actual: stateDigest(one), ...SIGNATURE };
  });

const policyOf = (entries: readonly Acceptance[]): Policy =>
  parsePolicy(formatPolicy({ ...parsePolicy('{"tables":{}}'), accepted: entries }));

const FORGED = `
  insert into public.orders values (77, 'loaded');
  update public.orders set item = 'edited' where id = 1;
  delete from public.orders where id = 2;
  insert into public.orders values (3, 'back');
  update public.facts set item = 'edited' where id = 9`;

const ALL = [
  "source_edited orders 1",
  "source_deleted orders 2",
  "source_edited facts 9",
  "source_edited orders:delete 3",
  "source_unchained orders 77",
];

async function forged(): Promise<{ db: ChainDatabase; entries: Acceptance[]; policy: Policy }> {
  const db = await open();
  await db.attack(FORGED);
  const report = await db.verify();
  expect(found(report)).toEqual(ALL);
  const entries = accept(report);
  return { db, entries, policy: policyOf(entries) };
}

test("what was accepted is shown apart, in text and in JSON, and is no tampering", async () => {
  const { db, policy } = await forged();
  const report = await db.verify({ policy });
  expect(report).toMatchObject({ status: "intact", divergences: [], divergenceCount: 0, firstDivergence: null });
  expect(report.checks.sources).toBe("ok");
  expect(accepted(report).toSorted()).toEqual(ALL.toSorted());
  const text = describeReport(report);
  expect(text).toMatch(/^INTACT; 5 accepted findings: /u);
  expect(text).toContain("accepted    source_unchained: orders 77\n    INC-7 (anna, 2026-11-21T09:00:00.000Z)");
  const json = JSON.parse(formatReport(report)) as { accepted: Record<string, unknown>[] };
  expect(json.accepted[0]).toMatchObject({ group: "sources", ...SIGNATURE });
  // Who has no such policy finds it all.
  expect(found(await db.verify())).toEqual(ALL);
});

test("the next honest change of an accepted row is none, whatever the row was; what it wrote is protected", async () => {
  const { db, policy } = await forged();
  await db.sql.unsafe(`
    update public.orders set item = 'x' where id in (1, 77);
    insert into public.orders values (2, 'again');
    delete from public.orders where id = 3`);
  await db.publish();
  const report = await db.verify({ policy });
  expect([report.status, accepted(report).toSorted()]).toEqual(["intact", ALL.toSorted()]);
  expect(found(await db.verify()).toSorted()).toEqual([
    "change_unrecorded orders:delete 3",
    "change_unrecorded orders:insert 2",
    "change_unrecorded orders:update 1",
    "change_unrecorded orders:update 77",
    "source_edited facts 9",
  ]);
  // Back to the very state that was accepted, which the chain has left since.
  await db.attack(
    "update public.orders set item = 'edited' where id = 1; update public.orders set item = 'loaded' where id = 77",
  );
  expect(found(await db.verify({ policy }))).toEqual([
    "source_edited orders:update 1",
    "source_edited orders:update 77",
  ]);
});

test.each([
  ["an edited row, edited again", "update public.orders set item = 'other' where id = 1", "source_edited orders 1"],
  ["an edited row, deleted", "delete from public.facts where id = 9", "source_deleted facts 9"],
  ["a deleted row, back as another", "insert into public.orders values (2, 'other')", "source_edited orders 2"],
  ["a loaded row, edited", "update public.orders set item = 'other' where id = 77", "source_unchained orders 77"],
  [
    "a row after its deletion, edited",
    "update public.orders set item = 'other' where id = 3",
    "source_edited orders:delete 3",
  ],
  [
    "another loaded row with the same content",
    "insert into public.orders values (78, 'loaded')",
    "source_unchained orders 78",
  ],
  [
    "another row with the same content",
    "update public.facts set item = 'edited' where id = 10",
    "source_edited facts 10",
  ],
  [
    "the keys of two rows swapped",
    "update public.orders set id = -id; update public.orders set id = 1 where id = -77; update public.orders set id = 77 where id = -1; update public.orders set id = 3 where id = -3",
    "source_edited orders 1|source_unchained orders 77",
  ],
])("an acceptance stands for no other state: %s", async (_, attack, finding) => {
  const { db, policy } = await forged();
  await db.attack(attack);
  const report = await db.verify({ policy });
  expect(report.status).toBe("tampered");
  expect(found(report)).toEqual(finding.split("|"));
});

test("an edit between the acceptance and an honest change is found at the change", async () => {
  const { db, policy } = await forged();
  await db.attack("update public.orders set item = 'other' where id = 1");
  await db.sql`update public.orders set item = 'x' where id = 1`;
  expect(found(await db.verify({ policy }))).toEqual(["change_unrecorded orders:update 1"]);
});

test("an entry for another key, link, kind or check than its state was accepted of has no effect", async () => {
  const { db, entries } = await forged();
  const spoilt = entries.map((entry) => ({
    ...entry,
    ...(entry.seq === undefined ? { eventPk: "78" } : { seq: entry.seq + 1n }),
  }));
  const report = await db.verify({ policy: policyOf(spoilt) });
  expect(found(report)).toEqual(ALL);
  expect(report.warnings.filter((warning) => warning.includes("accepts what is not there"))).toHaveLength(5);
  const others = entries.map((entry) => ({ ...entry, eventKind: "other" }));
  expect(found(await db.verify({ policy: policyOf(others) }))).toEqual(ALL);
});

test("what an attacker puts into the database is no acceptance", async () => {
  const { db } = await forged();
  const [row] = await db.sql<{ hash: string }[]>`
    select encode(sha256(convert_to('{"id":"1","item":"edited"}', 'UTF8')), 'hex') as hash`;
  await db.attack(forge("orders:record", "1@300", `decode('${row?.hash}', 'hex')`));
  await db.attack(forge("audit_chain_statement", "accepted"));
  await db.publish();
  expect(found(await db.verify())).toContain("source_edited orders 1");
});

test("thousands are accepted in one entry, which fits all of them as they were and nothing else", async () => {
  const db = await openChain({ template: tables });
  await db.publish({ seq: 100n });
  await db.publish();
  await db.attack("update public.facts set item = 'bulk' where id <= 150");
  const before = await db.verify();
  expect(before.many).toMatchObject([{ check: "source_edited", eventKind: "facts", count: 150 }]);
  const policy = policyOf(before.many.map((one) => ({ ...one, ...SIGNATURE })));
  const report = await db.verify({ policy });
  expect(report).toMatchObject({
    status: "intact",
    accepted: [{ check: "source_edited", eventKind: "facts", count: 150, ...SIGNATURE }],
  });
  expect(describeReport(report)).toContain("INTACT; 150 accepted findings");
  // A part of the chain has a part of them: that is no verdict.
  const part = await db.verify({ policy, startSeq: 1n, endSeq: 100n });
  expect(part).toMatchObject({ status: "unproven", range: { to: 100n }, divergences: [] });
  expect(part.unproven.join()).toContain("only a run over the whole chain can tell");
  for (const attack of [
    "update public.facts set item = 'other' where id = 7",
    "update public.facts set item = 'bulk' where id in (7, 151)",
    "update public.facts set item = 'f151' where id = 151; update public.facts set item = 'f7' where id = 7",
  ]) {
    await db.attack(attack);
    const after = await db.verify({ policy });
    expect([after.status, after.accepted]).toEqual(["tampered", []]);
  }
  await db.attack("update public.facts set item = 'bulk' where id = 7");
  expect((await db.verify({ policy })).status).toBe("intact");
});

test("what stands for a condition is not accepted, and the reason is said", () => {
  const message = "m";
  for (const check of [
    "trigger_missing",
    "catalog_changed",
    "access_mismatch",
    "sink_signature",
    "publisher_silent",
  ] as const)
    expect(whyNotAcceptable({ check, message })).toContain("a condition, not the state of a row");
  expect(whyNotAcceptable({ check: "gap", seq: 4n, message })).toContain("a link that no head can be signed over");
  expect(whyNotAcceptable({ check: "coverage_narrowed", seq: 4n, message })).toContain("policy --approve");
  expect(whyNotAcceptable({ check: "source_edited", eventKind: "t", eventPk: "1", message })).toContain(
    "names no link",
  );
  expect(whyNotAcceptable({ check: "source_unchained", eventKind: "t", message })).toContain("names no row");
});
