import { editRow, pickVictim } from "../attacker/rows.ts";
import { quoted } from "../attacker/sql-text.ts";
import type { Attack, Expected, Trial } from "../attack.ts";
import { TABLES } from "../world/tables.ts";
import { at, LINK_CHECKS } from "./links.ts";

const plain = TABLES.filter(({ isPartitioned }) => !isPartitioned);

async function narrow(trial: Trial): Promise<Expected> {
  const { random, attacker, world } = trial;
  const table = random.pick(TABLES);
  const { relation, kind } = table;
  const variant = random.pick([
    "detach",
    "exclude",
    "incomplete again",
    "configured away",
    "tracked, not refused",
    "a name reused",
  ]);
  const found = [{ check: "coverage_narrowed", kind }];
  // The front door: an owner of the table, with all triggers at work.
  const front = async (sql: string): Promise<void> => {
    await world.honest.unsafe(sql);
    attacker.ran.push(sql);
  };
  const target = `${quoted(relation)}::regclass`;
  if (variant === "detach") await front(`select public.audit_chain_detach(${target})`);
  else if (variant === "exclude") {
    const column = random.pick(table.covered);
    const names = [...(kind === "agent_notes" ? ["seen"] : []), column].map(quoted);
    await front(`select public.audit_chain_attach(${target}, exclude => array[${names.join(", ")}])`);
  } else if (variant === "incomplete again") await front(`select public.audit_chain_complete(${target}, false)`);
  else if (variant === "tracked, not refused") {
    const refusing = random.pick(TABLES.filter(({ changes }) => changes === "refuse"));
    await front(`select public.audit_chain_attach(${quoted(refusing.relation)}::regclass, changes => 'track')`);
    return { variant, found: [{ check: "coverage_narrowed", kind: refusing.kind }] };
  } else if (variant === "a name reused") {
    // What old rows say under this name was never recorded: it is somebody else's column.
    const named = random.pick(TABLES.filter(({ isPartitioned }) => !isPartitioned));
    const column = `"${random.pick(named.covered).replaceAll('"', '""')}"`;
    const renaming = `alter table ${named.relation} rename column ${column} to was_before`;
    const again = `alter table ${named.relation} add column ${column} text default 'mallory'`;
    const attach = `select public.audit_chain_attach(${quoted(named.relation)}::regclass)`;
    for (const sql of random.chance(50) ? [renaming, attach, again, attach] : [renaming, again, attach])
      await front(sql);
    return { variant, found: [{ check: "coverage_narrowed", kind: named.kind }] };
  } else
    await front(
      `insert into public.audit_chain_config select (select max(id) + 1 from public.audit_chain_config), clock_timestamp(), actor, 'detach', kind, relation, key_columns, columns, members, absent, column_types, excluded, renamed, changes, mode, fallback, complete, record_anew, salt, blind_key, present from public.audit_chain_config where kind = ${quoted(kind)} order by id desc limit 1`,
    );
  return { variant: `${variant}, ${kind}`, found };
}

/** Attacks on what is looked at: the window, the coverage, the alert. */
export const COVERAGE_ATTACKS: readonly Attack[] = [
  {
    id: "C07",
    title: "change appended_at to slip out of a time window",
    checks: LINK_CHECKS,
    perform: async ({ attacker, random, heads, length }) => {
      const seq = random.between(1, length);
      await attacker.run(
        `update public.audit_chain set appended_at = appended_at ${random.pick(["-", "+"])} interval '${random.between(1, 400)} ${random.pick(["hours", "days"])}' where seq = ${seq}`,
      );
      const from = heads.findLast((head) => head < seq);
      const isWindow = from !== undefined && random.chance(60);
      return {
        variant: isWindow ? "window" : "everything",
        found: at(LINK_CHECKS, seq),
        first: seq,
        trust: isWindow ? { args: ["--from", String(random.between(from + 1, seq))] } : {},
      };
    },
  },
  { id: "C08", title: "narrow the coverage through the front door", checks: ["coverage_narrowed"], perform: narrow },
  {
    id: "C13",
    title: "write the alert in advance, acknowledge it, bury the finding in noise",
    checks: ["source_deleted", "source_edited"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const victim = await pickVictim(attacker, random, { tables: plain });
      const isEdit = random.chance(50);
      if (isEdit) await editRow(attacker, random, victim);
      else await attacker.run(`delete from ${victim.table.relation} where ${victim.table.pk} = ${quoted(victim.pk)}`);
      const check = isEdit ? "source_edited" : "source_deleted";
      const { seq } = victim.newest;
      await attacker.run(
        `insert into public.senate_alerts (id, kind, ref_id, severity, details, ack_at, ack_by) values (999999, 'audit_chain_break', '${seq}', 'critical', '{"check": "${check}", "seq": ${seq}}', now(), 'mallory')`,
      );
      const noise = random.between(1100, 2500);
      await attacker.run(
        `insert into public.agent_notes (id, note) select 100000 + n, 'noise' from generate_series(1, ${noise}) as n`,
      );
      return { variant: `${isEdit ? "edit" : "delete"} under ${noise} findings`, found: [{ check, seq }], first: seq };
    },
  },
];
