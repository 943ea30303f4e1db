import { clientAt, DEFAULT_PLACE, type Place } from "@scidex/audit-core";
import { attach, detach, migrate } from "@scidex/audit-schema";
import { createDatabase, type EmbeddedServer, type Template, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type Finding, PlanError, type Snapshot, withSnapshot } from "@scidex/audit-reader";
import type { Policy } from "../src/coverage/policy.ts";
import { readHistories } from "../src/coverage/read-histories.ts";
import { readShape } from "../src/coverage/shape.ts";
import { checkServer, checkStructure } from "../src/structure/check-structure.ts";

/** Audited tables of each sort, and one that was detached. */
export const TABLES = `
  create schema app;
  create type app.mood as enum ('calm', 'cross');
  create domain app.short as text check (length(value) < 100);
  create type app.pair as (x integer, m app.mood);
  create type app.span as range (subtype = timestamptz);
  create table public.strict_refuse (id bigint primary key, body text, extra jsonb);
  create table public.sealed_track (id integer primary key, note varchar(50), amount numeric(10, 2));
  create table public.parts (id integer, day date, body text, primary key (id, day)) partition by range (day);
  create table public.parts_old partition of public.parts for values from ('2020-01-01') to ('2025-01-01');
  create table public.parts_new partition of public.parts for values from ('2025-01-01') to ('2030-01-01') partition by hash (id);
  create table public.parts_new_0 partition of public.parts_new for values with (modulus 2, remainder 0);
  create table public.parts_new_1 partition of public.parts_new for values with (modulus 2, remainder 1);
  create table app."Odd ""name""" (id integer primary key, m app.mood, s app.short, p app.pair, r app.span, rs app.span[], mm app.mood[],
    b boolean, c char(5), u uuid, i inet, t timestamptz[]);
  create table public.blinded (mail text primary key, n integer);
  create table public.was_attached (id integer primary key);`;

const ROWS = `
  insert into public.strict_refuse select n, 'text ' || n, '{}' from generate_series(1, 50) as n;
  insert into public.sealed_track select n, 'note', n from generate_series(1, 5) as n;
  update public.sealed_track set note = 'changed' where id = 2;
  insert into public.parts select n, date '2024-12-20' + n, 'x' from generate_series(1, 20) as n;
  insert into app."Odd ""name""" values (1, 'calm', 'short', (1, 'cross'), null, null, array['calm']::app.mood[], true, 'c', null, null, null);
  insert into public.blinded values ('zoë@example.org', 1);
  insert into public.was_attached values (1);`;

/** The audit chain with {@link TABLES} attached and rows in them. */
export const AUDITED: Template = {
  name: "verifier-structure",
  prepare: async (url) => await prepareAt(url, DEFAULT_PLACE),
};

/** The same with the chain in another schema, with other roles. */
export async function prepareAt(url: string, place: Place): Promise<void> {
  const sql = clientAt(postgres(url, { max: 1, onnotice: () => {} }), place);
  const db = drizzle(sql);
  await migrate(db);
  await sql.unsafe(TABLES);
  await attach(db, "public.strict_refuse", { mode: "strict" });
  await attach(db, "public.sealed_track", { mode: "sealed", changes: "track", exclude: ["amount"] });
  await attach(db, "public.parts", { mode: "strict" });
  await attach(db, 'app."Odd ""name"""', { mode: "strict", changes: "track", kind: "odd" });
  await attach(db, "public.blinded", { mode: "strict", changes: "track", blindKey: true });
  await attach(db, "public.was_attached", { mode: "strict" });
  await sql.unsafe(ROWS);
  await sql.unsafe("select public.audit_chain_seal(1000)");
  await detach(db, "public.was_attached");
  await sql.end();
}

/** What one look at the structure says. */
export interface Looked {
  readonly findings: readonly Finding[];
  readonly unproven: readonly string[];
  readonly warnings: readonly string[];
}

/** Looks once, as whoever the client is connected as. */
export async function lookAtStructure(sql: postgres.Sql, policy: Policy | null = null): Promise<Looked> {
  const findings: Finding[] = [];
  const look = async (snapshot: Snapshot) => {
    const histories = await snapshot[0]
      .attempt(async (lane) => {
        const [chain, config] = [
          await readShape(lane, lane.place.schema, "audit_chain"),
          await readShape(lane, lane.place.schema, "audit_chain_config"),
        ];
        return chain === null || config === null ? null : await readHistories(lane, chain, config);
      })
      .catch(() => null);
    const report = (finding: Finding) => findings.push(finding);
    const server = await checkServer(snapshot[0], policy?.server ?? [], report);
    const { unproven, warnings } = await checkStructure(snapshot, histories, report, policy);
    return { unproven: [...server.unproven, ...unproven], warnings };
  };
  try {
    const { unproven, warnings } = await withSnapshot(sql, look);
    return { findings, unproven, warnings };
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    // As `verify` says it.
    const { message, statement: expected, difference: actual } = error;
    return { findings: [{ check: "catalog_changed", expected, actual, message }], unproven: [], warnings: [] };
  }
}

export async function openAudited(server: EmbeddedServer): Promise<TestDatabase> {
  return await createDatabase({ server, template: AUDITED });
}

/** `check: message` of each finding: what a test compares. */
export const said = (looked: Looked): string[] => looked.findings.map(({ check, message }) => `${check}: ${message}`);
