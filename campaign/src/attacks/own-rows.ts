import { quoted } from "../attacker/sql-text.ts";
import type { Attack, Trial } from "../attack.ts";
import { TABLES } from "../world/tables.ts";
import { perform, type Step } from "./step.ts";

const LISTS =
  "id recorded_at actor action kind relation key_columns columns members absent column_types excluded renamed changes mode fallback complete record_anew salt blind_key present".split(
    " ",
  );

/** A configuration row as the newest of a kind, with these columns instead. */
const configRow = (kind: string, columns: Readonly<Record<string, string>>): string =>
  `insert into public.audit_chain_config (${LISTS.join(", ")}) select ${LISTS.map((name) => columns[name] ?? `c.${name}`).join(", ")}
     from public.audit_chain_config as c where c.kind = ${quoted(kind)} order by c.id desc limit 1`;

function write({ random }: Trial): Step {
  const { kind, relation } = random.pick(TABLES);
  const changed = (names: string): Step["found"] => [{ check: "relation_changed", names }];
  const narrowed = [{ check: "coverage_narrowed" }];
  const id = random.between(1_000, 1_000_000);
  // Chained like any other: whoever writes here owns the database.
  const front = (sql: string): string =>
    `set session_replication_role = origin; ${sql}; set session_replication_role = replica`;
  const loose = (column: string): string =>
    `alter table public.audit_chain_config alter column ${column} drop not null;`;
  return random.pick<Step>([
    {
      variant: "tickets made in advance",
      // Past the ticket's own trigger, which fires for replicas too and takes every ticket back.
      sql: `alter table public.audit_chain_ticket disable trigger audit_chain_commit;
        insert into public.audit_chain_ticket select (pg_current_xact_id()::text::bigint + i)::text::xid8 from generate_series(1, ${random.between(1, 5000)}) as i;
        alter table public.audit_chain_ticket enable always trigger audit_chain_commit`,
      found: changed("audit_chain_ticket"),
    },
    { variant: "no row to lock", sql: "delete from public.audit_chain_lock", found: changed("audit_chain_lock") },
    {
      variant: "a second row to lock",
      sql: "insert into public.audit_chain_lock values (false)",
      found: changed("audit_chain_lock"),
    },
    {
      variant: `a kind without its table, ${kind}`,
      sql: `delete from public.audit_chain_relation where kind = ${quoted(kind)}`,
      found: changed(kind),
    },
    {
      variant: `a kind of another table, ${kind}`,
      sql: `create table public.evil (id int); update public.audit_chain_relation set relid = 'public.evil' where kind = ${quoted(kind)}`,
      found: changed(kind),
    },
    {
      variant: `columns of a kind, ${kind}`,
      sql: `update public.audit_chain_relation set column_numbers = ${random.pick(["'{}x'", "'[1]'", `'{"id": 0}'`, `'{"nobody": 1}'`])} where kind = ${quoted(kind)}`,
      found: changed(relation.replaceAll('"', "").split(".")[0] ?? ""),
    },
    {
      variant: "a migration that is missing",
      sql: "delete from public.audit_chain_migrations where id = 0",
      found: changed("audit_chain_migrations"),
    },
    {
      variant: "a pending row of no mode",
      sql: "insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash) values ('never', 'event', 'k', '1', sha256(''))",
      found: changed("audit_chain_pending"),
    },
    {
      variant: "a pending row from the end of time",
      sql: "insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, staged_at) values ('sealed', 'event', 'k', '1', sha256(''), 'infinity')",
      found: changed("audit_chain_pending"),
    },
    {
      variant: `a configuration row of 19 digits, ${kind}`,
      sql: front(configRow(kind, { id: "1000000000000000000", complete: "false" })),
      found: narrowed,
    },
    {
      variant: `a configuration row that does not decode, ${kind}`,
      sql: front(
        configRow(kind, {
          id: String(id),
          ...random.pick<Record<string, string>>([
            { action: "'admit'" },
            { changes: "'ignore'" },
            { mode: "'never'" },
            { relation: "'nowhere'" },
            { recorded_at: "'infinity'" },
            { column_types: "'{}'::text[]" },
            { key_columns: "'{}'::text[]" },
            { absent: "'[]'" },
            { kind: "repeat('x', 201)" },
          ]),
        }),
      ),
      found: narrowed,
    },
    {
      variant: `a configuration row without completeness, ${kind}`,
      sql: `${loose("complete")} ${front(configRow(kind, { id: String(id), complete: "null" }))}`,
      found: narrowed,
    },
    {
      variant: `a configuration row below the newest, ${kind}`,
      sql: front(
        `${configRow(kind, { id: String(id) })}; ${configRow(kind, { id: String(id - 1), complete: "false" })}`,
      ),
      found: narrowed,
    },
  ]);
}

export const OWN_ROW_ATTACKS: readonly Attack[] = [
  {
    id: "C18",
    title: "write tickets, relation and configuration rows past their guards",
    checks: ["relation_changed", "coverage_narrowed"],
    perform: async (trial) => await perform(trial, write(trial)),
  },
];
