/** An attack by a superuser on PostgreSQL's own rows of the catalogs, as plain SQL, and what must be said. */
export interface BuiltinAttack {
  readonly what: string;
  readonly sql: string;
  /** `how catalog, row key: what`, of one difference at least; or what the plan reader says before anything is compared. */
  readonly found: string | RegExp;
}

/** A function of the attacker's in pg_catalog, in the place of a builtin one. */
const liar = (signature: string, returns: string) =>
  `create function pg_catalog.liar(${signature}) returns ${returns} language plpgsql as $$begin return null; end$$;`;

const INT4_TO_OID = "castsource = 'int4'::regtype::oid and casttarget = 'oid'::regtype::oid";

export const ON_BUILTIN: readonly BuiltinAttack[] = [
  {
    what: "the cast from integer to oid becomes a function",
    sql: `${liar("int4", "oid")}
      update pg_cast set castmethod = 'f', castfunc = 'pg_catalog.liar'::regproc::oid where ${INT4_TO_OID}`,
    found: "changed pg_cast, row 23 26: the cast from int4 to oid",
  },
  {
    what: "a cast goes",
    sql: `delete from pg_cast where ${INT4_TO_OID}`,
    found: "missing pg_cast, row 23 26: the cast 23 26",
  },
  {
    what: "a cast is there twice, and a lookup finds one of them",
    sql: `update pg_index set indisready = false where indrelid = 'pg_cast'::regclass;
      ${liar("int4", "oid")}
      insert into pg_cast select 20001, castsource, casttarget, 'pg_catalog.liar'::regproc, castcontext, 'f' from pg_cast where ${INT4_TO_OID};
      update pg_index set indisready = true where indrelid = 'pg_cast'::regclass`,
    found: "duplicate pg_cast, row 23 26: the cast from int4 to oid",
  },
  {
    what: "a cast is there twice, and the first one is the attacker's",
    sql: `update pg_index set indisready = false where indrelid = 'pg_cast'::regclass;
      create temporary table kept as select * from pg_cast where ${INT4_TO_OID};
      ${liar("int4", "oid")}
      delete from pg_cast where ${INT4_TO_OID};
      insert into pg_cast select '20001'::oid, castsource, casttarget, 'pg_catalog.liar'::regproc, castcontext, 'f' from kept;
      insert into pg_cast select * from kept;
      update pg_index set indisready = true where indrelid = 'pg_cast'::regclass`,
    found: "changed pg_cast, row 23 26: the cast from int4 to oid",
  },
  {
    what: "a cast at an OID of initdb's",
    sql: `${liar("int4", "uuid")} insert into pg_cast values (11998, 'int4'::regtype, 'uuid'::regtype, 'pg_catalog.liar'::regproc, 'i', 'f')`,
    found: "added pg_cast, row 23 2950: the cast from int4 to uuid",
  },
  {
    what: "an operator calls another function",
    sql: "update pg_operator set oprcode = 'int8ne'::regproc where oid = 410",
    found: "changed pg_operator, row 410: the operator =",
  },
  {
    what: "an operator's estimate calls a function",
    sql: `${liar("oid", "float8")} update pg_operator set oprrest = 'pg_catalog.liar'::regproc where oid = 410`,
    found: "changed pg_operator, row 410: the operator =",
  },
  {
    what: "a member of an operator class",
    sql: "update pg_amproc set amproc = 'btint4cmp'::regproc where amprocfamily = 1976 and amproclefttype = 20 and amprocrighttype = 20 and amprocnum = 1",
    found: "changed pg_amproc, row 1976 20 20 1: the function of an operator family integer_ops int8 int8 1",
  },
  {
    what: "an operator of an operator class",
    sql: "update pg_amop set amopopr = 411 where amopfamily = 1976 and amoplefttype = 20 and amoprighttype = 20 and amopstrategy = 3",
    found: "changed pg_amop, row 1976 20 20 3: the operator of an operator family integer_ops int8 int8 3",
  },
  {
    what: "the default operator class of a type",
    sql: "update pg_opclass set opcdefault = false where opcname = 'text_ops' and opcmethod = 403",
    found: "changed pg_opclass, row 403 text_ops 11: the operator class btree text_ops pg_catalog",
  },
  {
    what: "an operator family under another name",
    sql: "update pg_opfamily set opfname = 'mine' where oid = 1976",
    found: "changed pg_opfamily, row 1976: the operator family mine",
  },
  {
    what: "a type's output function",
    sql: `${liar("int8", "name")} update pg_type set typoutput = 'pg_catalog.liar'::regproc where oid = 'int8'::regtype`,
    found: "changed pg_type, row 20: the type int8",
  },
  {
    what: "a type's send function",
    sql: `${liar("int8", "bytea")} update pg_type set typsend = 'pg_catalog.liar'::regproc where oid = 'int8'::regtype`,
    found: "changed pg_type, row 20: the type int8",
  },
  {
    what: "the input function of text",
    sql: "update pg_type set typinput = 'varcharin'::regproc where oid = 'text'::regtype",
    found: "changed pg_type, row 25: the type text",
  },
  {
    what: "a builtin type under another name, and another under its own",
    sql: "update pg_type set typname = 'int8_true' where oid = 20; create domain pg_catalog.int8 as pg_catalog.int8_true",
    found: "changed pg_type, row 20: the type int8_true",
  },
  {
    what: "the body of a builtin in SQL",
    sql: "create or replace function pg_catalog.lpad(text, integer) returns text language sql immutable strict as 'select ''x''::text'",
    found: "changed pg_proc, row 879: the function lpad",
  },
  {
    what: "a builtin function becomes one in PL/pgSQL",
    sql: "create or replace function pg_catalog.sha256(bytea) returns bytea language plpgsql immutable strict as 'begin return null; end'",
    found: "changed pg_proc, row 3420: the function sha256",
  },
  {
    what: "a builtin function gets settings of its own",
    sql: "alter function pg_catalog.sha256(bytea) set search_path = public",
    found: "changed pg_proc, row 3420: the function sha256",
  },
  {
    what: "a builtin function runs with its owner's rights",
    sql: "alter function pg_catalog.set_config(text, text, boolean) security definer",
    found: "changed pg_proc, row 2078: the function set_config",
  },
  {
    what: "a function at an OID of PostgreSQL's",
    sql: `create temporary table new as select * from pg_proc where oid = 3420;
      update new set oid = 9998, proname = 'mine', prosrc = 'sha512_bytea'; insert into pg_proc select * from new`,
    found: "added pg_proc, row 9998: the function mine",
  },
  {
    what: "what runs PL/pgSQL",
    sql: "update pg_language set lanplcallfoid = 'pg_catalog.pg_advisory_unlock_all()'::regprocedure where lanname = 'plpgsql'",
    found: "changed pg_language, row plpgsql: the language plpgsql",
  },
  {
    what: "what checks functions in SQL",
    sql: "update pg_language set lanvalidator = 0 where lanname = 'sql'",
    found: "changed pg_language, row 14: the language sql",
  },
  {
    what: "the symbol that runs PL/pgSQL",
    sql: "update pg_proc set prosrc = 'plpgsql_validator' where proname = 'plpgsql_call_handler'",
    found: "changed pg_proc, row plpgsql_call_handler: the function plpgsql_call_handler",
  },
  {
    what: "the library that runs PL/pgSQL",
    sql: "update pg_proc set probin = '/tmp/mine' where proname = 'plpgsql_call_handler'",
    found: "changed pg_proc, row plpgsql_call_handler: the function plpgsql_call_handler",
  },
  {
    what: "an aggregate's transition function",
    sql: "update pg_aggregate set aggtransfn = 'int8dec'::regproc where aggfnoid = 'count()'::regprocedure",
    found: "changed pg_aggregate, row 2803: the aggregate count",
  },
  {
    what: "an access method's handler",
    sql: "update pg_am set amhandler = 'gisthandler'::regproc where amname = 'spgist'",
    found: "changed pg_am, row 4000: the access method spgist",
  },
  {
    what: "a conversion between encodings",
    sql: "update pg_conversion set conproc = 'utf8_to_iso8859_1'::regproc where conname = 'iso_8859_1_to_utf8'",
    found: "changed pg_conversion, row 4518: the conversion iso_8859_1_to_utf8",
  },
  {
    what: "a range's type of elements",
    sql: "update pg_range set rngsubdiff = 0 where rngtypid = 'int8range'::regtype",
    found: "changed pg_range, row 3926: the range type int8range",
  },
  {
    what: "a collation",
    sql: "update pg_collation set collisdeterministic = false where oid = 950",
    found: "changed pg_collation, row 950: the collation C",
  },
  {
    what: "a view's rule",
    sql: `create or replace view pg_catalog.pg_roles as select rolname, false as rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
        rolreplication, rolconnlimit, '********'::text as rolpassword, rolvaliduntil, rolbypassrls, setconfig as rolconfig, pg_authid.oid
      from pg_authid left join pg_db_role_setting as s on pg_authid.oid = setrole and setdatabase = 0`,
    found: "changed pg_rewrite, row pg_roles _RETURN: the rule _RETURN of pg_roles",
  },
  {
    what: "another view under a view's name",
    sql: `create view pg_catalog.mine as select * from pg_catalog.pg_roles where rolname <> 'evil';
      alter view pg_catalog.pg_roles rename to true_roles; alter view pg_catalog.mine rename to pg_roles`,
    found: "changed pg_rewrite, row pg_roles _RETURN: the rule _RETURN of pg_roles",
  },
  {
    what: "a table under a view's name",
    sql: `create table pg_catalog.mine as select * from pg_catalog.pg_roles;
      alter view pg_catalog.pg_roles rename to true_roles; alter table pg_catalog.mine rename to pg_roles`,
    found: "changed pg_class, row pg_roles: the relation pg_roles",
  },
  {
    what: "a view goes",
    sql: "drop view pg_catalog.pg_user cascade",
    found: "missing pg_class, row pg_user: the relation pg_user",
  },
  {
    what: "a decoy under a renamed catalog's name",
    sql: `create table public.decoy as select * from pg_catalog.pg_cast;
      alter table pg_catalog.pg_cast rename to pg_cast_real; alter table public.decoy rename to pg_cast;
      alter table public.pg_cast set schema pg_catalog`,
    found: /relid: \d+ instead of 2605 .*"pg_cast"/u,
  },
  {
    what: "row security on a catalog",
    sql: "update pg_class set relrowsecurity = true where oid = 'pg_trigger'::regclass",
    found: "changed pg_class, row 2620: the relation pg_trigger",
  },
  {
    what: "a trigger on a catalog",
    sql: `create function public.swallow() returns trigger language plpgsql as 'begin return null; end';
      create trigger t before delete on pg_catalog.pg_cast for each row execute function public.swallow()`,
    found: "changed pg_class, row 2605: the relation pg_cast",
  },
  {
    what: "a rule on a catalog",
    sql: "create rule r as on delete to pg_catalog.pg_cast do instead nothing",
    found: "added pg_rewrite, row 2605 r: the rule r of pg_cast",
  },
  {
    what: "an index on a catalog",
    sql: "create index mine on pg_catalog.pg_cast (castfunc)",
    found: "added pg_index, row ",
  },
  {
    what: "a catalog's index is not ready",
    sql: "update pg_index set indisready = false where indexrelid = 'pg_cast_oid_index'::regclass",
    found: "changed pg_index, row 2660: the index pg_cast_oid_index",
  },
  {
    what: "the order of a catalog's index",
    sql: "update pg_index set indclass = (select oid::text::oidvector from pg_opclass where opcname = 'int4_ops' and opcmethod = 403) where indexrelid = 'pg_cast_oid_index'::regclass",
    found: "changed pg_index, row 2660: the index pg_cast_oid_index",
  },
  {
    what: "the type of a catalog's column",
    sql: "update pg_attribute set atttypid = 'int4'::regtype where attrelid = 'pg_cast'::regclass and attname = 'castfunc'",
    found: /VAR\.vartype: 23 instead of 26 .*"pg_cast"/u,
  },
  {
    what: "a column more in a catalog",
    sql: "alter table pg_catalog.pg_cast add column mine text",
    found: "added pg_attribute, row 2605 7: the column mine of pg_cast",
  },
  {
    what: "the name of the schema pg_toast",
    sql: "update pg_namespace set nspname = 'pg_toast_true' where oid = 99",
    found: "changed pg_namespace, row 99: the schema pg_toast_true",
  },
];
