import { setTimeout as sleep } from "node:timers/promises";
import { sqlState } from "@scidex/audit-core";
import { type AnyPgDatabase, attach } from "@scidex/audit-schema";
import type { Sql, TransactionSql } from "postgres";
import { connect } from "./audited-database.ts";

/** Audited tables of each sort. `noise` is not covered; `parts` has a composite key. */
const TABLES = `
  create table strict_rows (id text primary key, body text, noise int default 1);
  create table sealed_rows (id text primary key, body text, noise int default 1);
  create table tracked_rows (id text primary key, body text, noise int default 1);
  create table parts (id text, part int, body text, primary key (id, part)) partition by range (part);
  create table parts_0 partition of parts for values from (0) to (10);`;

export async function createBusyTables(sql: Sql, db: AnyPgDatabase): Promise<void> {
  await sql.unsafe(TABLES);
  await attach(db, "strict_rows", { mode: "strict", exclude: ["noise"] });
  await attach(db, "sealed_rows", { mode: "sealed", exclude: ["noise"] });
  await attach(db, "tracked_rows", { mode: "sealed", changes: "track", exclude: ["noise"] });
  await attach(db, "parts", { mode: "strict" });
}

const LEVELS = ["read committed", "repeatable read", "serializable"] as const;

/** What an application asks for again: serialisation failures, deadlocks, and a cached plan that DDL has overtaken. */
const RETRIED = new Set(["40001", "40P01", "0A000"]);

/** How an application writes: each takes a key prefix of its own and returns the keys that it put into `strict_rows`. */
const HABITS: readonly ((tx: TransactionSql, key: string) => Promise<readonly string[]>)[] = [
  async (tx, key) => {
    await tx`insert into strict_rows (id, body) values (${key}, 'plain')`;
    await tx`insert into sealed_rows (id, body) values (${key}, 'plain')`;
    return [key];
  },
  async (tx, key) => {
    await tx`insert into strict_rows (id, body) select ${key} || '-' || g, 'bulk' from generate_series(1, 5) as g`;
    await tx`insert into parts (id, part, body) select ${key}, g, 'bulk' from generate_series(0, 9) as g`;
    return [1, 2, 3, 4, 5].map((g) => `${key}-${g}`);
  },
  async (tx, key) => {
    // A savepoint that is rolled back, an error in the middle, and one that stays.
    await tx
      .savepoint(async (point) => {
        await point`insert into strict_rows (id) values (${`${key} never`})`;
        await point`insert into sealed_rows (id) values (${`${key} never`})`;
        await point`select 1 / (select 0)`;
      })
      .catch((error: unknown) => {
        if (sqlState(error) !== "22012") throw error;
      });
    await tx.savepoint(async (point) => await point`insert into strict_rows (id) values (${key})`);
    return [key];
  },
  async (tx, key) => {
    await tx`insert into sealed_rows (id, body) values (${key}, 'first') on conflict do nothing`;
    await tx`insert into sealed_rows (id, body) values (${key}, 'second') on conflict do nothing`;
    await tx`insert into tracked_rows (id, body) values (${key}, 'first')`;
    await tx`insert into tracked_rows (id, body) values (${key}, 'second') on conflict (id) do update set body = excluded.body`;
    return [];
  },
  async (tx, key) => {
    // MERGE came with PostgreSQL 15.
    const [server] = await tx<{ can: boolean }[]>`select current_setting('server_version_num')::int >= 150000 as can`;
    if (!server?.can) return [];
    await tx`merge into tracked_rows as t using (select ${key} || g as id from generate_series(1, 3) as g) as s on t.id = s.id
      when matched then update set body = 'merged' when not matched then insert (id, body) values (s.id, 'new')`;
    await tx`merge into tracked_rows as t using (select ${key} || g as id from generate_series(2, 4) as g) as s on t.id = s.id
      when matched and s.id like '%2' then delete when matched then update set body = 'merged'
      when not matched then insert (id, body) values (s.id, 'new')`;
    return [];
  },
  async (tx, key) => {
    await tx`insert into tracked_rows (id, body) values (${key}, 'first')`;
    await tx`update tracked_rows set body = 'second', noise = 2 where id = ${key}`;
    await tx`update tracked_rows set id = id || ' renamed' where id = ${key}`;
    await tx`delete from tracked_rows where id = ${`${key} renamed`}`;
    await tx`insert into tracked_rows (id, body) values (${key}, 'back again')`;
    return [];
  },
  async (tx, key) => {
    const lines = ["one", "two", "three"].map((line) => `${key} ${line}\tcopied\n`);
    const copy = await tx`copy strict_rows (id, body) from stdin`.writable();
    await new Promise<void>((resolve, reject) => {
      copy.on("error", reject).on("finish", resolve);
      copy.end(lines.join(""));
    });
    return ["one", "two", "three"].map((line) => `${key} ${line}`);
  },
];

/** Writes in all {@link HABITS} and isolation levels until told to stop, or `limit` times; returns the keys in `strict_rows`. */
export async function writeInEveryWay(url: string, name: string, until: () => boolean): Promise<readonly string[]> {
  await using sql = connect(url);
  const written: string[] = [];
  for (let n = 0; n < HABITS.length * LEVELS.length || !until(); n++) {
    const habit = HABITS[n % HABITS.length];
    const level = LEVELS[n % LEVELS.length];
    if (habit === undefined || level === undefined) break;
    for (let attempt = 1; ; attempt++) {
      let keys: readonly string[] = [];
      try {
        await sql.begin(`isolation level ${level}`, async (tx) => {
          keys = await habit(tx, `${name}-${n}-${attempt}`);
        });
        written.push(...keys);
        break;
      } catch (error) {
        if (!RETRIED.has(sqlState(error) ?? "") || attempt > 500) throw error;
        await sleep(Math.random() * 20);
      }
    }
  }
  return written;
}

/** Prepares a transaction with audited rows, which waits for its second phase; another is rolled back. */
export async function writeInTwoPhases(url: string, name: string): Promise<string> {
  await using sql = connect(url);
  for (const end of ["rollback", "commit"]) {
    const id = `${name} ${end}`;
    await sql`begin`;
    await sql`insert into strict_rows (id) values (${id})`;
    await sql`insert into sealed_rows (id) values (${id})`;
    await sql.unsafe(`prepare transaction '${id}'`);
    await sql.unsafe(`${end} prepared '${id}'`);
  }
  return `${name} commit`;
}
