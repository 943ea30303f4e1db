// Scenario: the publisher's doors, through which rows are recorded anew and a statement of that is chained.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, stateOf } from "./database.ts";
import { expectIntact } from "./recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
  await database.sql.unsafe("create table notes (id text primary key, a text)");
  await attach(database.db, "notes", { changes: "track", mode: "sealed" });
});
afterAll(async () => database.drop());

const hash = (text: string) => createHash("sha256").update(text).digest("hex");

/** Records these keys, with hashes of texts. */
async function record(keys: readonly string[], asOf: bigint, kind = "notes", texts = keys) {
  const [row] = await database.sql.unsafe<{ size: string; recorded: number; changed: string[] }[]>(
    `select r.size::text, r.recorded, to_json(r.changed) as changed
       from audit_chain_record($1, (select array_agg(k) from json_array_elements_text($2::text::json) as k),
              (select array_agg(sha256(convert_to(k, 'UTF8'))) from json_array_elements_text($3::text::json) as k),
              (select array_agg(sha256(convert_to(k, 'UTF8'))) from json_array_elements_text($2::text::json) as k), $4::bigint) as r`,
    [kind, JSON.stringify(keys), JSON.stringify(texts), String(asOf)],
  );
  return row === undefined ? undefined : { size: BigInt(row.size), recorded: row.recorded, changed: row.changed };
}

const recorded = async () =>
  (
    await database.sql<{ pk: string; seq: string }[]>`
      select event_pk as pk, seq from audit_chain where event_kind = 'notes:record' order by seq`
  ).map(({ pk, seq }) => pk.replace(`@${seq}`, "@"));

const size = async (): Promise<bigint> =>
  BigInt((await database.sql<{ n: string }[]>`select max(seq) as n from audit_chain`)[0]?.n ?? 0);

test("rows are recorded behind what they were compared with, keyed by their own seqs", async () => {
  const { sql } = database;
  await sql.unsafe("insert into notes values ('1', 'x'), ('2@7', 'y'), ('3', 'z')");
  await sql`select audit_chain_seal(100)`;
  const before = await size();
  const result = await record(["1", "2@7"], before, "notes", ["one", "two"]);
  expect(result).toEqual({ size: before + 2n, recorded: 2, changed: [] });
  expect(await recorded()).toEqual(["1@", "2@7@"]);
  const [link] = await sql`select payload_hash, before_hash from audit_chain where seq = ${String(before + 1n)}`;
  expect([link?.["payload_hash"], link?.["before_hash"]].map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual([
    hash("one"),
    hash("1"),
  ]);
  await expectIntact(sql);
});

test("a key with a newer event, or one that waits to be linked, is passed over", async () => {
  const { sql } = database;
  const before = await size();
  await sql.unsafe("update notes set a = 'xx' where id = '1'; delete from notes where id = '2@7'");
  await sql`select audit_chain_seal(100)`;
  await sql.unsafe("update notes set a = 'zz' where id = '3'");
  expect(await record(["1", "2@7", "3"], before)).toEqual({
    size: before + 2n,
    recorded: 0,
    changed: expect.arrayContaining(["1", "2@7"]) as string[],
  });
  expect(await recorded()).toEqual(["1@", "2@7@"]);
  // The next call goes on from there: what was told before is the caller's to remember.
  expect((await record(["3"], before + 2n))?.changed).toEqual([]);
  await sql`select audit_chain_seal(100)`;
  const now = await size();
  expect(await record(["3"], now)).toEqual({ size: now + 1n, recorded: 1, changed: [] });
  // Somebody else has recorded it meanwhile.
  expect(await record(["3"], now)).toEqual({ size: now + 1n, recorded: 0, changed: ["3"] });
  await expectIntact(sql);
});

test("of many rows those are passed over that have changed, whatever their keys are, and the others keep their order", async () => {
  const { sql } = database;
  const keys = ['b"x', "a\\y", "{c,d}", "NULL", "", "é"];
  for (const key of keys) await sql`insert into notes values (${key}, 'x')`;
  await sql`select audit_chain_seal(100)`;
  const before = await size();
  await sql`update notes set a = 'y' where id = 'NULL'`;
  await sql`select audit_chain_seal(100)`;
  const kept = keys.filter((key) => key !== "NULL");
  expect(await record(keys, before)).toEqual({ size: before + 6n, recorded: 5, changed: ["NULL"] });
  const seqs = kept.map((key, i) => `${key}@${before + 2n + BigInt(i)}`);
  expect(
    (await sql`select event_pk from audit_chain where seq > ${String(before + 1n)} order by seq`).map(
      (row) => row["event_pk"],
    ),
  ).toEqual(seqs);
  // Nothing has changed since: the rows come as they are.
  expect(await record(keys, before + 6n)).toEqual({ size: before + 12n, recorded: 6, changed: [] });
  await expectIntact(sql);
});

test("arrays that do not begin at 1, or have several dimensions, are read by position", async () => {
  const { sql } = database;
  const before = await size();
  const shifted = "'[0:1]={p,q}'::text[]";
  const hashes = "array[sha256('1'), sha256('2')]";
  const call = (pks: string) =>
    sql.unsafe(`select (audit_chain_record('notes', ${pks}, ${hashes}, ${hashes}, ${before})).recorded`);
  expect((await call(shifted))[0]?.["recorded"]).toBe(2);
  expect((await recorded()).slice(-2)).toEqual(["p@", "q@"]);
  await expectIntact(sql);
});

test("nothing but an attached table is recorded, and nothing out of bounds", async () => {
  const { sql } = database;
  const now = await size();
  expect(await stateOf(record(["1"], now, "other"))).toBe("AC002");
  expect(await stateOf(record(["1"], now, "audit_chain_config"))).toBe("AC002");
  expect(await stateOf(record(["x".repeat(2001)], now))).toBe("AC005");
  expect(await stateOf(sql`select audit_chain_record('notes', '{1}', '{}', '{}', 1)`)).toBe("22023");
  expect(await size()).toBe(now);
});

test("a statement is chained once, under its hash", async () => {
  const { sql } = database;
  const note = hash("a note");
  const chain = async () =>
    (
      await sql<{ seq: string; kind: string; pk: string }[]>`
      select s.seq, s.event_kind as kind, s.event_pk as pk from audit_chain_statement(decode(${note}, 'hex')) as s`
    )[0];
  const first = await chain();
  expect(first).toMatchObject({ kind: "audit_chain_statement", pk: note });
  expect(await chain()).toEqual(first);
  expect(await stateOf(sql`select audit_chain_statement('\\x00')`)).toBe("22023");
  await expectIntact(sql);
});
