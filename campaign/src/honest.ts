import postgres, { type Sql } from "postgres";
import type { Random } from "./random.ts";
import type { World } from "./world/world.ts";
import { TABLES } from "./world/tables.ts";

/** Something that is no attack: after it the report must be clean. */
interface HonestChange {
  readonly name: string;
  readonly run: (world: World, random: Random, fresh: () => number) => Promise<void>;
}

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

export const HONEST_CHANGES: readonly HonestChange[] = [
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
