import { quoted } from "../attacker/sql-text.ts";
import type { Attack, Expected, Trial } from "../attack.ts";

/** A way to put something behind the verifier's statements; `names` what the finding must name, where it can. */
interface Lie {
  readonly variant: string;
  readonly sql: string;
  readonly names?: string;
}

const liar = (args: string, returns: string, value: string, settings = ""): string =>
  `create function pg_catalog.liar(${args}) returns ${returns} language plpgsql ${settings} as $f$ begin return ${value}; end $f$;`;
const SILENT = "set debug_print_plan = off";
const INT4_TO_OID = "castsource = 'int4'::regtype and casttarget = 'oid'::regtype";

function lies({ random }: Trial): Lie[] {
  const type = random.pick(["text", "int8", "bytea", "uuid", "name", "oid", "jsonb", "numeric"]);
  const settings = random.pick(["", SILENT]);
  const catalog = random.pick(["pg_cast", "pg_operator", "pg_rewrite", "pg_trigger", "pg_proc"]);
  const [oid, name] = random.pick([
    [410, "int8ne"],
    [415, "int8lt"],
    [96, "int4ne"],
    [98, "textne"],
  ] as const);
  return [
    {
      variant: `a cast${settings && ", with a setting of its own"}`,
      sql: `${liar("int4", "oid", "pg_catalog.int8($1)::oid", settings)}
        update pg_cast set castmethod = 'f', castfunc = 'pg_catalog.liar'::regproc where ${INT4_TO_OID}`,
    },
    { variant: "a cast that is gone", sql: `delete from pg_cast where ${INT4_TO_OID}` },
    {
      variant: "a cast that is there twice",
      sql: `update pg_index set indisready = false where indrelid = 'pg_cast'::regclass;
        ${liar("int4", "oid", "null")}
        insert into pg_cast select 20001, castsource, casttarget, 'pg_catalog.liar'::regproc, castcontext, 'f' from pg_cast where ${INT4_TO_OID};
        update pg_index set indisready = true where indrelid = 'pg_cast'::regclass`,
    },
    { variant: `an operator, ${oid}`, sql: `update pg_operator set oprcode = '${name}'::regproc where oid = ${oid}` },
    {
      variant: "an operator's estimate",
      sql: `${liar("oid", "float8", "0.5", settings)} update pg_operator set oprrest = 'pg_catalog.liar'::regproc where oid = 410`,
    },
    {
      variant: "an SQL function behind a builtin",
      sql: `update pg_proc set prolang = 14, prosrc = 'select $1', probin = null where oid = ${random.pick([1258, 3420, 1299])}`,
    },
    {
      variant: "a builtin of another name's code",
      sql: "update pg_proc set prosrc = 'sha512_bytea' where oid = 3420",
      names: "sha256",
    },
    {
      variant: "a support function",
      sql: `${liar("bigint", "bigint", "0", settings)} update pg_proc set prosupport = 'pg_catalog.liar'::regproc where oid = 1317`,
    },
    {
      variant: "a member of an operator class",
      sql: "update pg_amproc set amproc = 'btint4cmp'::regproc where amprocfamily = 1976 and amproclefttype = 20 and amprocrighttype = 20 and amprocnum = 1",
    },
    {
      variant: "an operator of an operator class",
      sql: "update pg_amop set amopopr = 411 where amopfamily = 1976 and amoplefttype = 20 and amoprighttype = 20 and amopstrategy = 3",
    },
    {
      variant: `an output function of ${type}${settings && ", with a setting of its own"}`,
      sql: `${liar(type, "name", "'x'::name", settings)} update pg_type set typoutput = 'pg_catalog.liar'::regproc where oid = ${quoted(type)}::regtype`,
    },
    {
      variant: `a send function of ${type} with a SET of its own`,
      sql: `${liar(type, "bytea", "null", SILENT)} update pg_type set typsend = 'pg_catalog.liar'::regproc where oid = ${quoted(type)}::regtype`,
    },
    {
      variant: "a send function in SQL",
      sql: "create function pg_catalog.liar(bytea) returns bytea language sql as 'select $1'; update pg_type set typsend = 'pg_catalog.liar'::regproc where oid = 17",
    },
    {
      variant: `a decoy under a catalog's name, ${catalog}`,
      sql: `create table public.decoy as select * from pg_catalog.${catalog}; grant select on public.decoy to public;
        alter table public.decoy rename to ${catalog}_forged;
        update pg_class set relname = '${catalog}_real' where oid = 'pg_catalog.${catalog}'::regclass;
        update pg_class set relname = '${catalog}', relnamespace = 11 where relname = '${catalog}_forged'`,
    },
    {
      variant: "an access method's handler",
      sql: "update pg_am set amhandler = 'gisthandler'::regproc where amname = 'spgist'",
      names: "spgist",
    },
    {
      variant: "another rule of a view",
      sql: `create or replace view pg_catalog.pg_roles as
        select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit,
          '********'::text as rolpassword, rolvaliduntil, rolbypassrls, setconfig as rolconfig, pg_authid.oid
        from pg_authid left join pg_db_role_setting as s on pg_authid.oid = setrole and setdatabase = 0 where not rolsuper`,
      names: "pg_roles",
    },
    {
      variant: "row security on a catalog",
      sql: "update pg_class set relrowsecurity = true where oid = 'pg_trigger'::regclass",
      names: "pg_trigger",
    },
    {
      variant: "the order of a catalog's index",
      sql: "update pg_index set indclass = (select oid::text::oidvector from pg_opclass where opcname = 'int4_ops' and opcmethod = 403) where indexrelid = 'pg_cast_oid_index'::regclass",
    },
    {
      variant: "rows that only the heap has",
      sql: `update pg_index set indisready = false where indexrelid = 2701;
        insert into pg_trigger select 99999, tgrelid, tgparentid, 'hidden', tgfoid, tgtype, 'D', false, 0, 0, 0, false, false, 0, '', '', null, null, null
          from pg_trigger where tgrelid = 'public.task_events'::regclass and not tgisinternal limit 1;
        update pg_index set indisready = true where indexrelid = 2701`,
    },
  ];
}

/** A row of a catalog, and the value it has and another one. */
const FLIPS = [
  ["pg_type", "typoutput", "'nameout'::regproc", "'textout'::regproc", "oid = 25"],
  ["pg_type", "typsend", "'namesend'::regproc", "'byteasend'::regproc", "oid = 17"],
  ["pg_operator", "oprcode", "'int8lt'::regproc", "'int8ge'::regproc", "oid = 415"],
  ["pg_cast", "castcontext", "'a'", "'i'", "castsource = '23'::oid and casttarget = '26'::oid"],
] as const;

/**
 * The catalog changes between two statements of the verifier: while it waits for a table that another session has locked.
 * What it has compared by then was honest, and it may be so again at the end.
 */
async function flip({ world, random, attacker }: Trial): Promise<Expected> {
  const [catalog, column, forged, true_, row] = random.pick(FLIPS);
  const table = random.pick(["public.audit_chain", "public.task_events", "public.measurements"]);
  const isPutBack = random.chance(50);
  const set = (value: string): string => `update pg_catalog.${catalog} set ${column} = ${value} where ${row}`;
  const holder = await world.honest.reserve();
  await holder.unsafe(`begin; lock table ${table} in access exclusive mode`);
  return {
    variant: `changed${isPutBack ? " and put back" : ""} while the verifier waits for a lock, ${catalog}`,
    found: [{ check: "catalog_changed" }],
    during: async (hasEnded) => {
      const waiting = `select count(*)::int as n from pg_locks where not granted and relation = ${quoted(table)}::regclass`;
      for (let n = 0; n === 0 && !hasEnded();) [{ n } = { n: 0 }] = await attacker.read<{ n: number }>(waiting);
      await attacker.run(set(forged));
      if (isPutBack) await attacker.run(set(true_));
      await holder.unsafe("rollback");
      attacker.note("the lock was released");
    },
    undo: () => Promise.resolve(holder.release()),
  };
}

export const BUILTIN_ATTACKS: readonly Attack[] = [
  {
    id: "C14",
    title: "put something else behind the verifier's statements",
    checks: ["catalog_changed"],
    perform: async (trial) => {
      if (trial.random.chance(15)) return await flip(trial);
      const { variant, sql, names } = trial.random.pick(lies(trial));
      await trial.attacker.run(sql);
      return { variant, found: [{ check: "catalog_changed", ...(names === undefined ? {} : { names }) }] };
    },
  },
];
