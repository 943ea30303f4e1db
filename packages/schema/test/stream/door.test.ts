/** The door of the mode `stream`: batches, each once, with their position. The write-ahead log itself is the publisher's. */
import type { TestDatabase } from "@scidex/audit-testkit";
import type { Sql } from "postgres";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { attach, type AnyPgDatabase } from "../../src/index.ts";
import { chainDatabase, stateOf } from "../database.ts";

let database: TestDatabase & { readonly db: AnyPgDatabase };
let sql: Sql;
/** The id of the newest position. */
let at: string;

beforeEach(async () => {
  database = await chainDatabase();
  ({ sql } = database);
  onTestFinished(async () => database.drop());
  await sql.unsafe("create table t (id int primary key, note text)");
  await sql`select public.audit_chain_publication('t')`;
  await sql`select from pg_create_logical_replication_slot(${database.name}, 'pgoutput')`;
  await follow(null, "0/100");
  await attach(database.db, "t", { mode: "stream", changes: "track" });
});

async function follow(before: string | null, lsn: string): Promise<void> {
  const [row] = await sql<{ id: string }[]>`
    select public.audit_chain_follow(${before}::bigint, ${database.name}, array(select pubname::text from pg_publication), ${lsn}::pg_lsn, null) as id`;
  at = row?.id ?? "";
}

interface Event {
  readonly op?: "insert" | "update" | "delete";
  readonly pk: string;
  readonly now?: string;
  readonly was?: string;
  readonly kind?: string;
}

const hash = (text: string | undefined) => (text === undefined ? null : text.repeat(32).slice(0, 32));

/** Links a batch, and returns the seqs of its events. */
async function link(events: readonly Event[], to: string, before: string = at): Promise<(string | null)[]> {
  const rows = events.map(({ kind = "t", pk, now, was, op = "insert" }) => ({
    kind,
    pk,
    op,
    payload: hash(now ?? was),
    before: op === "insert" ? null : hash(was),
  }));
  const [row] = await sql<{ seqs: string }[]>`
    select public.audit_chain_stream(${before}::bigint, ${to}::pg_lsn, null, 0, array_agg(kind order by n), array_agg(pk order by n),
      array_agg(convert_to(payload, 'UTF8') order by n), array_agg(convert_to(before, 'UTF8') order by n), array_agg(op order by n))::text as seqs
    from (select e.*, o.n from jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) with ordinality as o(item, n)
      cross join lateral jsonb_to_record(o.item) as e(kind text, pk text, op text, payload text, before text)) as events`;
  const seqs = (row?.seqs ?? "{}").slice(1, -1).split(",");
  at = seqs.pop() ?? "";
  return seqs.map((seq) => (seq === "NULL" ? null : seq));
}

const chained = async () =>
  await sql<{ kind: string; pk: string }[]>`
    select event_kind as kind, event_pk as pk from audit_chain where event_kind like 't%' order by seq`;

test("a batch is linked in its order, changes by their own seq, and the position with it", async () => {
  expect(
    await link(
      [
        { pk: "1", now: "a" },
        { pk: "1", op: "update", now: "b", was: "a" },
        { pk: "1", op: "delete", was: "b" },
      ],
      "0/200",
    ),
  ).toEqual(["2", "3", "4"]);
  expect(await chained()).toEqual([
    { kind: "t", pk: "1" },
    { kind: "t:update", pk: "1@3" },
    { kind: "t:delete", pk: "1@4" },
  ]);
  const positions = await sql`select linked_to::text, slot from audit_chain_position`;
  expect([...positions]).toEqual([{ linked_to: "0/200", slot: database.name }]);
});

test("a batch that comes twice is linked once: it does not go on from where the first has ended", async () => {
  const before = at;
  await link([{ pk: "1", now: "a" }], "0/200");
  expect(await stateOf(link([{ pk: "1", now: "a" }], "0/200", before))).toBe("55006");
  expect(await chained()).toHaveLength(1);
});

test("a key that is used again is an insert of its own; what the chain has already is passed over", async () => {
  await link([{ pk: "1", now: "a" }], "0/200");
  expect(
    await link(
      [
        { pk: "1", now: "a" },
        { pk: "2", now: "b" },
      ],
      "0/300",
    ),
  ).toEqual([null, "3"]);
  expect(
    await link(
      [
        { pk: "1", op: "delete", was: "a" },
        { pk: "1", now: "a" },
        { pk: "3", now: "c" },
        { pk: "3", op: "delete", was: "c" },
        { pk: "3", now: "d" },
      ],
      "0/400",
    ),
  ).toEqual(["4", "5", "6", "7", "8"]);
  expect((await chained()).map(({ kind, pk }) => `${kind} ${pk}`)).toEqual([
    "t 1",
    "t 2",
    "t:delete 1@4",
    "t:insert 1@5",
    "t 3",
    "t:delete 3@7",
    "t:insert 3@8",
  ]);
});

test("a change that does not go on from what the chain has is linked, and told by a negative seq", async () => {
  await link(
    [
      { pk: "1", now: "a" },
      { pk: "2", now: "b" },
    ],
    "0/200",
  );
  expect(
    await link(
      [
        { pk: "1", op: "update", now: "c", was: "x" },
        { pk: "1", op: "update", now: "d", was: "c" },
        { pk: "2", op: "delete", was: "b" },
        { pk: "3", op: "delete", was: "z" },
      ],
      "0/300",
    ),
  ).toEqual(["-4", "5", "6", "-7"]);
  // A key whose row has not been seen to go.
  expect(await link([{ pk: "1", now: "e" }], "0/400")).toEqual(["-8"]);
});

test("without the row of before, the newest event of the key is taken for it", async () => {
  await link(
    [
      { pk: "1", now: "a" },
      { pk: "2", now: "b" },
    ],
    "0/200",
  );
  expect(
    await link(
      [
        { pk: "1", op: "update", now: "c" },
        { pk: "1", op: "update", now: "c" },
        { pk: "1", op: "delete" },
        { pk: "2", op: "update", now: "b" },
        { pk: "9", op: "delete" },
      ],
      "0/300",
    ),
  ).toEqual(["4", null, "5", null, null]);
  const linked = await sql<{ text: string }[]>`
    select concat(event_pk, ' ', left(convert_from(before_hash, 'UTF8'), 1), left(convert_from(payload_hash, 'UTF8'), 1)) as text
      from audit_chain where seq >= 4 order by seq`;
  expect(linked.map(({ text }) => text)).toEqual(["1@4 ac", "1@5 cc"]);
});

test("the door is for tables in this mode, forward, and from the newest position", async () => {
  expect(await stateOf(link([{ kind: "other", pk: "1", now: "a" }], "0/200"))).toBe("AC003");
  expect(await stateOf(link([{ kind: "audit_chain_config", pk: "9", now: "a" }], "0/200"))).toBe("AC003");
  expect(await stateOf(link([{ kind: "t:record", pk: "9", now: "a" }], "0/200"))).toBe("AC003");
  expect(await stateOf(link([{ pk: "1", now: "a" }], "0/50"))).toBe("22023");
  expect(await stateOf(link([{ pk: "1", now: "a" }], "0/200", "77"))).toBe("55006");
  await sql.unsafe("update audit_chain_position set system_identifier = 1");
  expect(await stateOf(link([{ pk: "1", now: "a" }], "0/200"))).toBe("55000");
  expect(await chained()).toEqual([]);
});

test("beginning at another place, slot or server is a gap in the chain, beginning where one was is none", async () => {
  const gaps = async () =>
    (
      await sql<
        { pk: string }[]
      >`select event_pk as pk from audit_chain where event_kind = 'audit_chain_gap' order by seq`
    ).map(({ pk }) => pk);
  await follow(at, "0/100");
  expect(await gaps()).toEqual([]);
  await follow(at, "0/500");
  await sql.unsafe("update audit_chain_position set system_identifier = 1");
  await follow(at, "0/500");
  expect(await gaps()).toEqual(["0/100 0/500 3", "0/500 0/500 4"]);
});

test("writers of the table stage nothing, and its configuration changes only when all of it is linked", async () => {
  await sql.unsafe("insert into t values (1, 'a'); update t set note = 'b'; delete from t");
  expect((await sql`select from audit_chain_pending`).length).toBe(0);
  expect(await stateOf(sql.unsafe("truncate t"))).toBe("AC004");
  // Nobody follows the log: it stays as it is.
  const impatient = sql.begin(async (tx) => {
    await tx`set local lock_timeout = 300`;
    await tx`select audit_chain_attach('t', mode => 'sealed')`;
  });
  expect(await stateOf(impatient)).toBe("55P03");
  // Linked up to a place that has not been written yet, as if it were.
  await link([], "FFFF/0");
  await sql`select audit_chain_attach('t', mode => 'sealed')`;
  await sql.unsafe("insert into t values (2, 'a')");
  expect((await sql`select from audit_chain_pending`).length).toBe(1);
  expect((await sql`select from pg_publication_rel`).length).toBe(0);
});

test("attach says what is missing, and changes nothing", async () => {
  await sql.unsafe("create table other (id int primary key)");
  await sql`alter publication ${sql((await sql`select pubname from pg_publication`)[0]?.["pubname"] as string)} rename to audit_chain_new`;
  expect(await stateOf(sql`select audit_chain_attach('other', mode => 'stream')`)).toBe("AC002");
  expect((await sql`select from pg_trigger where tgrelid = 'other'::regclass`).length).toBe(0);
});
