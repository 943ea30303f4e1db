import { quoted } from "../attacker/sql-text.ts";
import type { Attack, Expected, Trial, Where } from "../attack.ts";
import { type AuditedTable, TABLES } from "../world/tables.ts";
import { appendLink } from "./links.ts";
import { perform, type Step } from "./step.ts";

const OWN_TABLES = [
  "public.audit_chain",
  "public.audit_chain",
  "public.audit_chain_config",
  "public.audit_chain_pending",
  "public.audit_chain_relation",
  "public.audit_chain_lock",
] as const;

function changeRelation({ random }: Trial): Step {
  const table: AuditedTable | null = random.chance(40) ? null : random.pick(TABLES);
  const own = random.pick(OWN_TABLES);
  // Of a partitioned table, its root or one of its partitions.
  const partition = table?.isPartitioned === true && random.chance(50) ? `${table.relation}_1` : null;
  const on = partition ?? table?.relation ?? own;
  const place: Partial<Where> =
    table === null ? { names: own } : { kind: table.kind, ...(partition === null ? {} : { names: partition }) };
  const found = [{ check: "relation_changed", ...place }];
  const variants: Step[] = [
    { variant: "a rule", sql: `create rule r as on insert to ${on} do also select 1`, found },
    { variant: "a rule instead", sql: `create rule r as on delete to ${on} do instead nothing`, found },
    {
      variant: "a rule for some",
      sql: `create rule r as on insert to ${on} where (select current_user = 'campaign_app') do instead nothing`,
      found,
    },
  ];
  // That one has row security, and had it when the policy was pinned.
  if (table?.kind !== "agent_notes")
    variants.push(
      {
        variant: "row security",
        sql: `alter table ${on} enable row level security; create policy p on ${on} using (true)`,
        found,
      },
      {
        variant: "row security forced",
        sql: `alter table ${on} enable row level security; alter table ${on} force row level security; create policy p on ${on} using (false)`,
        found,
      },
    );
  if (table === null || !table.isPartitioned)
    variants.push({ variant: "inheritance", sql: `create table public.child_rows () inherits (${on})`, found });
  if (table?.isPartitioned !== true || partition !== null)
    variants.push({ variant: "unlogged", sql: `alter table ${on} set unlogged`, found });
  const step = random.pick(variants);
  const what = partition !== null ? "a partition" : table === null ? own : "an audited table";
  return { ...step, variant: `${step.variant}, ${what}` };
}

async function lie(trial: Trial): Promise<Expected> {
  const { attacker, random } = trial;
  const variant = random.pick([
    "output function",
    "domain's output",
    "index not ready",
    "index not live",
    "index not valid",
    "enum's output",
    "index without a link",
    "indexes denied",
    "checks denied",
    "a catalog's copy",
  ]);
  if (variant === "a catalog's copy") {
    // The server knows its catalogs by their oids, everybody else by name.
    const name = random.pick(["pg_trigger", "pg_class", "pg_proc", "pg_rewrite"]);
    const { relation } = random.pick(TABLES);
    await attacker.run(
      `create table public.kept as select * from pg_catalog.${name}; grant select on public.kept to public`,
    );
    await attacker.run(
      `alter table ${relation} disable trigger all; create rule r as on insert to ${relation} do also select 1`,
    );
    await attacker.run(
      "create view public.stand_in as select * from public.kept; grant select on public.stand_in to public",
    );
    await attacker.run(`update pg_class set relname = '${name}_true' where oid = 'pg_catalog.${name}'::regclass`);
    const classes = name === "pg_class" ? "pg_catalog.pg_class_true" : "pg_catalog.pg_class";
    await attacker.run(
      `update ${classes} set relname = '${name}', relnamespace = 11 where oid = 'public.stand_in'::regclass`,
    );
    return { variant: `${variant}, ${name}`, found: [{ check: "catalog_changed", names: name }] };
  }
  if (variant === "indexes denied" || variant === "checks denied") {
    const table = variant === "checks denied" ? "audit_chain" : random.pick(["audit_chain", "audit_chain_pending"]);
    const flag = variant === "indexes denied" ? "relhasindex = false" : "relchecks = 0";
    await attacker.run(`update pg_class set ${flag} where oid = 'public.${table}'::regclass`);
    const check = variant === "indexes denied" ? "index_mismatch" : "relation_changed";
    return { variant, found: [{ check, names: table }] };
  }
  const flag = { "index not ready": "indisready", "index not live": "indislive", "index not valid": "indisvalid" }[
    variant
  ];
  const index = random.pick(["audit_chain_pkey", "audit_chain_event_key"]);
  if (flag !== undefined) {
    await attacker.run(`update pg_index set ${flag} = false where indexrelid = 'public.${index}'::regclass`);
    return { variant, found: [{ check: "index_mismatch", names: index }, { check: "catalog_changed" }] };
  }
  if (variant === "index without a link") {
    // A link that the indexes do not know of: a lookup by seq or by key does not find it.
    const flags = "where indrelid = 'public.audit_chain'::regclass";
    await attacker.run(`update pg_index set indisready = false ${flags}`);
    await appendLink(trial, {});
    await attacker.run(`update pg_index set indisready = true ${flags}`);
    return { variant, found: [{ check: "index_mismatch" }] };
  }
  const type =
    variant === "output function"
      ? random.pick(["int4", "text", "jsonb", "timestamptz", "numeric"])
      : variant === "enum's output"
        ? "mood"
        : "small";
  const schema = variant === "output function" ? "pg_catalog" : "public";
  await attacker.run(
    `create function public.lying_out(${schema}.${type}) returns cstring language internal immutable strict as ${quoted({ int4: "int4out", text: "textout", jsonb: "jsonb_out", timestamptz: "timestamptz_out", numeric: "numeric_out", mood: "enum_out", small: "int4out" }[type] ?? "")}`,
  );
  await attacker.run(
    `update pg_type set typoutput = (select oid from pg_proc where proname = 'lying_out') where oid = '${schema}.${type}'::regtype`,
  );
  return { variant: `${variant} (${type})`, found: [{ check: "catalog_changed" }] };
}

function shadow({ random, world }: Trial): Step {
  const { relation, kind } = random.pick(TABLES.filter((table) => table.relation.startsWith("public.")));
  const name = relation.slice("public.".length);
  // Only who can reach the audited table can be served another one: half of the worlds' tables are not granted to it.
  const table = `grant select, insert on ${relation} to campaign_app; create schema evil; grant usage on schema evil to campaign_app; create table evil.${name} (like ${relation})`;
  const found = [{ check: "relation_shadowed", kind }];
  const own = [{ check: "relation_shadowed" }];
  return random.pick<Step>([
    {
      variant: "role's path",
      sql: `${table}; alter role campaign_app set search_path = evil, public`,
      undo: "alter role campaign_app reset search_path",
      found,
    },
    {
      variant: "role's path in this database",
      sql: `${table}; alter role campaign_app in database ${world.database} set search_path = evil, public`,
      found,
    },
    {
      variant: "database's path",
      sql: `${table}; alter database ${world.database} set search_path = 'evil', 'public'`,
      found,
    },
    {
      variant: "everybody's path",
      sql: `${table}; alter role all set search_path = evil, public`,
      undo: "alter role all reset search_path",
      found,
    },
    {
      variant: "a schema named as the login",
      sql: `grant select, insert on ${relation} to campaign_app; create schema campaign_app; grant usage on schema campaign_app to campaign_app; create table campaign_app.${name} (like ${relation})`,
      found,
    },
    {
      variant: "a view earlier in the path",
      sql: `grant select, insert on ${relation} to campaign_app; create schema campaign_app; grant usage on schema campaign_app to campaign_app; create view campaign_app.${name} as select * from ${relation}`,
      found,
    },
    {
      variant: "a function's path",
      sql: `${table}; create function public.app_writes() returns void language sql set search_path = evil, public as 'select'`,
      found,
    },
    {
      variant: "a trigger at login",
      sql: `${table}; create function public.at_login() returns event_trigger language plpgsql as $$ begin if session_user = 'campaign_app' then perform set_config('search_path', 'evil, public', false); end if; end $$;
        create event trigger at_login on login execute function public.at_login()`,
      found,
    },
    {
      variant: "another chain",
      sql: `create schema evil; create table evil.audit_chain (like public.audit_chain); alter database ${world.database} set search_path = evil, public`,
      found: own,
    },
  ]);
}

/** Attacks on what relations, types, indexes and names are. */
export const CATALOG_ATTACKS: readonly Attack[] = [
  {
    id: "C05",
    title: "row security, rules, inheritance, UNLOGGED",
    checks: ["relation_changed"],
    perform: async (trial) => await perform(trial, changeRelation(trial)),
  },
  {
    id: "C09",
    title: "another output function, an index that lies",
    checks: ["catalog_changed", "index_mismatch", "relation_changed"],
    perform: lie,
  },
  {
    id: "C10",
    title: "serve the application another table",
    checks: ["relation_shadowed"],
    perform: async (trial) => await perform(trial, shadow(trial)),
  },
];
