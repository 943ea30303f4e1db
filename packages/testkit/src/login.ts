import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";

export interface LoginOptions {
  /** The roles it becomes a member of, for example `scidex_audit_ro`. */
  readonly grant?: readonly string[];
  /** More of `CREATE ROLE`'s options, as SQL: `CREATEROLE`, `CREATEDB`, `NOINHERIT`, … */
  readonly attributes?: string;
}

/** A role that can log in, with a random name and password. */
export interface Login {
  readonly name: string;
  /** The database of the client that created it, as this login. */
  readonly url: string;
  /** Removes what it owns in that database, and the role. */
  drop(): Promise<void>;
}

/** Creates a login in the cluster that `sql` is connected to; `sql` must be allowed to create roles and grant these. */
export async function createLogin(sql: Sql, options: LoginOptions = {}): Promise<Login> {
  const name = `login_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(16).toString("hex");
  const grant = options.grant ?? [];
  await sql.unsafe(`create role ${name} login password '${password}' ${options.attributes ?? ""}`);
  for (const role of grant) await patiently(() => sql`grant ${sql(role)} to ${sql(name)}`);

  const { host, port, database } = sql.options;
  const url = `postgres://${name}:${password}@${host[0]}:${port[0]}/${encodeURIComponent(database)}`;
  const drop = async (): Promise<void> => {
    await sql`drop owned by ${sql(name)} cascade`;
    await patiently(() => sql`drop role ${sql(name)}`);
  };
  return { name, url, drop };
}

/** Roles are the whole cluster's: two sessions that change one at once get "tuple concurrently updated" (XX000). */
async function patiently(change: () => PromiseLike<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await change();
      return;
    } catch (error) {
      if (attempt === 20 || !/tuple concurrently/.test(String(error))) throw error;
      await sleep(Math.random() * 50);
    }
  }
}
