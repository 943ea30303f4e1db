import { readChain, recompute, rewrite, rowOf } from "../attacker/chain.ts";
import { editRow, payloadOf, pickVictim, type Victim, where } from "../attacker/rows.ts";
import { type Attack, type Expected, intervalOf, type Trial } from "../attack.ts";
import { runProgram } from "../world/programs.ts";
import { type AuditedTable, TABLES } from "../world/tables.ts";
import { appendLink, rewrittenFrom } from "./links.ts";

const FLAWLESS = [
  "event_hash",
  "chain_hash",
  "prev_hash",
  "gap",
  "duplicate",
  "source_edited",
  "source_deleted",
  "source_unchained",
];

const lastHead = ({ heads }: Trial): number => heads.at(-1) ?? 0;

const located = (check: string, { table, pk, newest }: Victim) => ({
  check,
  seq: newest.seq,
  kind: newest.kind,
  pk: newest.pk,
  names: table.kind === newest.kind ? pk : newest.pk,
});

/** Inserts a row that no trigger sees. Returns its key. */
async function insertPast(trial: Trial, table: AuditedTable): Promise<string> {
  const keys = async (): Promise<Set<string>> =>
    new Set(
      (await trial.attacker.read<{ pk: string }>(`select ${table.pk} as pk from ${table.relation}`)).map(
        ({ pk }) => pk,
      ),
    );
  const before = await keys();
  await trial.attacker.run(table.insert(trial.random, trial.fresh()));
  const pk = [...(await keys())].find((key) => !before.has(key));
  if (pk === undefined) throw new Error(`nothing was inserted into ${table.relation}`);
  return pk;
}

/**
 * A change of a row of a table that refuses changes, with a well-formed event that would excuse it if the table tracked
 * them.
 */
async function excused(trial: Trial, change: "update" | "delete"): Promise<Expected> {
  const { attacker, random } = trial;
  const victim = await pickVictim(attacker, random, {
    tables: TABLES.filter(({ changes }) => changes === "refuse"),
  });
  const { table, pk, newest } = victim;
  const before = await payloadOf(attacker, victim);
  if (change === "update") await editRow(attacker, random, victim);
  const payload = change === "update" ? await payloadOf(attacker, victim) : before;
  if (change === "delete") await attacker.run(`delete from ${table.relation} ${where(victim)}`);
  const seq = (await readChain(attacker)).length + 1;
  await appendLink(trial, { kind: `${table.kind}:${change}`, pk: `${pk}@${seq}`, payload });
  return {
    variant: `excused by a forged event, ${table.kind}`,
    found: [located(change === "update" ? "source_edited" : "source_deleted", victim)],
    first: newest.seq,
  };
}

const plain = TABLES.filter(({ isPartitioned }) => !isPartitioned);

export const ROW_ATTACKS: readonly Attack[] = [
  {
    id: "B01",
    title: "UPDATE a covered column",
    checks: ["source_edited"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      if (random.chance(25)) return await excused(trial, "update");
      const victim = await pickVictim(attacker, random);
      await editRow(attacker, random, victim);
      return { variant: victim.table.kind, found: [located("source_edited", victim)], first: victim.newest.seq };
    },
  },
  {
    id: "B02",
    title: "DELETE the row",
    checks: ["source_deleted"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      if (random.chance(25)) return await excused(trial, "delete");
      const victim = await pickVictim(attacker, random);
      await attacker.run(`delete from ${victim.table.relation} ${where(victim)}`);
      return { variant: victim.table.kind, found: [located("source_deleted", victim)], first: victim.newest.seq };
    },
  },
  {
    id: "B03",
    title: "INSERT past the trigger",
    checks: ["source_unchained"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const variant = random.pick([
        "replica role",
        "trigger disabled",
        "table rewritten",
        "partition attached with rows",
      ]);
      const table =
        variant === "partition attached with rows"
          ? undefined
          : random.pick(variant === "table rewritten" ? plain : TABLES);
      if (table === undefined) {
        const n = trial.fresh();
        await attacker.run(`create table public.m_${n} (like public.measurements including all); insert into public.m_${n} values (${n}, '2031-05-05', 1, 'smuggled');
          alter table public.measurements attach partition public.m_${n} for values from ('2031-01-01') to ('2032-01-01')`);
        return { variant, found: [{ check: "source_unchained", kind: "measurements", pk: `["${n}","2031-05-05"]` }] };
      }
      const { relation, kind } = table;
      if (variant === "replica role") {
        const pk = await insertPast(trial, table);
        return { variant: `${variant}, ${kind}`, found: [{ check: "source_unchained", kind, pk }] };
      }
      if (variant === "trigger disabled") {
        await attacker.run(`set session_replication_role = origin; alter table ${relation} disable trigger all`);
        const pk = await insertPast(trial, table);
        await attacker.run(`alter table ${relation} enable trigger all; set session_replication_role = replica`);
        return { variant: `${variant}, ${kind}`, found: [{ check: "source_unchained", kind, pk }] };
      }
      const name = relation.slice(relation.lastIndexOf(".") + 1).startsWith('"')
        ? `"Weird ""Name"""`
        : (relation.split(".")[1] ?? "");
      await attacker.run(`alter table ${relation} rename to was_before; create table ${relation} (like ${relation.replace(name, "was_before")} including all);
        grant select on ${relation} to scidex_audit_inspector; insert into ${relation} ${kind === 'Weird "Name"' ? `("Key Column", "select", "é\\""") select "Key Column", "select", "é\\"""` : "select *"} from ${relation.replace(name, "was_before")}`);
      const pk = await insertPast(trial, table);
      return { variant: `${variant}, ${kind}`, found: [{ check: "source_unchained", kind, pk }] };
    },
  },
  {
    id: "B04",
    title: "delete the row and its link",
    checks: ["gap"],
    perform: async (trial) => {
      const { attacker } = trial;
      const victim = await onlyLinked(trial, trial.length - 1);
      await attacker.run(`delete from ${victim.table.relation} ${where(victim)}`);
      await attacker.run(`delete from public.audit_chain where seq = ${victim.newest.seq}`);
      return {
        variant: victim.table.kind,
        found: [{ check: "gap", seq: victim.newest.seq }],
        first: victim.newest.seq,
      };
    },
  },
  {
    id: "B05",
    title: "delete the row and its link, renumber and recompute",
    checks: ["head_mismatch", "truncated"],
    perform: async (trial) => {
      const victim = await onlyLinked(trial, lastHead(trial));
      const { seq } = victim.newest;
      await trial.attacker.run(`delete from ${victim.table.relation} ${where(victim)}`);
      const links = await readChain(trial.attacker);
      links.splice(seq - 1, 1);
      recompute(links, seq - 1);
      await rewrite(trial.attacker, links, seq - 1);
      return { variant: victim.table.kind, found: rewrittenFrom(trial, seq, links.length), silent: FLAWLESS };
    },
  },
  {
    id: "B06",
    title: "drop or rename the table, or put something else in its place",
    checks: ["source_missing"],
    perform: async ({ attacker, random }) => {
      const { relation, kind } = random.pick(TABLES);
      const schema = relation.slice(0, relation.startsWith('"') ? relation.indexOf(".") : relation.indexOf("."));
      const variant = random.pick(["drop", "rename", "view", "materialized view", "foreign table", "sequence"]);
      const kept = `${schema}.kept_rows`;
      if (variant === "drop") await attacker.run(`drop table ${relation} cascade`);
      else await attacker.run(`alter table ${relation} rename to kept_rows`);
      if (variant === "view" || variant === "materialized view")
        await attacker.run(
          `create ${variant} ${relation} as select * from ${kept}; grant select on ${relation} to scidex_audit_inspector`,
        );
      if (variant === "sequence")
        await attacker.run(`create sequence ${relation}; grant select on ${relation} to scidex_audit_inspector`);
      if (variant === "foreign table")
        await attacker.run(
          `create foreign data wrapper w; create server s foreign data wrapper w; create foreign table ${relation} (id bigint) server s; grant select on ${relation} to scidex_audit_inspector`,
        );
      return { variant: `${variant}, ${kind}`, found: [{ check: "source_missing", kind }] };
    },
  },
  {
    id: "B07",
    title: "edit the row, write the matching hashes into its link, recompute the rest",
    checks: ["head_mismatch"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const victim = await pickVictim(attacker, random, { upTo: lastHead(trial) });
      await editRow(attacker, random, victim);
      const { seq } = victim.newest;
      const links = await readChain(attacker);
      const link = links[seq - 1];
      if (link === undefined) throw new Error("no such link");
      link.payload = await payloadOf(attacker, victim);
      recompute(links, seq - 1);
      await rewrite(attacker, links, seq - 1);
      return {
        variant: victim.table.kind,
        found: [{ check: "head_mismatch", interval: intervalOf(trial.heads, seq) }],
        silent: FLAWLESS,
      };
    },
  },
  {
    id: "B09",
    title: "change or delete a tracked row past the trigger",
    checks: ["source_edited", "source_deleted"],
    perform: async ({ attacker, random }) => {
      const victim = await pickVictim(attacker, random, {
        tables: TABLES.filter(({ changes }) => changes === "track"),
      });
      const isEdit = random.chance(60);
      if (isEdit) await editRow(attacker, random, victim);
      else await attacker.run(`delete from ${victim.table.relation} ${where(victim)}`);
      const check = isEdit ? "source_edited" : "source_deleted";
      return {
        variant: `${isEdit ? "edit" : "delete"}, ${victim.newest.kind}`,
        found: [located(check, victim)],
        first: victim.newest.seq,
      };
    },
  },
  {
    id: "B10",
    title: "insert past the trigger, then let a backfill chain it",
    checks: ["source_unchained", "coverage_narrowed"],
    perform: async (trial) => {
      const { attacker, random, world } = trial;
      const table = random.pick(TABLES);
      const pk = await insertPast(trial, table);
      const isReadmitted = random.chance(50);
      const { exit, stderr } = await runProgram(
        "audit-backfill",
        ["--json", table.relation, ...(isReadmitted ? ["--readmit"] : [])],
        {
          AUDIT_DATABASE_URL: world.url("superuser"),
        },
      );
      attacker.note(`audit-backfill ${table.relation}${isReadmitted ? " --readmit" : ""}`);
      if ((exit === 0) !== isReadmitted) throw new Error(`the backfill ended with ${exit}: ${stderr}`);
      const { kind } = table;
      return isReadmitted
        ? { variant: `readmit, ${kind}`, found: [{ check: "coverage_narrowed", kind }] }
        : { variant: `refused, ${kind}`, found: [{ check: "source_unchained", kind, pk }] };
    },
  },
  {
    id: "B11",
    title: "a row in an inheritance child of an audited table",
    checks: ["relation_changed"],
    perform: async ({ attacker, random }) => {
      const { relation, kind } = random.pick(plain);
      await attacker.run(`create table public.child_rows () inherits (${relation})`);
      if (random.chance(70))
        await attacker.run(`insert into public.child_rows select * from only ${relation} limit 1`).catch(() => 0);
      return { variant: kind, found: [{ check: "relation_changed", kind }] };
    },
  },
];

/** A row that has one event only: with it, nothing of the row is left. */
async function onlyLinked(trial: Trial, upTo: number): Promise<Victim> {
  const links = await readChain(trial.attacker);
  for (;;) {
    const victim = await pickVictim(trial.attacker, trial.random, { upTo });
    const events = links.filter((link) => {
      const row = rowOf(link);
      return row.kind === victim.table.kind && row.pk === victim.pk;
    });
    if (events.length === 1) return victim;
  }
}
