import postgres from "postgres";
import type { Attack, Expected, Trial } from "../attack.ts";
import { TABLES } from "../world/tables.ts";

/** What somebody without any right on the chain or an audited table runs, in a session that stays open. */
const CORNERS: readonly (readonly [variant: string, sql: string])[] = [
  [
    "default privileges of its own",
    "alter default privileges grant all on tables to scidex_audit_ro, public, scidex_audit_owner",
  ],
  [
    "grants on temporary tables",
    "create temp table x (i int); grant insert on x to scidex_audit_ro, scidex_audit_inspector; grant update (i) on x to scidex_audit_writer",
  ],
  [
    "temporary tables of audited names",
    "create temp table task_events (id int); create temp table audit_chain (id int)",
  ],
  [
    "grants of what is its own",
    `create schema s; create table s.t (i int); create function s.f() returns int language sql as 'select 1';
     grant all on schema s to scidex_audit_ro; grant all on s.t to scidex_audit_ro; grant execute on function s.f() to scidex_audit_inspector`,
  ],
  [
    "working copies in a schema of its name",
    `create schema campaign_nobody; create table campaign_nobody.task_events (id int); create view campaign_nobody.audit_chain as select 1 as seq;
     create function campaign_nobody.audit_chain_append(text, text, bytea) returns void language sql as 'select'`,
  ],
  [
    "a search path of its own",
    "create schema s; create table s.senate_alerts (id int); create table s.audit_chain_config (id int); alter role campaign_nobody set search_path = s, public",
  ],
  [
    "functions with settings of their own",
    `create schema s; create table s.readings (id int); create function s.f() returns int language sql set search_path = s, public as 'select 1';
     create function s.g() returns int language sql security definer set search_path = s as 'select 1'; grant usage on schema s to public`,
  ],
  [
    "types, casts and operators",
    `create schema s; create type s.t as (a int); create function s.to_int(s.t) returns int language sql as 'select 1'; create cast (s.t as int) with function s.to_int(s.t) as implicit;
     create function s.eq(s.t, int) returns bool language sql as 'select true'; create operator s.= (leftarg = s.t, rightarg = int, function = s.eq)`,
  ],
  [
    "sources of many megabytes",
    `set check_function_bodies = off; do $do$ begin for n in 1..6 loop
       execute format('create function pg_temp.f%s() returns int language sql as %L', n, repeat('x', 8000000)); end loop; end $do$`,
  ],
  [
    "a type made of types, two hundred deep",
    `create schema s; create type s.t0 as (a int); do $do$ begin for n in 1..200 loop
       execute format('create type s.t%s as (a s.t%s)', n, n - 1); end loop; end $do$`,
  ],
  [
    "locks, a publication, large objects and listening",
    "create publication p_nobody; select lo_create(0); select pg_advisory_lock(1); listen audit_chain; prepare x as select 1",
  ],
];

const session = (trial: Trial, login: "nobody" | "app"): postgres.Sql =>
  postgres(trial.world.url(login), { max: 1, fetch_types: false, onnotice: () => {} });

/** An alarm that nobody with any authority has raised. */
async function cryWolf(trial: Trial): Promise<Expected> {
  const [variant, sql] = trial.random.pick(CORNERS);
  // As developers have it.
  await trial.world.honest.unsafe(`grant create on database ${trial.world.database} to campaign_nobody`);
  const his = session(trial, "nobody");
  await his.unsafe(sql).catch(async (error: unknown) => {
    await his.end({ timeout: 0 });
    throw error;
  });
  trial.attacker.note(`campaign_nobody: ${sql}`);
  return {
    variant,
    exit: 0,
    found: [],
    undo: async () => {
      await his.end({ timeout: 1 });
      await trial.world.honest.unsafe("alter role campaign_nobody reset all");
    },
  };
}

/** Somebody who may insert into one audited table, and no more, keeps the chain's lock: everybody else's commits go on. */
async function stopWriters(trial: Trial): Promise<Expected> {
  const { world, random, attacker } = trial;
  const variant = random.pick([
    "constraints made immediate",
    "a prepared transaction",
    "rows kept uncommitted",
  ] as const);
  await world.honest.unsafe("grant insert on public.task_events to campaign_app");
  const his = session(trial, "app");
  const row = (): string => `insert into public.task_events values (${trial.fresh()}, 'his', 'e', '{}', '2026-01-01')`;
  const gid = `forever_${world.database}`;
  const statements = {
    "constraints made immediate": ["begin", row(), "set constraints all immediate"],
    "a prepared transaction": ["begin", row(), `prepare transaction '${gid}'`],
    "rows kept uncommitted": ["begin", row(), row()],
  }[variant];
  const undo = async (): Promise<void> => {
    if (variant === "a prepared transaction")
      await world.honest.unsafe(`rollback prepared '${gid}'`).catch(() => undefined);
    await his.end({ timeout: 1 });
  };
  try {
    for (const statement of statements) await his.unsafe(statement);
    attacker.note(`campaign_app: ${statements.join("; ")}`);
    const strict = TABLES.filter(({ mode }) => mode === "strict");
    for (let n = 0; n < 3; n++) await world.honest.unsafe(random.pick(strict).insert(random, trial.fresh()));
    await world.honest.unsafe("select public.audit_chain_seal(100000)");
  } catch (error) {
    await undo();
    throw error;
  }
  return { variant, exit: 0, found: [], undo };
}

export const CRY_WOLF: readonly Attack[] = [
  {
    id: "C17",
    title: "raise a false alarm or stop the writers, without rights",
    checks: ["nothing happens"],
    perform: async (trial) => await (trial.random.chance(30) ? stopWriters(trial) : cryWolf(trial)),
  },
];
