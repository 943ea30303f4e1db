import postgres from "postgres";
import type { Attack, Expected, Trial } from "../attack.ts";
import { pickVictim, where } from "../attacker/rows.ts";
import { quoted } from "../attacker/sql-text.ts";
import { type AuditedTable, TABLES } from "../world/tables.ts";

/** Tables with a text that is never NULL, beside the key. */
const COVERED_TEXT = { task_events: "event_type", artifact_provenance: "actor", senate_alerts: "severity" } as const;
type WithText = keyof typeof COVERED_TEXT;
const PLAIN = TABLES.filter(({ isPartitioned, kind }) => !isPartitioned && kind !== 'Weird "Name"');

/** Each step is a session of its own: the server remembers in a session which indexes a table has. */
async function inSteps({ world, attacker }: Trial, steps: readonly string[]): Promise<void> {
  for (const step of steps) {
    const connection = { session_replication_role: "replica", allow_system_table_mods: "on" };
    const session = postgres(world.url("superuser"), { max: 1, fetch_types: false, onnotice: () => {}, connection });
    try {
      await session.unsafe(step);
    } finally {
      await session.end({ timeout: 1 });
    }
    attacker.note(`in a session of its own: ${step}`);
  }
}

const keyIndex = (relation: string): string =>
  `(select indexrelid from pg_index where indrelid = ${quoted(relation)}::regclass and indisprimary)`;

async function lieToReaders(trial: Trial): Promise<Expected> {
  const { attacker, random } = trial;
  const variant = random.pick([
    "a forged value that only an index has",
    "a row that is not found by its key",
    "a row that is not found by its key, in a partition",
    "a partition's bounds",
    "a NULL where there is none",
    "an index that is not kept up to date",
  ]);
  const check = "access_mismatch";
  if (variant === "a forged value that only an index has" || variant === "a NULL where there is none") {
    const tables = TABLES.filter(({ kind }) => kind in COVERED_TEXT);
    const victim = await pickVictim(attacker, random, { tables });
    const { table, pk } = victim;
    const column = COVERED_TEXT[table.kind as WithText];
    const key = table.kind === "artifact_provenance" ? "action_id" : "id";
    const set = (value: string): string => `update ${table.relation} set ${column} = ${value} ${where(victim)}`;
    if (variant === "a NULL where there is none")
      await inSteps(trial, [
        `alter table ${table.relation} alter column ${column} drop not null`,
        set("null"),
        `update pg_attribute set attnotnull = true where attrelid = ${quoted(table.relation)}::regclass and attname = '${column}'`,
      ]);
    else
      await inSteps(trial, [
        `${set(`'forged ' || ${column}`)}; create index lying on ${table.relation} (${key}) include (${column});
         update pg_index set indislive = false where indexrelid = 'public.lying'::regclass`,
        set(`substr(${column}, 8)`),
        "update pg_index set indislive = true where indexrelid = 'public.lying'::regclass",
      ]);
    return { variant: `${variant}, ${table.kind}`, found: [{ check, kind: table.kind, pk }] };
  }
  if (variant.startsWith("a row that is not found by its key")) {
    const inPartition = variant.endsWith("in a partition");
    const victim = await pickVictim(attacker, random, {
      tables: inPartition ? TABLES.filter(({ isPartitioned }) => isPartitioned) : PLAIN,
    });
    const { table, pk } = victim;
    const [home] = await attacker.read<{ leaf: string }>(
      `select tableoid::regclass::text as leaf from ${table.relation} ${where(victim)}`,
    );
    const leaf = home?.leaf ?? "";
    const ready = (is: boolean): string =>
      `update pg_index set indisready = ${is} where indrelid = ${quoted(leaf)}::regclass`;
    await inSteps(trial, [
      `create table public.kept_row as select * from ${leaf} ${where(victim)}; ${ready(false)}`,
      `delete from ${leaf} ${where(victim)}; insert into ${leaf} select * from public.kept_row`,
      ready(true),
    ]);
    return { variant: `${variant}, ${table.kind}`, found: [{ check, kind: table.kind, pk }] };
  }
  if (variant === "a partition's bounds") {
    const [row] = await attacker.read<{ leaf: string }>(
      "select tableoid::regclass::text as leaf from public.measurements order by id limit 1",
    );
    await inSteps(trial, [
      "create table public.other (like public.measurements) partition by range (day); create table public.other_1 partition of public.other for values from ('2000-01-01') to ('2001-01-01')",
      `update pg_class set relpartbound = (select relpartbound from pg_class where oid = 'public.other_1'::regclass) where oid = ${quoted(row?.leaf ?? "")}::regclass`,
    ]);
    return { variant, found: [{ check, kind: "measurements" }] };
  }
  const { relation, kind } = random.pick(PLAIN);
  await inSteps(trial, [`update pg_index set indisready = false where indexrelid = ${keyIndex(relation)}`]);
  return { variant: `${variant}, ${kind}`, found: [{ check, kind }] };
}

async function impostor({ attacker, random }: Trial): Promise<Expected> {
  const table: AuditedTable = random.pick(TABLES);
  const { relation, kind } = table;
  const name = random.pick(table.covered);
  const column = `"${name.replaceAll('"', '""')}"`;
  const variant = random.pick([
    "a stored generated column",
    "a virtual column",
    "declared generated",
    "another layout",
  ]);
  const flag = (set: string): string =>
    `update pg_attribute set ${set} where attrelid = ${quoted(relation)}::regclass and attname = ${quoted(name)}`;
  const place = { check: "relation_changed", kind, names: name };
  if (variant === "declared generated") await attacker.run(flag("attgenerated = 's'"));
  else if (variant === "another layout") {
    // As a type of another length and alignment is stored: what lies behind it in the row is read from elsewhere.
    // That of an interval, which none of these columns is.
    await attacker.run(flag("attlen = 16, attalign = 'd', attbyval = false"));
  } else {
    const how = variant === "a virtual column" ? "virtual" : "stored";
    const dependent = kind === 'Weird "Name"' ? `alter table ${relation} drop column doubled; ` : "";
    await attacker.run(
      `${dependent}alter table ${relation} drop column ${column} cascade; alter table ${relation} add column ${column} text generated always as ('what I like') ${how}`,
    );
  }
  return { variant: `${variant}, ${kind}`, found: [place] };
}

/** Attacks on the way from a row to an application, and to the verifier. */
export const ACCESS_ATTACKS: readonly Attack[] = [
  {
    id: "B15",
    title: "serve the application by an index, a partition bound or a constraint that lies",
    checks: ["access_mismatch"],
    perform: lieToReaders,
  },
  {
    id: "B16",
    title: "put a generated column, or one of another storage, in the place of a covered one",
    checks: ["relation_changed"],
    perform: impostor,
  },
  {
    id: "B22",
    title: "a kind that looks like another's change",
    checks: ["refused"],
    perform: async ({ world, random, attacker }) => {
      const { kind } = random.pick(TABLES);
      const role = random.pick(["update", "delete", "insert", "record", "backfill", "retire", "erase", "restore"]);
      const taken = quoted(`${kind}:${role}`);
      const [variant, sql] = random.pick([
        ["appended", `select public.audit_chain_append(${taken}, '1@5', sha256('x'))`],
        ["enqueued", `select public.audit_chain_enqueue(${taken}, '1@5', sha256('x'))`],
        [
          "attached as",
          `create table public.plain (id int primary key); select public.audit_chain_attach('public.plain', kind => ${taken})`,
        ],
        [
          "attached",
          `create table public."t:${role}" (id int primary key); select public.audit_chain_attach('public."t:${role}"')`,
        ],
      ] as const);
      const code = await world.honest.unsafe(sql).then(
        () => "nothing",
        (error: unknown) => (error instanceof postgres.PostgresError ? error.code : String(error)),
      );
      attacker.note(`${sql}: ${code}`);
      if (code !== "AC003") throw new Error(`${sql} was not refused with AC003: ${code}`);
      return { variant: `${variant} ${role}`, exit: 0, found: [] };
    },
  },
];
