import postgres from "postgres";
import type { Attack, Expected, Trial, Where } from "../attack.ts";
import { perform, type Step } from "./step.ts";

/** All groups, unproven for this reason. */
const everything = (names: string): Where[] =>
  ["links", "heads", "sources", "access", "coverage", "structure"].map((check) => ({ check, names }));

function mask({ random, world }: Trial): Step {
  const [name, value] = random.pick([
    ["search_path", "public"],
    ["search_path", "pg_catalog, public"],
    ["session_replication_role", "origin"],
  ] as const);
  const scope = random.pick(["", ` in database ${world.database}`]);
  return {
    variant: `${name}${scope === "" ? "" : " in this database"}`,
    // What everybody else gets, and what the verifier is told instead.
    sql: `alter role campaign_inspector${scope} set ${name} = ${value}`,
    undo: `alter role campaign_inspector${scope} reset ${name}`,
    exit: 3,
    found: [{ check: "structure", names: `${name} is set for the verifier's own login` }],
  };
}

/** A catalog that stays locked for as long as the verifier is at work. */
async function lockCatalog({ world, random, attacker }: Trial): Promise<Expected> {
  const catalog = random.pick(["pg_cast", "pg_operator", "pg_trigger", "pg_rewrite"]);
  const holder = postgres(world.url("superuser"), { max: 1, fetch_types: false, onnotice: () => {} });
  await holder.unsafe(`begin; lock table pg_catalog.${catalog} in access exclusive mode`);
  attacker.note(`another session holds pg_catalog.${catalog}`);
  return {
    variant: `a catalog locked for ever, ${catalog}`,
    exit: 3,
    found: [{ check: "structure", names: "another session has it locked" }],
    undo: async () => await holder.end({ timeout: 1 }),
  };
}

/** Keeps the verifier from an end, or fills its memory. */
async function hold(trial: Trial): Promise<Expected> {
  const { random } = trial;
  if (random.chance(15)) return await lockCatalog(trial);
  const megabytes = random.between(2, 24);
  const type = random.pick(["text", "oid", "regclass"]);
  const step = random.pick<Step & { readonly args?: readonly string[] }>([
    {
      variant: `an input function that sleeps, ${type}`,
      sql: `create function pg_catalog.sleeper(bytea) returns ${type} language plpgsql as $$ begin perform pg_sleep(1000); return null; end $$;
        update pg_type set typinput = 'pg_catalog.sleeper'::regproc where oid = '${type}'::regtype`,
      exit: 3,
      found: everything("--max-duration"),
      args: ["--max-duration", "5s"],
    },
    {
      variant: "a type made of itself",
      sql: `update pg_attribute set atttypid = 'public.pair'::regtype
        where attrelid = (select typrelid from pg_type where oid = 'public.pair'::regtype) and attname = 't'`,
      exit: 3,
      found: [{ check: "sources", names: "nested deeper than" }],
    },
    {
      variant: "a domain made of itself",
      sql: "update pg_type set typbasetype = oid where oid = 'public.small'::regtype",
      exit: 3,
      found: [{ check: "sources", names: "nested deeper than" }],
    },
    {
      variant: `a source of ${megabytes} MB`,
      sql: `do $do$ begin execute format('create or replace function public.audit_chain_append_only() returns trigger language plpgsql as %L', '-- ' || repeat('x', ${megabytes}000000) || E'\\nbegin return null; end'); end $do$`,
      found: [{ check: "function_changed", names: "audit_chain_append_only" }],
    },
    {
      variant: `${megabytes} MB of a column's default`,
      sql: `alter table public.audit_chain_pending alter column event_kind set default repeat('x', 3);
        do $do$ begin execute format('alter table public.audit_chain_pending alter column event_kind set default %L', repeat('x', ${megabytes}000000)); end $do$`,
      found: [{ check: "relation_changed", names: "audit_chain_pending" }],
    },
    {
      variant: "a view that sleeps in an audited table's place",
      sql: `alter table public.task_events rename to aside; create view public.task_events as select a.* from public.aside as a, pg_sleep(1000);
        grant select on public.task_events to public`,
      found: [{ check: "source_missing", kind: "task_events" }],
    },
    {
      variant: "a view of the server's own that sleeps",
      sql: `create or replace view pg_catalog.pg_roles as
        select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit,
          '********'::text as rolpassword, rolvaliduntil, rolbypassrls, setconfig as rolconfig, pg_authid.oid
        from pg_authid left join pg_db_role_setting as s on pg_authid.oid = setrole and setdatabase = 0, pg_sleep(1000)`,
      found: [{ check: "catalog_changed" }],
    },
  ]);
  const expected = await perform(trial, step);
  return { ...expected, ...(step.args === undefined ? {} : { trust: { args: step.args } }) };
}

/** Attacks that keep the verifier from seeing: nothing is accused, and nothing proven. */
export const BOUNDS_ATTACKS: readonly Attack[] = [
  {
    id: "C15",
    title: "mask the server's settings for the verifier's role only",
    checks: ["unproven"],
    perform: async (trial) => await perform(trial, mask(trial)),
  },
  {
    id: "C16",
    title: "make the verifier hang, or fill its memory",
    checks: ["unproven"],
    perform: hold,
  },
];
