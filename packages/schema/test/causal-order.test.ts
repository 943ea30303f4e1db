// Events of one transaction and one key are linked in the order in which the row changed, whatever the order of triggers.
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, textArray } from "./database.ts";
import { expectWalk } from "./recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

/** An AFTER ROW trigger that fires before capture's own, and does what `body` says. */
const trigger = (name: string, table: string, events: string, body: string, when = "after") =>
  `create function ${name}() returns trigger language plpgsql as $$ begin ${body} end $$;
   create trigger "#${name}" ${when} ${events} on ${table} for each row execute function ${name}();`;

for (const mode of ["strict", "sealed"] as const) {
  const t = (name: string) => `${name}_${mode}`;

  test(`a sibling that a trigger changes first is linked last (${mode})`, async () => {
    const { sql, db } = database;
    const item = t("item");
    await sql.unsafe(
      `create table ${item} (id int primary key, v text);
       ${trigger(t("sibling"), item, "update", `if pg_trigger_depth() = 1 and new.id = 1 then update ${item} set v = v || '+sib' where id = 2; end if; return null;`)}`,
    );
    await attach(db, item, { mode, changes: "track" });
    await sql.unsafe(`insert into ${item} values (1, 'a0'), (2, 'b0'); update ${item} set v = replace(v, '0', '1')`);
    const captured = await sql`select count(*) from audit_chain_pending where event_kind = ${item}`;
    expect(Number(captured[0]?.["count"])).toBe(mode === "sealed" ? 5 : 0);
    expect((await expectWalk(sql, item)).get("2")).toEqual(["first", "update", "update"]);
  });

  test(`several steps, through repeated values, are put in order (${mode})`, async () => {
    const { sql, db } = database;
    const item = t("steps");
    // Row 2: the statement's own change is captured last, after four of the trigger's.
    await sql.unsafe(
      `create table ${item} (id int primary key, v text);
       ${trigger(
         t("flips"),
         item,
         "update",
         `if pg_trigger_depth() = 1 and new.id = 1 then
            update ${item} set v = 'A' where id = 2; update ${item} set v = 'B' where id = 2;
            update ${item} set v = 'A' where id = 2; update ${item} set v = 'C' where id = 2; end if; return null;`,
       )}`,
    );
    await attach(db, item, { mode, changes: "track" });
    await sql.unsafe(`insert into ${item} values (1, 'x'), (2, 'A'); update ${item} set v = 'B'`);
    expect((await expectWalk(sql, item)).get("2")).toHaveLength(6);
  });

  test(`a row that is changed and changed back begins where the chain has left it (${mode})`, async () => {
    const { sql, db } = database;
    const item = t("circles");
    await sql.unsafe(
      `create table ${item} (id text primary key, v text);
       ${trigger(t("back"), item, "update", `if pg_trigger_depth() = 1 and new.id like 'main%' then update ${item} set v = 'A' where id like 'other%'; end if; return null;`)}`,
    );
    await attach(db, item, { mode, changes: "track" });
    await sql.unsafe(`insert into ${item} values ('main', 'x'), ('other', 'A'), ('other@1', 'A'), ('other@', 'A')`);
    for (let i = 0; i < 12; i++) await sql.unsafe(`update ${item} set v = 'B'`);
    const walks = await expectWalk(sql, item);
    expect(walks.get("other")).toHaveLength(25);
    expect(walks.get("other@1")).toHaveLength(25);
    // In the order of capture, too: by the application's own two statements.
    await sql.unsafe(`update ${item} set v = 'B' where id = 'other'; update ${item} set v = 'A' where id = 'other'`);
    await sql.unsafe(
      `insert into ${item} values ('new', 'A'); delete from ${item} where id = 'new'; insert into ${item} values ('new', 'A')`,
    );
    expect((await expectWalk(sql, item)).get("new")).toEqual(["first", "delete", "insert"]);
  });

  test(`a key that a trigger inserts again as it was is linked after its deletion (${mode})`, async () => {
    const { sql, db } = database;
    const item = t("phoenix");
    await sql.unsafe(
      `create table ${item} (id int primary key, v text);
       ${trigger(t("again"), item, "delete", `insert into ${item} values (old.id, old.v); return null;`)}
       ${trigger(t("newer"), item, "insert", `if new.v = 'new' then update ${item} set v = 'newer' where id = new.id; end if; return null;`)}`,
    );
    await attach(db, item, { mode, changes: "track" });
    await sql.unsafe(`insert into ${item} values (1, 'a'), (2, 'new')`);
    await sql.unsafe(`delete from ${item}`);
    const walks = await expectWalk(sql, item);
    expect(walks.get("1")).toEqual(["first", "delete", "insert"]);
    expect(walks.get("2")).toEqual(["first", "update", "delete", "insert"]);
  });

  test(`position columns, counters, recursion, ON CONFLICT, MERGE, moved partitions and changed NEW keep their order (${mode})`, async () => {
    const { sql, db } = database;
    const [list, total, deep, part] = [t("list"), t("total"), t("deep"), t("part")];
    await sql.unsafe(
      `create table ${list} (id int primary key, place int, v text default '');
       ${trigger(t("shift"), list, "insert or update of place", `update ${list} set place = place + 1 where place = new.place and id <> new.id; return null;`)}
       create table ${total} (id int primary key, n int);
       ${trigger(t("count_up"), total, "insert or update", `if new.id <> 0 then update ${total} set n = n + new.n where id = 0; end if; return null;`)}
       create table ${deep} (id int primary key, n int);
       ${trigger(t("dive"), deep, "update", `if new.n < 5 then update ${deep} set n = new.n + 1 where id = new.id; end if; return null;`)}
       ${trigger(t("mark"), deep, "update", "if new.n = 5 then new.n := 50; end if; return new;", "before")}
       create table ${part} (id int not null, side text not null, v int, primary key (id, side)) partition by list (side);
       create table ${part}_l partition of ${part} for values in ('l'); create table ${part}_r partition of ${part} for values in ('r');
       ${trigger(t("sway"), part, "update", `if pg_trigger_depth() = 1 then update ${part} set v = v + 1 where id = new.id + 1; end if; return null;`)}
       create table ${part}_k (id int primary key, side text, v int);`,
    );
    for (const table of [list, total, deep, part]) await attach(db, table, { mode, changes: "track" });
    // Every row at the front pushes all the others.
    for (let i = 1; i <= 6; i++) await sql.unsafe(`insert into ${list} values (${i}, 1)`);
    await sql.unsafe(`update ${list} set place = 2 where id in (1, 2, 3)`);
    await sql.unsafe(
      `insert into ${list} values (3, 9, 'c'), (7, 1, 'n') on conflict (id) do update set place = 1, v = excluded.v`,
    );
    const [{ version } = { version: "0" }] = await sql<
      { version: string }[]
    >`select current_setting('server_version_num') as version`;
    if (Number(version) >= 150000)
      await sql.unsafe(`merge into ${list} as l using (values (1), (8)) as m (id) on l.id = m.id
        when matched then update set place = 1, v = 'merged' when not matched then insert values (m.id, 1, 'merged')`);
    await expectWalk(sql, list);
    await sql.unsafe(
      `insert into ${total} values (0, 0), (1, 1), (2, 2), (3, 3); update ${total} set n = n + 1; update ${total} set n = n * 2 where id > 0`,
    );
    await expectWalk(sql, total);
    await sql.unsafe(`insert into ${deep} values (1, 0), (2, 3); update ${deep} set n = n + 1`);
    expect((await expectWalk(sql, deep)).get("1")).toHaveLength(6);
    await sql.unsafe(`insert into ${part} select i, 'l', 0 from generate_series(1, 5) as i; update ${part} set v = v + 10;
      update ${part} set side = 'r' where id < 4; update ${part} set v = 7; update ${part} set side = 'l'`);
    await expectWalk(sql, part);
  });

  test(`changes of one key that a full batch would cut apart are put in order (${mode})`, async () => {
    const { sql, db } = database;
    const item = t("cut");
    await sql.unsafe(
      `create table ${item} (id int primary key, v int);
       ${trigger(t("touch"), item, "update", `if new.id = 1 and pg_trigger_depth() = 1 then update ${item} set v = v + 1 where id = 0; end if; return null;`)}`,
    );
    await attach(db, item, { mode, changes: "track" });
    const rows = mode === "sealed" ? 30 : 10_500;
    await sql.unsafe(
      `insert into ${item} select i, 0 from generate_series(1, ${rows}) as i; insert into ${item} values (0, 0); update ${item} set v = v + 1`,
    );
    if (mode === "sealed")
      for (let left = 1; left > 0;) left = (await sql<{ n: number }[]>`select audit_chain_seal(10) as n`)[0]?.n ?? 0;
    expect((await expectWalk(sql, item)).get("0")).toHaveLength(3);
  });
}

test("transactions keep their order where each changes the same row there and back", async () => {
  const { sql, db } = database;
  await sql.unsafe(
    `create table swing (id int primary key, v text);
     ${trigger("swing_back", "swing", "update", "if pg_trigger_depth() = 1 and new.id = 1 then update swing set v = new.v || '-' where id = 2; end if; return null;")}`,
  );
  await attach(db, "swing", { mode: "sealed", changes: "track" });
  await sql.unsafe("insert into swing values (1, 'a'), (2, 'a-')");
  for (const v of ["b", "a", "b", "b", "a", "a", "b"]) await sql.unsafe(`update swing set v = '${v}'`);
  await expectWalk(sql, "swing");
});

test("capture's order stays where no order fits, so that an edit past the trigger still shows", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table edited (id int primary key, v text)");
  await attach(db, "edited", { mode: "strict", changes: "track" });
  await sql.unsafe("insert into edited values (1, 'a')");
  await sql.unsafe(`update edited set v = 'b'; alter table edited disable trigger user; update edited set v = 'forged';
    alter table edited enable trigger user; update edited set v = 'c'`);
  const events = await sql<{ kind: string; meets: boolean | null }[]>`
    select event_kind as kind, before_hash = lag(payload_hash) over (order by seq) as meets from audit_chain where event_kind like 'edited%' order by seq`;
  expect(events.map(({ kind, meets }) => [kind, meets])).toEqual([
    ["edited", null],
    ["edited:update", true],
    ["edited:update", false],
  ]);
});

test("a trail leads through every event once, from where it must begin, or there is none", async () => {
  const trail = async (events: string, first: string | null = null) => {
    const ends = (i: number) => textArray(events.split(" ").map((e) => e[i] ?? "")).replaceAll('"_"', "null");
    const [row] = await database.sql<{ trail: number[] | null }[]>`
      select to_json(audit_chain_trail((select array_agg(convert_to(b, 'UTF8') order by n) from unnest(${ends(0)}::text[]) with ordinality as u (b, n)),
        (select array_agg(convert_to(a, 'UTF8') order by n) from unnest(${ends(1)}::text[]) with ordinality as u (a, n)), convert_to(${first}, 'UTF8'))) as trail`;
    return row?.trail ?? null;
  };
  expect(await trail("BC AB")).toEqual([2, 1]);
  expect(await trail("BA AB AB")).toEqual([2, 1, 3]);
  expect(await trail("BA AB", "A")).toEqual([2, 1]);
  expect(await trail("BA AB", "B")).toEqual([1, 2]);
  expect(await trail("BA AB", "X")).toEqual([1, 2]);
  expect(await trail("_B A_", "A")).toEqual([2, 1]);
  expect(await trail("_B B_", "A")).toEqual([1, 2]);
  expect(await trail("_B B_")).toEqual([1, 2]);
  expect(await trail("AB CD")).toBeNull();
  expect(await trail("AB BA CD DC", "A")).toBeNull();
  expect(await trail("AB AC")).toBeNull();
  expect(await trail("_A _B")).toBeNull();
  expect(await trail("AB BC CA BD DB", "A")).toEqual([1, 4, 5, 2, 3]);
});
