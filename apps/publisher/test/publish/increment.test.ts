// Scenario: a publication over more links than one COPY has, most of which are vouched for and not walked along.
import {
  appendLeaf,
  emptyFrontier,
  type Frontier,
  frontierRoot,
  leafHash,
  leafText,
  sameBytes,
} from "@scidex/audit-core";
import { expect, test } from "vitest";
import { type Log, openLog } from "../log.ts";

const LINKS = 25_000;

/** A log with a published head of three links, and many links since. */
async function grown(): Promise<Log> {
  const log = await openLog();
  await log.append("1", "2", "3");
  await log.publish();
  await log.sql`select count(*) from public.audit_chain_append_many(array_fill('note'::text, array[${LINKS}::int]),
    (select array_agg('n' || n order by n) from generate_series(1, ${LINKS}::int) as n),
    (select array_agg(sha256(convert_to('p' || n, 'UTF8')) order by n) from generate_series(1, ${LINKS}::int) as n))`;
  return log;
}

/** The tree of all links, leaf by leaf. */
async function treeOf({ sql }: Log): Promise<Frontier> {
  const rows = await sql<
    { seq: string; kind: string; pk: string; payload: Uint8Array; chain: Uint8Array; time: string }[]
  >`
    select seq, event_kind as kind, event_pk as pk, payload_hash as payload, chain_hash as chain,
           to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
      from public.audit_chain order by audit_chain.seq`;
  return rows.reduce((tree, { seq, kind, pk, payload, chain, time }) => {
    const leaf = { seq: BigInt(seq), eventKind: kind, eventPk: pk, payloadHash: payload, beforeHash: null };
    return appendLeaf(tree, leafHash(leafText({ ...leaf, chainHash: chain, appendedAt: time })));
  }, emptyFrontier);
}

test("the head of many links is that of their tree", async () => {
  const log = await grown();
  const seen: bigint[] = [];
  const result = await log.publish({ onProgress: (rows) => seen.push(rows) });
  expect(result).toMatchObject({ status: "intact", rows: LINKS, published: { seq: BigInt(LINKS + 3) } });
  // The first 10,000 and the last link are walked along, what is between them is vouched for in one go.
  expect(seen.filter((rows, i) => rows !== seen[i - 1])).toEqual([9_999n, BigInt(LINKS - 1), BigInt(LINKS)]);
  const root = frontierRoot(await treeOf(log));
  expect(log.heads().map((head) => sameBytes(head.root, root))).toEqual([false, true]);
});

test.each([
  [
    "a link that was changed",
    15_000,
    "update public.audit_chain set payload_hash = sha256('x') where seq = 15000",
    "event_hash",
  ],
  ["a link that is missing", 15_000, "delete from public.audit_chain where seq = 15000", "gap"],
  [
    "a time that was put forward",
    15_000,
    "update public.audit_chain set appended_at = appended_at + '1 us' where seq = 15000",
    "event_hash",
  ],
  ["a second row of a link that is vouched for", 15_000, twice(15_000), "duplicate"],
  ["a second row of the last link that is vouched for", LINKS + 2, twice(LINKS + 2), "duplicate"],
  ["a second row of the last link", LINKS + 3, twice(LINKS + 3), "duplicate"],
])("%s is found where it is", async (_, seq, sql, check) => {
  const log = await grown();
  await log.attack(sql);
  const { status, divergences } = await log.publish();
  expect(status).toBe("tampered");
  expect(divergences[0]).toMatchObject({ check, seq: BigInt(seq) });
  expect(log.heads().length).toBe(1);
});

function twice(seq: number): string {
  return `alter table public.audit_chain drop constraint audit_chain_pkey;
    create index on public.audit_chain (seq);
    insert into public.audit_chain select seq, event_kind, 'twice', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at
      from public.audit_chain where seq = ${seq}`;
}
