import type { Attack, Expected, Trial } from "../attack.ts";
import { readChain } from "../attacker/chain.ts";
import { editRow, payloadOf, pickVictim, where } from "../attacker/rows.ts";
import { quoted } from "../attacker/sql-text.ts";

/** C26: an event says that a row was put back, and it is another one than the chain had recorded. */
async function sayRestored(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const variant = random.pick(["an edited row", "a row that never was", "a row that is gone"]);
  const victim = await pickVictim(attacker, random);
  const { table, pk } = victim;
  if (variant === "an edited row") await editRow(attacker, random, victim);
  const hash =
    variant === "an edited row" ? `'\\x${await payloadOf(attacker, victim)}'` : `sha256('${random.between(0, 1e9)}')`;
  if (variant === "a row that is gone") await attacker.run(`delete from ${table.relation} ${where(victim)}`);
  await attacker.run(
    `insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
     values ('sealed', 'restore', ${quoted(table.kind)}, ${quoted(pk)}, ${hash})`,
  );
  await world.honest.unsafe("select public.audit_chain_seal(100000)");
  attacker.note("honest: the sealer links it");
  const event = (await readChain(attacker)).findLast(({ kind }) => kind === `${table.kind}:restore`);
  if (event === undefined) throw new Error(`no event of ${pk} of ${table.kind} was linked`);
  const { seq, kind } = event;
  return {
    variant: `${variant}, ${table.kind}`,
    found: [{ check: "change_unrecorded", seq, kind, pk: event.pk }],
    ...(variant === "an edited row" ? { first: seq, silent: ["source_edited", "source_deleted"] } : {}),
  };
}

export const RESTORED_ATTACKS: readonly Attack[] = [
  {
    id: "C26",
    title: "say of another row than was recorded that it was put back",
    checks: ["change_unrecorded"],
    perform: sayRestored,
  },
];
