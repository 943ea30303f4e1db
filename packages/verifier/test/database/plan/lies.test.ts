// C14: what a superuser can put behind the verifier's statements. Each must end as `catalog_changed`, whatever was asked for.

import { asRole, createDatabase, type EmbeddedServer, type TestDatabase } from "@scidex/audit-testkit";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CheckGroup } from "../../../src/index.ts";
import { verify } from "../../../src/verify.ts";
import { startMajor } from "../../../../reader/test/majors.ts";
import { AUDITED } from "../../structure-database.ts";

/** A function of each sort, with settings of its own or without. */
const LIAR = (name: string, args: string, returns: string, value: string, settings = "") =>
  `create function pg_catalog.${name}(${args}) returns ${returns} language plpgsql ${settings} as $f$ begin
     perform pg_catalog.set_config('application_name', '47,2415', false);
     return ${value};
   end $f$;`;
const SILENT = "set debug_print_plan = off";

const DECOY = (catalog: string) => `
  create table public.decoy as select * from pg_catalog.${catalog};
  alter table pg_catalog.${catalog} rename to ${catalog}_real;
  alter table public.decoy rename to ${catalog};
  alter table public.${catalog} set schema pg_catalog;
  grant select on pg_catalog.${catalog} to public;`;

const SOURCES: readonly CheckGroup[] = ["sources", "links", "heads"];
const ALL: readonly CheckGroup[] = [...SOURCES, "structure"];

/** Name, statements, and whether only the check of the structure can find it. */
const LIES: readonly (readonly [name: string, statements: string, only?: "structure" | undefined])[] = [
  [
    "a cast from integer to oid that is a function",
    `${LIAR("liar", "int4", "oid", "pg_catalog.int8($1)::oid")}
     update pg_cast set castmethod = 'f', castfunc = 'pg_catalog.liar'::regproc where castsource = 23 and casttarget = 26;`,
  ],
  [
    "such a cast with a setting of its own",
    `${LIAR("liar", "int4", "oid", "pg_catalog.int8($1)::oid", SILENT)}
     update pg_cast set castmethod = 'f', castfunc = 'pg_catalog.liar'::regproc where castsource = 23 and casttarget = 26;`,
  ],
  [
    "an output function of text that reports what it likes",
    `${LIAR("liar", "text", "name", "'x'::name", SILENT)}
     update pg_type set typoutput = 'pg_catalog.liar'::regproc where oid = 25;`,
  ],
  [
    "an output function of text without settings",
    `${LIAR("liar", "text", "name", "'x'::name")}
     update pg_type set typoutput = 'pg_catalog.liar'::regproc where oid = 25;`,
  ],
  [
    "a send function of bytea in SQL",
    `create function pg_catalog.liar(bytea) returns bytea language sql as 'select $1';
     update pg_type set typsend = 'pg_catalog.liar'::regproc where oid = 17;`,
  ],
  [
    "an output function of uuid, which no catalog has",
    `${LIAR("liar", "uuid", "name", "'x'::name", SILENT)}
     update pg_type set typoutput = 'pg_catalog.liar'::regproc where oid = 2950;`,
  ],
  [
    "an output function of an audited table's own enum",
    `${LIAR("liar", "app.mood", "name", "'calm'::name", SILENT)}
     update pg_type set typoutput = 'pg_catalog.liar'::regproc where oid = 'app.mood'::regtype;`,
  ],
  // They are given a cstring: of 64 bytes at least, or the server crashes.
  ...(
    [
      ["text", "$1::text"],
      ["regclass", "1260::oid::regclass"],
      ["oid", "25::oid"],
    ] as const
  ).map(
    ([type, value]) =>
      [
        `an input function of ${type}`,
        `create function pg_catalog.liar(name) returns ${type} language plpgsql ${SILENT} as $f$ begin return ${value}; end $f$;
         update pg_type set typinput = 'pg_catalog.liar'::regproc where oid = '${type}'::regtype;`,
      ] as const,
  ),
  ...(["bigint", "integer"] as const).map(
    (type) =>
      [
        `the function of >= (bigint, ${type})`,
        `${LIAR("liar", `bigint, ${type}`, "boolean", "true", SILENT)}
         update pg_operator set oprcode = 'pg_catalog.liar'::regproc where oprname = '>=' and oprleft = 20 and oprright = '${type}'::regtype;`,
      ] as const,
  ),
  [
    "the estimate of = (oid, oid)",
    `${LIAR("liar", "oid, oid, oid, integer", "float8", "0.5", SILENT)}
     update pg_operator set oprrest = 'pg_catalog.liar'::regproc where oprname = '=' and oprleft = 26 and oprright = 26;`,
  ],
  [
    "an SQL function behind textcat",
    "update pg_proc set prolang = 14, prosrc = 'select $1', probin = null where oid = 1258;",
  ],
  [
    "a support function of length(text)",
    `${LIAR("liar", "bigint", "bigint", "0", SILENT)}
     update pg_proc set prosupport = 'pg_catalog.liar'::regproc where oid = 1317;`,
  ],
  ...["pg_cast", "pg_trigger", "pg_operator", "pg_rewrite"].map(
    (catalog) => [`a decoy of ${catalog}`, DECOY(catalog), catalog === "pg_trigger" ? "structure" : undefined] as const,
  ),
  [
    "a view in the place of pg_roles",
    `create view public.decoy as select * from pg_catalog.pg_roles where rolname <> 'postgres';
     alter view pg_catalog.pg_roles rename to pg_roles_real;
     alter view public.decoy rename to pg_roles;
     alter view public.pg_roles set schema pg_catalog;
     grant select on pg_catalog.pg_roles to public;`,
    "structure",
  ],
  [
    "another rule of pg_roles",
    `create or replace view pg_catalog.pg_roles as
       select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit,
              '********'::text as rolpassword, rolvaliduntil, rolbypassrls, setconfig as rolconfig, pg_authid.oid
         from pg_authid left join pg_db_role_setting s on pg_authid.oid = setrole and setdatabase = 0 where not rolsuper;`,
  ],
];

/** Rows that only the heap or only the index of a catalog has: in a database of its own, since the server itself is misled. */
const INDEX_LIES: readonly (readonly [string, string, RegExp])[] = [
  [
    "a trigger that only the heap has",
    `update pg_index set indisready = false, indislive = false where indexrelid = 2701;
     -- then
     insert into pg_trigger select 99999, (t).tgrelid, (t).tgparentid, 'hidden', (t).tgfoid, (t).tgtype, 'D', false, 0, 0, 0, false, false, 0, '', '', null, null, null
       from (select t from pg_trigger as t where tgrelid = 'public.strict_refuse'::regclass and not tgisinternal limit 1) as one;
     update pg_index set indisready = true, indislive = true where indexrelid = 2701;`,
    /pg_trigger_tgrelid_tgname_index/u,
  ],
  [
    "a cast that is there twice",
    `update pg_index set indisready = false, indislive = false where indrelid = 'pg_cast'::regclass;
     -- then
     insert into pg_cast select * from pg_cast where castsource = '23'::oid and casttarget = '26'::oid;
     update pg_index set indisready = true, indislive = true where indrelid = 'pg_cast'::regclass;`,
    /cast from int4 to oid is there twice/u,
  ],
];

describe.each([15, 18] as const)("PostgreSQL %i", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  async function checksOf(database: TestDatabase, checks: readonly CheckGroup[]): Promise<string[]> {
    const inspector = postgres(asRole(database.url, "plan_inspector", "inspector"), { max: 2, onnotice: () => {} });
    try {
      const { report } = await verify(inspector, {}, { checks, allowUnanchored: true });
      return [report.status, ...report.unproven, ...report.divergences.map(({ check }) => check)];
    } finally {
      await inspector.end({ timeout: 0 });
    }
  }

  async function opened(): Promise<TestDatabase> {
    const database = await createDatabase({ server, template: AUDITED });
    await database.sql.unsafe(`do $$ begin
      if not exists (select from pg_roles where rolname = 'plan_inspector') then
        create role plan_inspector login password 'inspector'; grant scidex_audit_inspector to plan_inspector;
      end if; end $$`);
    return database;
  }

  async function attack(database: TestDatabase, statements: string): Promise<void> {
    for (const step of statements.split("-- then"))
      await database.sql.begin(async (tx) => {
        await tx`set local allow_system_table_mods = on`;
        await tx.unsafe(step);
      });
  }

  test("nothing is found where nothing was done", async () => {
    await using database = await opened();
    expect(await checksOf(database, SOURCES)).toEqual(["intact"]);
    expect(await checksOf(database, ALL)).toEqual(["intact"]);
  });

  test.each([...LIES])("%s", async (_, statements, only) => {
    await using database = await opened();
    await attack(database, statements ?? "");
    expect(await checksOf(database, only === undefined ? SOURCES : ALL)).toContain("catalog_changed");
  });

  test.each([...INDEX_LIES])("%s", async (_, statements, index) => {
    await using database = await opened();
    await attack(database, statements);
    const inspector = postgres(asRole(database.url, "plan_inspector", "inspector"), { max: 2, onnotice: () => {} });
    const { report } = await verify(inspector, {}, { checks: ["structure"], allowUnanchored: true });
    await inspector.end({ timeout: 0 });
    const messages = report.divergences.map(({ check, message }) => `${check}: ${message}`);
    expect(messages.join("\n")).toMatch(index);
  });
});
