import postgres, { type Sql } from "postgres";
import type { HonestChange } from "./change.ts";
import type { Random } from "../random.ts";
import type { World } from "../world/world.ts";
import { type Reshaping, RESHAPINGS, reshape } from "../world/migrations.ts";
import { TABLES } from "../world/tables.ts";

const insertAny = (random: Random, fresh: () => number): string => random.pick(TABLES).insert(random, fresh());

/** Works in a session of its own, whose settings and transactions are nobody else's. */
async function inSession(world: World, work: (session: Sql) => Promise<void>): Promise<void> {
  const session = postgres(world.url("superuser"), { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    await work(session);
  } finally {
    await session.end({ timeout: 1 });
  }
}

const SETTINGS = [
  "set timezone = 'Asia/Kathmandu'",
  "set datestyle = 'German'",
  "set intervalstyle = 'iso_8601'",
  "set bytea_output = 'escape'",
  "set extra_float_digits = -3",
  'set search_path = "Odd Schema", pg_temp',
  "set quote_all_identifiers = on",
  "set lc_monetary = 'C'",
];

const sql = (name: string, statements: string): HonestChange => ({
  name,
  run: async ({ honest }) => void (await honest.unsafe(statements)),
});

/** Runs in a transaction of the given isolation level. */
const inTransaction = (name: string, level: string): HonestChange => ({
  name,
  run: async ({ honest }, random, fresh) => {
    await honest.begin(`isolation level ${level}`, async (tx) => {
      for (let i = 0; i < 3; i++) await tx.unsafe(insertAny(random, fresh));
    });
  },
});

/** Columns that join, as ALTER TABLE adds them: each older row has one value in them, be it NULL. */
const JOINED = {
  "with a default": [
    "integer not null default 5",
    "text default 'it''s'",
    "timestamptz default '2026-01-01 00:00:00+02'",
  ],
  "without a default": ["text", "numeric(9,2)", "boolean"],
} as const;

/** A migration that ends with `audit_chain_sync`; then rows come, and older rows of tracked tables are changed. */
const joins = (how: keyof typeof JOINED): HonestChange => ({
  name: `a column ${how} joins in the migration's transaction`,
  run: async ({ honest }, random, fresh) => {
    const table = random.pick(TABLES);
    const { relation } = table;
    const column = `joined_${fresh()}`;
    await honest.begin(async (tx) => {
      await tx.unsafe(`alter table ${relation} add column ${column} ${random.pick(JOINED[how])}`);
      await tx.unsafe(`select public.audit_chain_sync('${relation}')`);
    });
    for (let n = 0; n < 2; n++) await honest.unsafe(table.insert(random, fresh()));
    if (table.changes === "refuse") return;
    await honest.unsafe(`update ${relation} set ${random.pick(table.edits)}`);
    await honest.unsafe(
      `alter table ${relation} alter column ${column} drop not null; update ${relation} set ${column} = null; update ${relation} set ${column} = default`,
    );
  },
});

/** A migration after which rows are recorded anew by the next publication; then the auditor approves it. */
const recordsAnew = (reshaping: Reshaping): HonestChange => ({
  name: `${reshaping}, published and approved`,
  run: async (world, random, fresh) => {
    const table = random.pick(TABLES);
    await reshape(world, random, fresh, table, reshaping);
    const { status, warnings } = await world.publish();
    if (status !== "intact" || warnings.some((warning) => warning.includes("was not recorded anew")))
      throw new Error(`not recorded anew: ${status}, ${warnings.join("; ")}`);
    await world.approve();
    await world.honest.unsafe(table.insert(random, fresh()));
    if (table.changes === "track")
      await world.honest.unsafe(`update ${table.relation} set ${random.pick(table.edits)}`);
  },
});

/** What applications and those who run the database do. */
export const OF_APPLICATIONS: readonly HonestChange[] = [
  inTransaction("rows of several tables", "read committed"),
  inTransaction("a repeatable read transaction", "repeatable read"),
  inTransaction("a serializable transaction", "serializable"),
  {
    name: "odd session settings",
    run: async (world, random, fresh) =>
      await inSession(world, async (session) => {
        await session.unsafe(random.pick(SETTINGS));
        await session.unsafe(random.pick(SETTINGS));
        for (const table of TABLES) await session.unsafe(table.insert(random, fresh()));
      }),
  },
  {
    name: "savepoints, errors and a rollback",
    run: async ({ honest }, random, fresh) => {
      await honest.begin(async (tx) => {
        await tx.unsafe(insertAny(random, fresh));
        await tx
          .savepoint(async (inner) => {
            await inner.unsafe(insertAny(random, fresh));
            await inner.unsafe("select 1 / 0");
          })
          .catch(() => undefined);
        await tx.unsafe(insertAny(random, fresh));
      });
      await honest
        .begin(async (tx) => {
          await tx.unsafe(insertAny(random, fresh));
          throw new Error("rolled back");
        })
        .catch(() => undefined);
    },
  },
  {
    name: "a prepared transaction",
    run: async (world, random, fresh) =>
      await inSession(world, async (session) => {
        const row = random.pick(TABLES.filter(({ mode }) => mode === "sealed")).insert(random, fresh());
        for (const statement of [
          "begin",
          row,
          `prepare transaction '${world.database}'`,
          `commit prepared '${world.database}'`,
        ])
          await session.unsafe(statement);
      }),
  },
  {
    name: "ON CONFLICT in both forms",
    run: async ({ honest }, random, fresh) => {
      const n = fresh();
      for (let i = 0; i < 2; i++)
        await honest.unsafe(
          `insert into public.task_events values (${n}, 't', 'e', '{}', '2026-01-01') on conflict (id) do nothing`,
        );
      for (let i = 0; i < 2; i++)
        await honest.unsafe(
          `insert into public.readings values (${n}, ${i}, 'p') on conflict (id) do update set value = excluded.value + ${random.int(5)}`,
        );
    },
  },
  {
    name: "MERGE",
    run: async ({ honest }, _random, fresh) => {
      await honest.unsafe(
        `merge into public.senate_alerts as a using (select generate_series(1000, 1002) as id union select ${5000 + fresh()}) as s on a.id = s.id when matched then update set ack_by = 'merged' when not matched then insert (id, kind) values (s.id, 'merged')`,
      );
    },
  },
  {
    name: "insert and change of one row in the same transaction",
    run: async ({ honest }, _random, fresh) => {
      const n = fresh();
      await honest.begin(async (tx) => {
        await tx.unsafe(`insert into public.senate_alerts (id, kind) values (${10_000 + n}, 'x')`);
        await tx.unsafe(`update public.senate_alerts set ack_by = 'y' where id = ${10_000 + n}`);
        await tx.unsafe(`insert into public.readings values (${n}, 1, 'gone')`);
        await tx.unsafe(`delete from public.readings where id = ${n}`);
        await tx.unsafe(`insert into public.readings values (${n}, 2, 'again')`);
      });
    },
  },
  {
    name: "a bulk load",
    run: async ({ honest }, _random, fresh) => {
      const n = fresh() * 1000;
      await honest.unsafe(
        `insert into public.measurements select ${n} + i, date '2026-05-05' + i, i / 7.0, 'bulk' from generate_series(1, 40) as i`,
      );
    },
  },
  sql(
    "tracked rows changed and deleted",
    "update public.senate_pause set cleared_by = 'z' where cleared_by is null; delete from public.readings where id = 4",
  ),
  sql("excluded columns changed", "update public.agent_notes set seen = coalesce(seen, 0) + 1"),
  sql("a nullable column added", "alter table public.task_events add column extra jsonb"),
  {
    name: "a nullable column added and attached",
    run: async ({ honest }, random, fresh) => {
      await honest.unsafe(
        "alter table public.everything add column more inet; select public.audit_chain_attach('public.everything')",
      );
      await honest.unsafe(TABLES.find(({ kind }) => kind === "everything")?.insert(random, fresh()) ?? "");
    },
  },
  joins("with a default"),
  joins("without a default"),
  ...RESHAPINGS.map(recordsAnew),
  {
    name: "a column joins late, and no row has another value in it",
    run: async ({ honest }, random, fresh) => {
      const table = random.pick(TABLES);
      const type = random.pick([...JOINED["with a default"], ...JOINED["without a default"]]);
      await honest.unsafe(`alter table ${table.relation} add column late_${fresh()} ${type}`);
      await honest.unsafe(table.insert(random, fresh()));
      await honest.unsafe(`select public.audit_chain_sync('${table.relation}')`);
      await honest.unsafe(table.insert(random, fresh()));
    },
  },
  {
    name: "a column added and dropped again",
    run: async ({ honest }, random, fresh) => {
      const table = random.pick(TABLES);
      const column = `passing_${fresh()}`;
      await honest.unsafe(`alter table ${table.relation} add column ${column} integer default 5`);
      await honest.unsafe(table.insert(random, fresh()));
      await honest.unsafe(`alter table ${table.relation} drop column ${column}`);
      await honest.unsafe(`select public.audit_chain_sync('${table.relation}')`);
      await honest.unsafe(table.insert(random, fresh()));
    },
  },
  {
    name: "sync without any change",
    run: async ({ honest }) => {
      for (const { relation } of TABLES) await honest.unsafe(`select public.audit_chain_sync('${relation}')`);
    },
  },
  {
    name: "a new table attached, with rows and a backfill",
    run: async ({ honest }, random) => {
      const name = `public.${random.word()}`;
      await honest.unsafe(
        `create table ${name} (a text, b int, c text, primary key (a, b)); insert into ${name} select i, i, 'before' from generate_series(1, 4) as i`,
      );
      await honest.unsafe(`select public.audit_chain_attach('${name}', changes => 'track', mode => 'sealed')`);
      const { backfill } = await import("@scidex/audit-backfill");
      await backfill(honest, { tables: [name] });
      await honest.unsafe(`insert into ${name} values ('x"', 1, 'after')`);
    },
  },
  {
    name: "a partition created",
    run: async ({ honest }, _random, fresh) => {
      await honest.unsafe(
        "create table public.measurements_3 partition of public.measurements for values from ('2027-01-01') to ('2028-01-01')",
      );
      await honest.unsafe(`insert into public.measurements_3 values (${fresh()}, '2027-03-03', 1, 'new')`);
    },
  },
  sql("VACUUM FULL", "vacuum full public.task_events"),
  sql(
    "REINDEX and CLUSTER",
    "reindex table public.audit_chain; cluster public.artifact_provenance using artifact_provenance_pkey",
  ),
  {
    name: "events through the doors",
    run: async ({ honest }, random) => {
      for (const pk of ["", "é \u0001", random.word()]) {
        const event = `'door', '${random.word()}${pk}', '\\x${random.hex(32)}'`;
        await honest.unsafe(`select public.audit_chain_enqueue(${event})`);
        await honest.unsafe(
          `select public.audit_chain_append('other', '${pk}${random.word()}', '\\x${random.hex(32)}')`,
        );
      }
      await honest.unsafe("select public.audit_chain_seal(2)");
    },
  },
  sql(
    "rights on PostgreSQL's own functions, types and catalogs",
    `revoke execute on function pg_catalog.pg_read_file(text) from public; grant execute on function pg_catalog.pg_ls_dir(text) to public;
     revoke usage on type pg_catalog.int8 from public; revoke create on schema public from public;
     revoke select on pg_catalog.pg_user_mapping from public; revoke select (rolname) on pg_catalog.pg_roles from public`,
  ),
  sql(
    "costs and comments",
    `alter function pg_catalog.sha256(bytea) cost 1000; alter function pg_catalog.generate_series(int, int) rows 10;
     comment on function pg_catalog.sha256(bytea) is 'hashes'; comment on table public.audit_chain is 'the chain';
     comment on column public.task_events.detail is 'what happened'; comment on table pg_catalog.pg_cast is 'casts'`,
  ),
  {
    name: "extensions in a schema of their own",
    run: async ({ honest }, random) => {
      const schema = random.word();
      await honest.unsafe(`create schema ${schema}`);
      const names = [
        "pgcrypto",
        "citext",
        "btree_gist",
        "btree_gin",
        "ltree",
        "cube",
        "intarray",
        "seg",
        "isn",
        "fuzzystrmatch",
      ];
      for (let n = 0; n < 3; n++)
        await honest.unsafe(`create extension if not exists ${random.pick(names)} schema ${schema}`);
    },
  },
  {
    name: "an extension in pg_catalog",
    run: async (world, random) => {
      const name = random.pick(["hstore", "pg_trgm", "unaccent", "tablefunc", "pg_stat_statements"]);
      await inSession(world, async (session) => {
        await session.unsafe(
          `set allow_system_table_mods = on; create extension if not exists ${name} schema pg_catalog`,
        );
      });
    },
  },
  {
    name: "statistics",
    run: async (world) =>
      await inSession(world, async (session) => {
        await session.unsafe(
          `set allow_system_table_mods = on; alter table pg_catalog.pg_proc alter column proname set statistics 500;
           create statistics public.notes_together on id, note from public.agent_notes;
           alter table public.task_events alter column task_id set statistics 10; analyze`,
        );
      }),
  },
  {
    name: "default privileges of other owners",
    run: async ({ honest }, random) => {
      const schema = random.word();
      await honest.unsafe(`create schema ${schema}`);
      for (const to of ["public", "scidex_audit_ro", "campaign_app", "scidex_audit_inspector"])
        await honest.unsafe(
          `alter default privileges for role campaign_nobody in schema ${schema} grant select, insert on tables to ${to};
           alter default privileges for role campaign_app grant execute on functions to ${to}`,
        );
    },
  },
  {
    name: "schemas, tables, views and roles of other people",
    run: async ({ honest }, random) => {
      const name = random.word();
      await honest.unsafe(
        `create schema ${name} authorization campaign_nobody; create table ${name}.task_events (id int primary key);
         alter table ${name}.task_events owner to campaign_nobody; grant select on ${name}.task_events to scidex_audit_ro;
         create view ${name}.audit_chain as select 1 as seq; create function ${name}.f() returns int language sql as 'select 1';
         create type ${name}.mood as enum ('calm'); create domain ${name}.short as text; create sequence ${name}.numbers;
         create collation ${name}.mine from "C"; create operator ${name}.=== (leftarg = int, rightarg = int, function = int4eq);
         create publication ${name} for table ${name}.task_events; create aggregate ${name}.total (int) (sfunc = int4pl, stype = int, initcond = '0')`,
      );
    },
  },
  {
    name: "an event trigger of other people's",
    run: async ({ honest }, random) => {
      const name = random.word();
      await honest.unsafe(
        `create function public.${name}() returns event_trigger language plpgsql as 'begin end';
         create event trigger ${name} on ddl_command_end execute function public.${name}(); create table public.${name}_made (id int)`,
      );
    },
  },
  {
    name: "a trigger that changes sibling rows",
    run: async ({ honest }, random) => {
      const name = random.word();
      await honest.unsafe(
        `create table public.${name} (id int primary key, v text, n int default 0);
         create function public.${name}_f() returns trigger language plpgsql as $$ begin
           if pg_trigger_depth() = 1 then update public.${name} set v = v || '+', n = n + 1 where id <> new.id; end if; return null; end $$;
         create trigger a_sibling after insert or update on public.${name} for each row execute function public.${name}_f();
         select public.audit_chain_attach('public.${name}', changes => 'track', mode => '${random.pick(["strict", "sealed"])}')`,
      );
      await honest.unsafe(`insert into public.${name} values (1, 'a'), (2, 'b'), (3, 'c')`);
      await honest.unsafe(`update public.${name} set v = 'x'`);
      await honest.unsafe(`update public.${name} set v = v || n where id < 3; delete from public.${name} where id = 2`);
    },
  },
  {
    name: "a table with a rule, attached",
    run: async ({ honest }, random) => {
      const name = random.word();
      await honest.unsafe(
        `create table public.${name} (id int primary key, name text not null, deleted bool not null default false);
         create rule soft_delete as on delete to public.${name} do instead update public.${name} set deleted = true where old.id = id;
         select public.audit_chain_attach('public.${name}', mode => 'strict', changes => 'track')`,
      );
      await honest.unsafe(`insert into public.${name} values (1, 'a'), (2, 'b')`);
      await honest.unsafe(`delete from public.${name} where id = 1`);
    },
  },
  {
    name: "a schema for each tenant, with a search path",
    run: async (world, random) => {
      const [one, two] = [random.word(), random.word()];
      await world.honest.unsafe(
        `create schema ${one}; create schema ${two}; create table ${one}.customers (id int primary key); create table ${two}.customers (id int primary key);
         alter role campaign_nobody in database ${world.database} set search_path = ${two}, public;
         select public.audit_chain_attach('${one}.customers', mode => 'strict', kind => '${one}.customers')`,
      );
      await world.honest.unsafe(`insert into ${one}.customers values (1)`);
    },
  },
  {
    name: "deferred foreign keys in strict",
    run: async ({ honest }, random) => {
      const name = random.word();
      await honest.unsafe(
        `create table public.${name}_a (id int primary key);
         create table public.${name} (id int primary key, a int references public.${name}_a deferrable initially deferred);
         select public.audit_chain_attach('public.${name}', mode => 'strict')`,
      );
      await honest.begin(async (tx) => {
        await tx.unsafe(`insert into public.${name} values (1, 1), (2, 2)`);
        await tx.unsafe(`insert into public.${name}_a values (1), (2)`);
      });
      await honest
        .begin(async (tx) => await tx.unsafe(`insert into public.${name} values (3, 9)`))
        .catch(() => undefined);
    },
  },
  {
    name: "a table with blinded keys, salted or not",
    run: async ({ honest }, random) => {
      const name = random.word();
      const changes = random.pick(["refuse", "track"]);
      await honest.unsafe(
        `create table public.${name} (email text primary key, v int);
         select public.audit_chain_attach('public.${name}', mode => 'strict', blind_key => true, salt => ${random.pick(["true", "false"])}, changes => '${changes}')`,
      );
      await honest.unsafe(`insert into public.${name} values ('a@example.org', 1), ('b@example.org', 2)`);
      if (changes === "track")
        await honest.unsafe(
          `update public.${name} set v = v + 1; delete from public.${name} where v = 2; insert into public.${name} values ('a@example.org', 7)`,
        );
    },
  },
  {
    name: "keys of tracked rows changed, and used again",
    run: async ({ honest }, _random, fresh) => {
      const n = 20_000 + fresh();
      await honest.unsafe(`insert into public.readings values (${n}, 1, 'a')`);
      await honest.unsafe(`update public.readings set id = id + 100000 where id = ${n}`);
      await honest.unsafe(`insert into public.readings values (${n}, 2, 'b')`);
      await honest.unsafe(`delete from public.readings where id in (${n}, ${n + 100_000})`);
      await honest.unsafe(`insert into public.readings values (${n}, 3, 'c')`);
    },
  },
  sql("VACUUM FULL of catalogs", "vacuum full pg_catalog.pg_proc"),
  sql("VACUUM FULL of everything", "vacuum full"),
  sql("CLUSTER of a catalog", "cluster pg_catalog.pg_cast using pg_cast_oid_index"),
  sql("REINDEX of a catalog", "reindex table pg_catalog.pg_class"),
  sql("REINDEX of a partitioned table", "reindex table public.measurements"),
  sql("REINDEX without a lock", "reindex table concurrently public.task_events"),
  sql("an index more", "create index concurrently on public.senate_alerts (kind, created_at desc)"),
  sql(
    "roles and rights of an application",
    `do $$ begin if not exists (select from pg_roles where rolname = 'campaign_reader') then create role campaign_reader; end if; end $$;
     grant select on all tables in schema public to campaign_reader; grant campaign_reader to campaign_app; grant select on public.task_events to campaign_nobody;
     revoke campaign_reader from campaign_app; revoke select on all tables in schema public from campaign_reader`,
  ),
  { name: "a head without anything new", run: async (world) => void (await world.publish()) },
  {
    name: "a torn last line in a head log",
    run: async ({ place }) => {
      const { appendFile } = await import("node:fs/promises");
      await appendFile(place.log, '{"seq":1042,"chain_hash":"ab');
    },
  },
  {
    name: "several sessions at once",
    run: async (world, random, fresh) => {
      const many = postgres(world.url("superuser"), { max: 6, fetch_types: false, onnotice: () => {} });
      await Promise.all(Array.from({ length: 18 }, async () => await many.unsafe(insertAny(random, fresh))));
      await many.end();
    },
  },
];
