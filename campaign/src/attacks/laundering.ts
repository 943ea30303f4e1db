import type { Attack, Expected, Trial } from "../attack.ts";
import { readChain, rowOf } from "../attacker/chain.ts";
import { editRow, pickVictim, where } from "../attacker/rows.ts";
import { quoted } from "../attacker/sql-text.ts";
import { TABLES } from "../world/tables.ts";

const TRACKED = TABLES.filter(({ changes }) => changes === "track");

/** What an application changes in a row, and in its key: SET clauses that always change something. */
const HONEST: Readonly<Record<string, { readonly change: string; readonly rekey: string }>> = {
  senate_alerts: { change: "severity = concat(severity, '+')", rekey: "id = id + 700000" },
  senate_pause: { change: "paused_by = concat(paused_by, '+')", rekey: "scope_value = scope_value || '~moved'" },
  sensor: { change: "value = value + 1000", rekey: "id = id + 700000" },
};

/** B12: what was changed past the trigger fits again, once the application has changed the row. */
async function launder(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const variant = random.pick([
    "an edit, by an update",
    "an edit, by a deletion",
    "an edit, by a change of the key",
    "a deletion, by using the key again",
    "an insertion, by an update",
  ]);
  const honestly = async (sql: string): Promise<void> => {
    await world.honest.unsafe(sql);
    attacker.note(`honest: ${sql}`);
  };
  const victim = await pickVictim(attacker, random, { tables: TRACKED });
  const { table } = victim;
  const { change, rekey } = HONEST[table.kind] ?? { change: "", rekey: "" };
  let { pk } = victim;
  const row = (): string => `${table.relation} ${where({ table, pk })}`;
  if (variant === "a deletion, by using the key again") {
    await attacker.run(`create table public.kept_row as select * from ${row()}; delete from ${row()}`);
    await honestly(`insert into ${table.relation} select * from public.kept_row`);
  } else if (variant === "an insertion, by an update") {
    const keys = `select ${table.pk} as pk from ${table.relation}`;
    const before = new Set((await attacker.read<{ pk: string }>(keys)).map((one) => one.pk));
    await attacker.run(table.insert(random, trial.fresh()));
    pk = (await attacker.read<{ pk: string }>(keys)).find((one) => !before.has(one.pk))?.pk ?? "";
    await honestly(`update ${table.relation} set ${change} ${where({ table, pk })}`);
  } else {
    await editRow(attacker, random, victim);
    await honestly(
      variant === "an edit, by a deletion"
        ? `delete from ${row()}`
        : `update ${table.relation} set ${variant === "an edit, by an update" ? change : rekey} ${where({ table, pk })}`,
    );
  }
  await honestly("select public.audit_chain_seal(100000)");
  const event = (await readChain(attacker)).findLast((link) => {
    const of = rowOf(link);
    return of.kind === table.kind && of.pk === pk;
  });
  if (event === undefined) throw new Error(`${quoted(pk)} of ${table.relation} was not recorded`);
  return {
    variant: `${variant}, ${table.kind}`,
    found: [{ check: "change_unrecorded", seq: event.seq, kind: event.kind, pk: event.pk }],
    first: event.seq,
    // Everything fits what was recorded last.
    silent: ["source_edited", "source_deleted", "source_unchained"],
  };
}

export const LAUNDERING: readonly Attack[] = [
  {
    id: "B12",
    title: "change a tracked row past the trigger, then through the front door",
    checks: ["change_unrecorded"],
    perform: launder,
  },
];
