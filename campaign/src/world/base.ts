import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { backfill } from "@scidex/audit-backfill";
import { generateKeyFiles, publishHead } from "@scidex/audit-publisher";
import { attach, detach, migrate } from "@scidex/audit-schema";
import { type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { Random } from "../random.ts";
import { git, makeSinks, placeIn, type Place } from "./place.ts";
import { databaseUrl, runProgram } from "./programs.ts";
import { TABLES, TABLES_SQL } from "./tables.ts";

/** The log's name. */
export const ORIGIN = "campaign.example/audit-chain";

/** Another log, of another chain, which the same verifier looks after: its keys are in the same list. */
const OTHER_ORIGIN = "campaign.example/another-log";

/** Rows that each table starts with. */
const ROWS = 6;

const TEMPLATE = "campaign_base";

/** A server with a published chain in it, that trials copy: a template, and a folder of what is outside the database. */
export interface Base {
  readonly server: EmbeddedServer;
  readonly template: string;
  readonly place: Place;
  readonly vkeys: readonly string[];
  /** URL of a database of the server, as a login: the attacker, the publisher, the verifier, a service. */
  url(login: Login, database: string): string;
}

export const LOGINS = {
  superuser: null,
  publisher: "scidex_audit_publisher",
  inspector: "scidex_audit_inspector",
  app: null,
  capture: null,
  /** Somebody without any right. */
  nobody: null,
};
export type Login = keyof typeof LOGINS;

const quiet = (url: string, max = 2): Sql => postgres(url, { max, fetch_types: false, onnotice: () => {} });

/** Builds the base on a server of its own, so that trials on another one can change roles at the same time. */
export async function buildBase(folder: string, seed: string): Promise<Base> {
  const server = await startEmbedded({
    settings: {
      max_prepared_transactions: "10",
      autovacuum: "off",
      max_connections: "60",
      shared_buffers: "64MB",
      wal_level: "logical",
      max_slot_wal_keep_size: "1GB",
    },
  });
  const url = (login: Login, database: string): string => {
    const at = new URL(databaseUrl(server.url, database));
    if (login !== "superuser") {
      at.username = `campaign_${login}`;
      at.password = "campaign";
    }
    return at.href;
  };
  const maintenance = quiet(server.url, 1);
  await maintenance.unsafe(`create database ${TEMPLATE}`);
  for (const login of ["publisher", "inspector", "app", "nobody"]) {
    await maintenance.unsafe(`create role campaign_${login} login password 'campaign'`);
  }
  await maintenance.unsafe("create role campaign_capture login replication password 'campaign'");
  // One of the tables has row security from the start, which is no attack: verifier and publisher must be let past it.
  await maintenance.unsafe("alter role campaign_inspector bypassrls; alter role campaign_publisher bypassrls");
  mkdirSync(folder, { recursive: true });
  const place = placeIn(join(folder, "base"));
  mkdirSync(place.folder);
  await makeSinks(place);
  const { vkeys } = await generateKeyFiles({ origin: ORIGIN, out: place.keyFile });
  const others = await publishAnother(maintenance, url, place);
  const sql = quiet(url("superuser", TEMPLATE));
  const base: Base = { server, template: TEMPLATE, place, vkeys: [...vkeys, ...others], url };
  try {
    await fill(sql, base, new Random(seed, "base"));
    await pinTrust(base);
  } finally {
    await sql.end({ timeout: 1 });
  }
  await maintenance.unsafe(`alter database ${TEMPLATE} with allow_connections false is_template true`);
  await maintenance.end({ timeout: 1 });
  return base;
}

/** A second log, as genuine as the first: a chain, keys and heads of its own. Returns its verifier keys. */
async function publishAnother(maintenance: Sql, url: Base["url"], place: Place): Promise<readonly string[]> {
  await maintenance.unsafe("create database campaign_other");
  const database = quiet(url("superuser", "campaign_other"));
  try {
    await migrate(drizzle(database));
    const keyFile = join(place.folder, "other.key");
    const { vkeys } = await generateKeyFiles({ origin: OTHER_ORIGIN, out: keyFile });
    for (let n = 0; n < 5; n++) {
      await database.unsafe(`select public.audit_chain_append('elsewhere', '${n}', '\\x${"5a".repeat(32)}')`);
      const sinks = [`file:${place.otherLog}`];
      const { status } = await publishHead({ database, keyFile, sinks, origin: OTHER_ORIGIN });
      if (status !== "intact") throw new Error("the other log cannot be published");
    }
    return vkeys;
  } finally {
    await database.end({ timeout: 1 });
  }
}

/** Tables of all kinds, attached in all ways, with a history of rows, changes and configurations, and several heads. */
async function fill(sql: Sql, base: Base, random: Random): Promise<void> {
  const db = drizzle(sql);
  await migrate(db);
  await sql.unsafe("grant scidex_audit_publisher to campaign_publisher");
  await sql.unsafe("grant scidex_audit_inspector to campaign_inspector");
  await sql.unsafe("grant scidex_audit_capture, scidex_audit_alert to campaign_capture");
  await sql.unsafe(TABLES_SQL);
  for (const { relation, kind, changes, mode } of TABLES) {
    const exclude = kind === "agent_notes" ? ["seen"] : [];
    await attach(db, relation, { mode, changes, kind, exclude });
    if (random.chance(50)) await sql.unsafe(`grant select, insert on ${relation} to campaign_app`);
  }
  await insertRows(sql, random, 0, ROWS / 2);
  await attach(db, "public.legacy", { mode: "strict" });
  await sql.unsafe("insert into public.legacy values (1, 'old'), (2, 'older')");
  await detach(db, "public.legacy");
  await publish(base);
  await attach(db, "public.drafts", { mode: "strict" });
  await backfill(sql, { tables: ["public.drafts"] });
  await sql.unsafe("alter table public.agent_notes add column later text");
  await attach(db, "public.agent_notes", { mode: "strict" });
  await insertRows(sql, random, ROWS / 2, ROWS);
  await publish(base);
  for (let n = 0; n < 6; n++) {
    await sql.unsafe(`select public.audit_chain_append('model_release', 'v${n}', '\\x${random.hex(32)}')`);
    await sql.unsafe(`select public.audit_chain_enqueue('decision', 'd/é ${n}', '\\x${random.hex(32)}')`);
  }
  await sql.unsafe(`update public.senate_alerts set ack_at = now(), ack_by = 'a human' where id % 2 = 0`);
  await sql.unsafe(
    `update public.senate_pause set cleared_at = now(), cleared_by = 'another' where ttl_seconds % 2 = 0`,
  );
  await sql.unsafe("update public.readings set value = value + 1 where id % 2 = 1");
  await sql.unsafe("delete from public.readings where id = 2");
  await sql.unsafe("update public.agent_notes set seen = seen + 1");
  await publish(base);
  await sql.unsafe("insert into public.drafts values (7, 'after')");
  await recordAnew(sql);
  await sql.unsafe(`select public.audit_chain_append('model_release', 'last', '\\x${random.hex(32)}')`);
  await publish(base);
}

/** A column goes, in which some rows had values: the next publication records them anew, and states it in the sinks. */
async function recordAnew(sql: Sql): Promise<void> {
  const sync = "select public.audit_chain_sync('public.drafts')";
  await sql.unsafe(`alter table public.drafts add column source text default 'a'; ${sync}`);
  await sql.unsafe("alter table public.drafts alter column source set default 'b'");
  await sql.unsafe("insert into public.drafts values (8, 'with a source'), (9, 'another')");
  await sql.unsafe(`alter table public.drafts drop column source; ${sync}`);
}

async function insertRows(sql: Sql, random: Random, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    await sql.begin(async (tx) => {
      for (const table of TABLES) await tx.unsafe(table.insert(random, n));
    });
  }
}

async function publish(base: Base): Promise<void> {
  const database = quiet(base.url("publisher", base.template));
  try {
    const { keyFile, sinks } = base.place;
    const result = await publishHead({ database, keyFile, sinks, origin: ORIGIN });
    if (result.status !== "intact")
      throw new Error(`the base cannot be published: ${inspect(result, { depth: null })}`);
  } finally {
    await database.end({ timeout: 1 });
  }
}

/** Before any attack: the policy as `audit-chain policy` prints it, and the verifier's state after a clean run. */
async function pinTrust(base: Base): Promise<void> {
  const { place } = base;
  const environment = {
    AUDIT_DATABASE_URL: base.url("inspector", base.template),
    AUDIT_SINKS: place.sinks.join(","),
    AUDIT_VERIFIER_KEYS: base.vkeys.join(","),
    AUDIT_ORIGIN: ORIGIN,
  };
  const policy = await runProgram("audit-chain", ["policy"], environment);
  if (policy.exit !== 0) throw new Error(`audit-chain policy: ${policy.stderr}`);
  // What was detached before is allowed by name too: an attack may take away the very link that has been approved.
  const detached = { "public.legacy": "before the campaign" };
  writeFileSync(place.policyFile, JSON.stringify({ ...(JSON.parse(policy.stdout) as object), detached }));
  const verified = await runProgram(
    "audit-verify",
    ["--json", "--policy", place.policyFile, "--state", place.stateFile],
    environment,
  );
  if (verified.exit !== 0) throw new Error(`the base does not verify: ${verified.stdout}${verified.stderr}`);
  await git(place.remote, ["gc", "--quiet"]);
}
