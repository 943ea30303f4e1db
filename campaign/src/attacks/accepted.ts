import { readFileSync, writeFileSync } from "node:fs";
import type { Attack, Expected, Trial } from "../attack.ts";
import { editRow, pickVictim, type Victim, where } from "../attacker/rows.ts";

const edited = ({ newest: { seq, kind, pk } }: Victim) => ({ check: "source_edited", seq, kind, pk });

/** A row that was edited past the triggers, and what the auditor has accepted as it is. */
async function accepted(trial: Trial) {
  const { attacker, random, world } = trial;
  const victim = await pickVictim(attacker, random);
  const recorded = await textOf(trial, victim);
  await editRow(attacker, random, victim);
  await world.accept();
  attacker.note("honest: the auditor has accepted what was found");
  return { victim, recorded, asAccepted: await textOf(trial, victim) };
}

async function textOf({ attacker }: Trial, victim: Victim): Promise<string | undefined> {
  const { relation } = victim.table;
  const [row] = await attacker.read<{ text: string }>(`select t::text as text from ${relation} as t ${where(victim)}`);
  return row?.text;
}

/** C23: what was accepted is used for something else. */
async function useOtherwise(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const { victim, recorded, asAccepted } = await accepted(trial);
  const variant = random.pick(["the same row again", "another row", "deleted", "an entry for another row"]);
  if (variant === "an entry for another row") {
    const other = await pickOther(trial, victim);
    await editRow(attacker, random, other);
    const { policyFile } = world.place;
    const policy = JSON.parse(readFileSync(policyFile, "utf8")) as { accepted: object[] };
    const { seq, kind, pk } = other.newest;
    const entries = policy.accepted.map((entry) => ({ ...entry, seq, event_kind: kind, event_pk: pk }));
    writeFileSync(policyFile, JSON.stringify({ ...policy, accepted: entries }));
    return { variant, found: [edited(other)] };
  }
  if (variant === "another row") {
    const other = await pickOther(trial, victim);
    await editRow(attacker, random, other);
    return { variant, found: [edited(other)], first: other.newest.seq };
  }
  if (variant === "deleted") {
    await attacker.run(`delete from ${victim.table.relation} ${where(victim)}`);
    return { variant, found: [{ ...edited(victim), check: "source_deleted" }], first: victim.newest.seq };
  }
  // Neither as it was recorded, nor as it was accepted.
  for (let attempt = 0; ; attempt++) {
    await editRow(attacker, random, victim);
    const text = await textOf(trial, victim);
    if (text !== recorded && text !== asAccepted) break;
    if (attempt === 100) throw new Error("there is no third value");
  }
  return { variant, found: [edited(victim)] };
}

/** Another row than the one that was accepted. */
async function pickOther({ attacker, random }: Trial, { newest }: Victim): Promise<Victim> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const other = await pickVictim(attacker, random);
    if (other.newest.seq !== newest.seq) return other;
  }
  throw new Error("there is no other row");
}

export const ACCEPTED_ATTACKS: readonly Attack[] = [
  {
    id: "C23",
    title: "use an acceptance for something else",
    checks: ["source_edited", "source_deleted"],
    perform: useOtherwise,
  },
];
