import { readFileSync, writeFileSync } from "node:fs";
import type { Trial } from "../../attack.ts";
import type { Streamed } from "../../world/streamed.ts";

/** How changes are kept from capture. */
export interface Way {
  readonly variant: string;
  /** While capture is down, or under its eyes. */
  readonly isDown: boolean;
  /** Whether what was hidden never comes; else it is recorded. */
  readonly isLost: boolean;
  readonly in?: "parts";
  readonly run: (trial: Trial, tables: Streamed, hide: string) => Promise<void>;
  readonly undo?: (trial: Trial) => Promise<void>;
}

const sql =
  (statements: (tables: Streamed, hide: string) => string) =>
  async ({ attacker }: Trial, tables: Streamed, hide: string): Promise<void> =>
    void (await attacker.run(statements(tables, hide)));

/** Statements that cannot run in one transaction. */
const each =
  (statements: (tables: Streamed, hide: string) => readonly string[]) =>
  async ({ attacker }: Trial, tables: Streamed, hide: string): Promise<void> => {
    for (const statement of statements(tables, hide)) await attacker.run(statement);
  };

const position = (set: string) => (_: Streamed, hide: string) => [
  hide,
  `update public.audit_chain_position set ${set}`,
];
export const drop = (slot: string) => `select pg_drop_replication_slot('${slot}')`;

/** Each is a gap, said at once and for good in the chain. */
export const WAYS: readonly Way[] = [
  { variant: "the slot dropped", isDown: true, isLost: true, run: each(({ slot }, hide) => [hide, drop(slot)]) },
  {
    variant: "the slot dropped and made again",
    isDown: true,
    isLost: true,
    run: each(({ slot }, hide) => [
      hide,
      drop(slot),
      `select pg_create_logical_replication_slot('${slot}', 'pgoutput')`,
    ]),
  },
  {
    variant: "the slot moved on",
    isDown: true,
    isLost: true,
    run: each(({ slot }, hide) => [hide, `select pg_replication_slot_advance('${slot}', pg_current_wal_lsn())`]),
  },
  {
    variant: "the slot moved on, and the position with it",
    isDown: true,
    isLost: true,
    run: each(({ slot }, hide) => [
      hide,
      `select pg_replication_slot_advance('${slot}', pg_current_wal_lsn())`,
      "update public.audit_chain_position set linked_to = (select confirmed_flush_lsn from pg_replication_slots where slot_name = slot)",
    ]),
  },
  {
    variant: "the slot in the place of another plugin's",
    isDown: true,
    isLost: true,
    run: each(({ slot }, hide) => [
      hide,
      drop(slot),
      `select pg_create_logical_replication_slot('${slot}', 'test_decoding')`,
    ]),
  },
  {
    variant: "the slot in the place of a physical one",
    isDown: true,
    isLost: true,
    run: each(({ slot }, hide) => [hide, drop(slot), `select pg_create_physical_replication_slot('${slot}')`]),
  },
  {
    variant: "the slot starved",
    isDown: true,
    isLost: true,
    run: each((_, hide) => [
      hide,
      "alter system set max_slot_wal_keep_size = '1MB'",
      "select pg_reload_conf()",
      ...Array.from({ length: 4 }, () => [
        "select pg_switch_wal()",
        "select pg_logical_emit_message(true, 'x', 'x')",
      ]).flat(),
      "checkpoint",
    ]),
    undo: async ({ attacker }) => {
      await attacker.run("alter system reset max_slot_wal_keep_size");
      await attacker.run("select pg_reload_conf()");
    },
  },
  {
    variant: "the slot moved on as soon as capture's session is ended",
    isDown: false,
    isLost: true,
    run: async ({ attacker }, { slot }, hide) => {
      await attacker.run(
        `do $x$ begin perform pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '${slot}';
           while exists (select from pg_replication_slots where slot_name = '${slot}' and active) loop perform pg_sleep(0.01); end loop; end $x$`,
      );
      await attacker.run(hide);
      await attacker.run(`select pg_replication_slot_advance('${slot}', pg_current_wal_lsn())`);
    },
  },
  {
    variant: "the position set ahead",
    isDown: true,
    isLost: false,
    run: each(position("linked_to = pg_current_wal_lsn()")),
  },
  {
    variant: "the position set back",
    isDown: true,
    isLost: false,
    run: each(position("linked_to = linked_to - 1000")),
  },
  {
    variant: "the position set ahead while capture runs",
    isDown: false,
    isLost: false,
    run: each(position("linked_to = 'FFFF/0'")),
  },
  {
    variant: "the position another server's",
    isDown: true,
    isLost: false,
    run: each(position("system_identifier = 1")),
  },
  {
    variant: "the position removed",
    isDown: true,
    isLost: false,
    run: each((_, hide) => [hide, "delete from public.audit_chain_position"]),
  },
  {
    variant: "the position removed while capture runs",
    isDown: false,
    isLost: false,
    run: each((_, hide) => ["delete from public.audit_chain_position", hide]),
  },
  {
    variant: "the position given a decoy to follow",
    isDown: true,
    isLost: false,
    run: each((_, hide) => [
      "create publication audit_chain_decoy",
      "update public.audit_chain_position set publications = '{audit_chain_decoy}'",
      hide,
    ]),
  },
  {
    variant: "the door called with a place ahead",
    isDown: true,
    isLost: false,
    run: each((_, hide) => [
      hide,
      `select public.audit_chain_stream((select id from public.audit_chain_position), pg_current_wal_lsn(), null, 0, '{}', '{}', '{}', '{}', '{}')`,
    ]),
  },
  {
    variant: "the publication dropped and made again",
    isDown: true,
    isLost: true,
    run: each(({ publication, notes, counts, parts }, hide) => [
      hide,
      `drop publication ${publication}`,
      `create publication ${publication} for table public.${notes}, public.${counts}, public.${parts}, public.${parts}_a, public.${parts}_b`,
    ]),
  },
  ...[true, false].flatMap((isDown): Way[] => [
    {
      variant: `the table out of its publication for a moment, capture ${isDown ? "down" : "running"}`,
      isDown,
      isLost: true,
      run: each(({ publication, notes }, hide) => [
        `alter publication ${publication} drop table public.${notes}`,
        hide,
        `alter publication ${publication} add table public.${notes}`,
      ]),
    },
    {
      variant: `its rows filtered for a moment, capture ${isDown ? "down" : "running"}`,
      isDown,
      isLost: true,
      run: each(({ publication, notes }, hide) => [
        `alter publication ${publication} drop table public.${notes}`,
        `alter publication ${publication} add table public.${notes} where (id > 1000)`,
        hide,
        `alter publication ${publication} drop table public.${notes}`,
        `alter publication ${publication} add table public.${notes}`,
      ]),
    },
  ]),
  {
    variant: "the table out of its publication in one transaction, with something recorded",
    isDown: false,
    isLost: true,
    run: sql(
      ({ publication, notes }, hide) =>
        `alter publication ${publication} drop table public.${notes}; ${hide}; set local session_replication_role = origin;
         alter table public.${notes} add column more int; select public.audit_chain_sync('public.${notes}')`,
    ),
  },
  {
    variant: "a partition filtered in one transaction",
    isDown: false,
    isLost: true,
    in: "parts",
    run: sql(
      ({ publication, parts }, hide) =>
        `alter publication ${publication} drop table public.${parts}_a; alter publication ${publication} add table public.${parts}_a where (id > 1000); ${hide};
         alter publication ${publication} drop table public.${parts}_a; alter publication ${publication} add table public.${parts}_a`,
    ),
  },
  {
    variant: "truncations alone published for a moment",
    isDown: true,
    isLost: true,
    run: each(({ publication }, hide) => [
      `alter publication ${publication} set (publish = 'truncate')`,
      hide,
      `alter publication ${publication} set (publish = 'insert, update, delete, truncate')`,
    ]),
  },
  {
    variant: "capture's state rolled back",
    isDown: true,
    isLost: false,
    run: async ({ attacker, world }, { capture, counts }, hide) => {
      const older = readFileSync(capture.stateFile);
      capture.start();
      await world.honest.unsafe(`update public.${counts} set body = 'since' where id = 3`);
      await capture.linked();
      await capture.stop();
      writeFileSync(capture.stateFile, older);
      attacker.note("capture's state file is an older one");
      await attacker.run(hide);
    },
  },
];
