import { blindKey, fromHex } from "@scidex/audit-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach, planAttach } from "../../src/index.ts";
import { chainDatabase, connect, stateOf } from "../database.ts";
import { expectIntact } from "../recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

const secretOf = async (kind: string) => {
  const [row] = await database.sql<{ secret: string }[]>`
    select encode(secret, 'hex') as secret from audit_chain_secret where event_kind = ${kind}`;
  return fromHex(row?.secret ?? "");
};
const linksOf = async (kind: string) =>
  await database.sql<{ seq: string; kind: string; pk: string }[]>`
    select seq::text, event_kind as kind, event_pk as pk from audit_chain
     where event_kind = ${kind} or event_kind like ${`${kind}:%`} order by audit_chain.seq`;

for (const mode of ["strict", "sealed"] as const) {
  test(`events are keyed by the HMAC of the row's key under the table's secret (${mode})`, async () => {
    const { sql, db } = database;
    const [one, two] = [`people_${mode}`, `pairs_${mode}`];
    await sql.unsafe(
      `create table ${one} (mail text primary key, name text); create table ${two} (a text, b int, v text, primary key (a, b))`,
    );
    expect(await attach(db, one, { mode, changes: "track", blindKey: true })).toMatchObject({
      blind_key: true,
      salt: false,
    });
    await attach(db, two, { mode, blindKey: true });
    await sql.unsafe(`insert into ${one} values ('zoë@example.org', 'Zoë'), ('%3$L', 'odd'); update ${one} set name = 'Z.' where name = 'Zoë';
      update ${one} set mail = 'z@example.org' where name = 'Z.'; delete from ${one} where name = 'odd'; insert into ${one} values ('%3$L', 'again')`);
    await sql.unsafe(`insert into ${two} values ('x"y', 1, 'v'), ('z', 2, 'w')`);
    await sql`select audit_chain_seal(1000)`;
    const secret = await secretOf(one);
    const blind = (key: string) => blindKey(secret, key);
    expect(secret).toHaveLength(32);
    expect(await secretOf(two)).not.toEqual(secret);
    const links = await linksOf(one);
    expect(links.map(({ kind, pk }) => [kind, pk])).toEqual([
      [one, blind("zoë@example.org")],
      [one, blind("%3$L")],
      [`${one}:update`, `${blind("zoë@example.org")}@${links[2]?.seq}`],
      [`${one}:delete`, `${blind("zoë@example.org")}@${links[3]?.seq}`],
      [one, blind("z@example.org")],
      [`${one}:delete`, `${blind("%3$L")}@${links[5]?.seq}`],
      [`${one}:insert`, `${blind("%3$L")}@${links[6]?.seq}`],
    ]);
    const pairs = await secretOf(two);
    expect((await linksOf(two)).map(({ pk }) => pk)).toEqual(
      ['["x\\"y","1"]', '["z","2"]'].map((key) => blindKey(pairs, key)),
    );
    // Everybody can read a function's source.
    const [source] = await sql`select string_agg(prosrc, '') as text from pg_proc where prosrc like '%people%'`;
    expect(String(source?.["text"])).not.toContain(Buffer.from(secret).toString("hex"));
    await expectIntact(sql);
  });
}

test("hand-written triggers and renamed keys are blinded, too, and long keys are refused", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table byhand (id text primary key)");
  await attach(db, "byhand", { mode: "strict", blindKey: true });
  await sql.unsafe(`alter table byhand disable trigger audit_chain_capture;
    create trigger mine after insert on byhand for each row execute function audit_chain_append('byhand'); insert into byhand values ('k1');
    alter table byhand enable trigger audit_chain_capture; alter table byhand rename id to key; insert into byhand values ('k2')`);
  const secret = await secretOf("byhand");
  expect((await linksOf("byhand")).map(({ pk }) => pk)).toEqual([blindKey(secret, "k1"), blindKey(secret, "k2")]);
  expect(await stateOf(sql`insert into byhand values (repeat('x', 2001))`)).toBe("AC005");
});

test("blinding is decided at the first attachment, also of a kind that was detached", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table clear (id int primary key); create table blind (id int primary key)");
  expect(await attach(db, "clear", { mode: "strict" })).toMatchObject({ blind_key: false });
  await attach(db, "blind", { mode: "strict", blindKey: true });
  const secret = await secretOf("blind");
  const refused = async (table: string, blind: boolean) =>
    await stateOf(sql`select audit_chain_attach(${table}::regclass, blind_key => ${blind})`);
  expect(await refused("clear", true)).toBe("22023");
  expect(await refused("blind", false)).toBe("22023");
  await sql`select audit_chain_detach('blind')`;
  expect(await refused("blind", false)).toBe("22023");
  expect(await attach(db, "blind", { mode: "sealed" })).toMatchObject({ blind_key: true });
  expect(await secretOf("blind")).toEqual(secret);
  expect(await refused("clear", false)).toBeUndefined();
  expect((await planAttach(db, "clear", { blindKey: true, salt: false })).statement).toContain(
    "salt => false, blind_key => true",
  );
});

test("without its secret a table takes no rows, and nobody changes the secret through the front door", async () => {
  const { sql, db, url } = database;
  await sql.unsafe("create table lost (id int primary key)");
  await attach(db, "lost", { mode: "strict", blindKey: true });
  for (const statement of [
    "update audit_chain_secret set secret = sha256('mine')",
    "delete from audit_chain_secret",
    "truncate audit_chain_secret",
  ])
    expect([statement, await stateOf(sql.unsafe(statement))]).toEqual([statement, "AC004"]);
  await using client = connect(url);
  await client.sql.unsafe(
    "set session_replication_role = replica; delete from audit_chain_secret where event_kind = 'lost'",
  );
  expect(await stateOf(sql`insert into lost values (1)`)).toBe("AC002");
});

test("the backfill's door takes blinded keys of a blinded table, and no others", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table filled (id int primary key); insert into filled values (1)");
  await attach(db, "filled", { mode: "strict", blindKey: true });
  const door = async (pk: string) =>
    await stateOf(sql`select audit_chain_adopt('filled', array[${pk}], array[sha256('x')])`);
  expect(await door("1")).toBe("AC005");
  expect(await door(blindKey(await secretOf("filled"), "1"))).toBeUndefined();
});
