/** Tables whose payloads are salted: what is recorded of a row says nothing once its salt is gone. */
import { blindKey, payloadHash, toHex } from "@scidex/audit-core";
import { createLogin } from "@scidex/audit-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach, planAttach } from "../../src/index.ts";
import { chainDatabase, connect, stateOf } from "../database.ts";
import { expectIntact } from "../recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

const seal = async () => await database.sql`select audit_chain_seal(1000)`;
/** The salts of a kind by key, as hex. */
async function saltsOf(kind: string): Promise<Map<string, string>> {
  const rows = await database.sql<{ pk: string; salt: string }[]>`
    select event_pk as pk, encode(salt, 'hex') as salt from audit_chain_salt where event_kind = ${kind} order by event_pk`;
  return new Map(rows.map(({ pk, salt }) => [pk, salt]));
}
const linksOf = async (kind: string) =>
  await database.sql<{ kind: string; pk: string; hash: string; before: string | null }[]>`
    select event_kind as kind, event_pk as pk, encode(payload_hash, 'hex') as hash, encode(before_hash, 'hex') as before
      from audit_chain where split_part(event_kind, ':', 1) = ${kind} order by audit_chain.seq`;
const hashOf = (payload: object, salt: string | undefined) =>
  toHex(payloadHash(payload, Buffer.from(salt ?? "", "hex")));

for (const mode of ["strict", "sealed"] as const) {
  test(`a row has one salt of its own, and all its events are under it (${mode})`, async () => {
    const { sql, db } = database;
    const kind = `tracked_${mode}`;
    await sql.unsafe(`create table ${kind} (id int primary key, v text)`);
    expect(await attach(db, kind, { mode, changes: "track", salt: true })).toMatchObject({ salt: true });
    await sql.unsafe(
      `insert into ${kind} values (1, 'a'), (2, 'a'); update ${kind} set v = 'é' where id = 1; delete from ${kind} where id = 2`,
    );
    await seal();
    const salts = await saltsOf(kind);
    expect([...salts.keys()]).toEqual(["1", "2"]);
    expect(new Set(salts.values()).size).toBe(2);
    const [first, second] = [salts.get("1"), salts.get("2")];
    expect((await linksOf(kind)).map(({ hash, before }) => [hash, before])).toEqual([
      [hashOf({ id: "1", v: "a" }, first), null],
      [hashOf({ id: "2", v: "a" }, second), null],
      [hashOf({ id: "1", v: "é" }, first), hashOf({ id: "1", v: "a" }, first)],
      [hashOf({ id: "2", v: "a" }, second), hashOf({ id: "2", v: "a" }, second)],
    ]);
    await expectIntact(sql);
  });
}

test("many rows in one statement, rows in partitions and rows under blinded keys are salted", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table bulk (id int primary key, v text, w text default 'w');
    create table parts (id int primary key) partition by range (id); create table parts_1 partition of parts default;
    create table people (mail text primary key)`);
  await attach(db, "bulk", { salt: true, mode: "sealed" });
  await attach(db, "parts", { salt: true, mode: "strict" });
  await attach(db, "people", { salt: true, blindKey: true, mode: "strict" });
  await sql.unsafe(`insert into bulk select i, i::text from generate_series(1, 500) as i; insert into parts_1 values (7);
    insert into people values ('zoë@example.org')`);
  await seal();
  const salts = await saltsOf("bulk");
  expect(new Set(salts.values()).size).toBe(500);
  expect(await linksOf("bulk")).toEqual(
    Array.from({ length: 500 }, (_, i) => i + 1).map((id) => ({
      kind: "bulk",
      pk: `${id}`,
      hash: hashOf({ id: `${id}`, v: `${id}`, w: "w" }, salts.get(`${id}`)),
      before: null,
    })),
  );
  expect((await linksOf("parts"))[0]?.hash).toBe(hashOf({ id: "7" }, (await saltsOf("parts")).get("7")));
  const [row] = await sql<{ secret: Uint8Array }[]>`select secret from audit_chain_secret where event_kind = 'people'`;
  const blinded = blindKey(row?.secret ?? new Uint8Array(), "zoë@example.org");
  expect((await linksOf("people"))[0]?.hash).toBe(
    hashOf({ mail: "zoë@example.org" }, (await saltsOf("people")).get(blinded)),
  );
});

test("a row is retired and erased with its salt, and its key may be used again under another one", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table left_by (id int primary key, v text)");
  await attach(db, "left_by", { salt: true, mode: "strict", retention: "PT1S" });
  await sql.unsafe("insert into left_by values (1, 'a')");
  await sql`select pg_sleep(1.1)`;
  await sql.unsafe("insert into left_by values (2, 'b'), (3, 'c')");
  const before = await saltsOf("left_by");
  expect(await sql`select retired, different from audit_chain_retire('left_by', 'PT1S')`).toEqual([
    { retired: 1, different: 0 },
  ]);
  expect(await sql`select audit_chain_erase('left_by', '2') as erased`).toEqual([{ erased: true }]);
  expect([...(await saltsOf("left_by")).keys()]).toEqual(["3"]);
  const links = await linksOf("left_by");
  expect(links.map(({ kind }) => kind)).toEqual(["left_by", "left_by", "left_by", "left_by:retire", "left_by:erase"]);
  expect(links[3]?.hash).toBe(links[0]?.hash);
  expect(links[4]?.hash).toBe(links[1]?.hash);
  // Used again by the same row: what is recorded of it is another hash, which nobody can tell from another row's.
  expect(await stateOf(sql`insert into left_by values (2, 'b')`)).toBe("AC001");
  expect(before.get("2")).toBeDefined();
  // A row whose salt is gone is none that may leave.
  await sql`delete from audit_chain_salt where event_kind = 'left_by'`;
  expect(await stateOf(sql`select audit_chain_erase('left_by', '3')`)).toBe("AC004");
  await expectIntact(sql);
});

test("what is recorded of a row that is gone is forgotten, and of none that is there", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table gone (id int primary key, v text) partition by range (id);
    create table gone_1 partition of gone for values from (0) to (10); create table gone_2 partition of gone for values from (10) to (20)`);
  await attach(db, "gone", { salt: true, changes: "track", mode: "strict" });
  await sql.unsafe(
    "insert into gone values (1, 'a'), (2, 'b'), (11, 'c'); delete from gone where id = 1; drop table gone_2",
  );
  const forget = async (pk: string) => {
    const [row] = await sql<{ had: boolean }[]>`select audit_chain_forget('gone', ${pk}) as had`;
    return row?.had;
  };
  expect([...(await saltsOf("gone")).keys()]).toEqual(["1", "11", "2"]);
  expect(await stateOf(forget("2"))).toBe("55006");
  expect([await forget("1"), await forget("1"), await forget("11")]).toEqual([true, false, true]);
  expect([...(await saltsOf("gone")).keys()]).toEqual(["2"]);
  expect(
    await stateOf(
      sql.begin("isolation level repeatable read", async (tx) => await tx`select audit_chain_forget('gone', '1')`),
    ),
  ).toBe("25000");
});

test("who puts a row back while its salt is being forgotten gets another one", async () => {
  const { sql, db, url } = database;
  await sql.unsafe("create table raced (id int primary key, v text)");
  await attach(db, "raced", { salt: true, changes: "track", mode: "strict" });
  await sql.unsafe("insert into raced values (1, 'a'); delete from raced");
  await using other = connect(url);
  let forgotten: Promise<unknown> | undefined;
  await sql.begin(async (tx) => {
    await tx`insert into raced values (1, 'b')`;
    forgotten = stateOf(other.sql`select audit_chain_forget('raced', '1')`);
    await tx`select pg_sleep(0.3)`;
  });
  // The row is there by then.
  expect(await forgotten).toBe("55006");
  const salts = await saltsOf("raced");
  expect((await linksOf("raced")).at(-1)?.hash).toBe(hashOf({ id: "1", v: "b" }, salts.get("1")));
});

test("who is no writer of ours reads and takes no salts, and one that is there is kept", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table planted (id int primary key, v text)");
  await attach(db, "planted", { salt: true, mode: "strict" });
  const salt = "00".repeat(16);
  await sql`insert into audit_chain_salt values ('planted', '1', decode(${salt}, 'hex'))`;
  await sql`insert into planted values (1, 'a')`;
  expect((await linksOf("planted"))[0]?.hash).toBe(hashOf({ id: "1", v: "a" }, salt));
  for (const odd of ["", "00", "00".repeat(15), "00".repeat(17)])
    expect(await stateOf(sql`insert into audit_chain_salt values ('planted', '2', decode(${odd}, 'hex'))`)).toBe(
      "23514",
    );
  const login = await createLogin(sql);
  await sql.unsafe(`grant all on planted to "${login.name}"`);
  await using client = connect(login.url);
  for (const call of [
    "select from audit_chain_salt",
    "select audit_chain_salted('planted', '1', '')",
    "select audit_chain_row_hash('planted', '1', '')",
    "select audit_chain_forget('planted', '9')",
    "select audit_chain_forget_salt('planted', '1')",
  ])
    expect([call, await stateOf(client.sql.unsafe(call))]).toEqual([call, "42501"]);
  expect(await stateOf(client.sql`insert into planted values (2, 'b')`)).toBeUndefined();
});

test("whether payloads are salted is decided at first, as its key is, and not for the mode stream", async () => {
  const { sql, db } = database;
  await sql.unsafe(
    `create table late (id int primary key, other int not null unique); create table plain (id int primary key)`,
  );
  expect((await planAttach(db, "late", { salt: true })).captureFunction).toContain("audit_chain_salted");
  await attach(db, "late", { salt: true });
  await attach(db, "plain");
  expect(await stateOf(sql`select audit_chain_attach('late', salt => false)`)).toBe("22023");
  expect(await stateOf(sql`select audit_chain_attach('plain', salt => true)`)).toBe("22023");
  expect(await stateOf(sql`select audit_chain_attach('late', key => '{other}')`)).toBe("0A000");
  expect(await attach(db, "late", { mode: "strict" })).toMatchObject({ salt: true, mode: "strict" });
  await sql.unsafe("alter table late rename id to number");
  expect(await attach(db, "late")).toMatchObject({ salt: true, key: ["number"] });
  await sql`insert into late values (1, 1)`;
  expect((await linksOf("late"))[0]?.hash).toBe(hashOf({ id: "1", other: "1" }, (await saltsOf("late")).get("1")));
  expect(await stateOf(sql`select audit_chain_attach('late', mode => 'stream')`)).toBe("0A000");
});
