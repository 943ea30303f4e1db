import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { client } from "./client.ts";
import { toDatabase } from "./connection-url.ts";
import { runMark } from "./run-mark.ts";

/** A database that others are cloned from. */
export interface Template {
  /** Says what is in it, for example `chain` or `chain-with-1000-rows`. */
  readonly name: string;
  /**
   * A hash or version of what `prepare` puts in. With it, the template is kept on a server that stays, for later
   * runs too; without it, it belongs to this run.
   */
  readonly version?: string;
  /** Fills the empty database; called once per server. All connections it opens must be closed when it returns. */
  prepare(url: string): Promise<void>;
}

/**
 * Makes the template's database on a server unless it is there, and returns its name. Processes that ask for the
 * same one meanwhile wait for it. One whose preparation broke off is made anew.
 */
export async function ensureTemplate(serverUrl: string, template: Template): Promise<string> {
  const key = createHash("sha256")
    .update(JSON.stringify([template.name, template.version ?? runMark()]))
    .digest("hex")
    .slice(0, 16);
  const owner = template.version === undefined ? runMark() : "kept";
  const name = `template_${owner}_${key}`;
  const sql = client(serverUrl, { max: 1 });
  try {
    if (await isComplete(sql, name)) return name;
    // The lock belongs to the session, and so goes away with it if this process dies.
    await sql`select pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended(${name}, 0))`;
    if (await isComplete(sql, name)) return name;
    await sql`drop database if exists ${sql(name)} with (force)`;
    await cloneTemplate(serverUrl, "template1", name);
    await template.prepare(toDatabase(serverUrl, name));
    // A template that nobody can connect to can always be cloned. Sessions that are still ending would be in the way.
    await sql`alter database ${sql(name)} allow_connections false`;
    await sql`select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = ${name}`;
    await sql`alter database ${sql(name)} is_template true`;
    return name;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The template mark is set last: a database that has it was prepared to the end. */
async function isComplete(sql: Sql, name: string): Promise<boolean> {
  const rows = await sql`select from pg_catalog.pg_database where datname = ${name} and datistemplate`;
  return rows.length === 1;
}

/** `CREATE DATABASE … TEMPLATE`, patient with those who are connected to the source for a moment (SQLSTATE 55006). */
export async function cloneTemplate(serverUrl: string, source: string, name: string): Promise<void> {
  const sql = client(serverUrl, { max: 1 });
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await sql`create database ${sql(name)} template ${sql(source)}`;
        return;
      } catch (error) {
        const isBusy = error instanceof Error && "code" in error && error.code === "55006";
        if (!isBusy || attempt === 30) throw error;
        await sleep(100 + Math.random() * 100);
      }
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
