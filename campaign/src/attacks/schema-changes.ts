import type { Attack, Expected, Trial } from "../attack.ts";
import { pickVictim, where } from "../attacker/rows.ts";
import { TABLES } from "../world/tables.ts";

/** Columns that join, as ALTER TABLE adds them, and what an attacker writes into them. */
const JOINED = [
  { variant: "a default", column: "integer not null default 5", written: "6" },
  { variant: "a default, made NULL", column: "text default 'open'", written: "null" },
  { variant: "a default, made an empty text", column: "text not null default 'open'", written: "''" },
  { variant: "NULL", column: "text", written: "'approved'" },
  { variant: "NULL, made false", column: "boolean", written: "false" },
] as const;

/** B13: a column joins and is taken in; then an older row gets another value in it, past the trigger. */
async function writeIntoJoined(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const victim = await pickVictim(attacker, random);
  const { relation, kind } = victim.table;
  const { variant, column, written } = random.pick(JOINED);
  const name = `joined_${trial.fresh()}`;
  const migration = `alter table ${relation} add column ${name} ${column}; select public.audit_chain_sync('${relation}')`;
  await world.honest.begin(async (tx) => void (await tx.unsafe(migration)));
  attacker.note(`honest: begin; ${migration}; commit`);
  const published = await world.publish();
  if (published.status !== "intact") throw new Error(`not published: ${JSON.stringify(published)}`);
  await attacker.run(`update ${relation} set ${name} = ${written} ${where(victim)}`);
  const { seq, kind: eventKind, pk } = victim.newest;
  return {
    variant: `${variant}, ${kind}`,
    found: [{ check: "source_edited", seq, kind: eventKind, pk }],
    first: seq,
  };
}

/** B18: two names are swapped, so that every old row fits and says something else; then `audit_chain_sync` runs. */
async function swapNames({ attacker, random, world }: Trial): Promise<Expected> {
  const isLabels = random.chance(30);
  const { relation, kind, covered } = random.pick(
    TABLES.filter((table) => (isLabels ? table.kind === "everything" : table.relation.startsWith("public."))),
  );
  const [one, other] = isLabels ? ["sad", "so happy"] : twoOf(random, covered);
  const rename = (from: string, to: string): string =>
    isLabels
      ? `alter type public.mood rename value '${from}' to '${to}'`
      : `alter table ${relation} rename ${from} to ${to}`;
  await attacker.run([rename(one, "aside"), rename(other, one), rename("aside", other)].join("; "));
  const sync = `select public.audit_chain_sync('${relation}')`;
  await world.honest.unsafe(sync);
  attacker.note(`honest: ${sync}`);
  const names = [
    [one, other],
    [other, one],
  ].map(([from, to]) => (isLabels ? `the label "${from}" is now called "${to}"` : `${from} is now called ${to}`));
  return {
    variant: `${one} and ${other}, ${kind}`,
    found: [{ check: "coverage_narrowed", kind, names }],
    silent: ["source_edited", "source_deleted", "source_unchained"],
  };
}

function twoOf(random: Trial["random"], names: readonly string[]): [string, string] {
  const one = random.pick(names);
  return [one, random.pick(names.filter((name) => name !== one))];
}

export const SCHEMA_ATTACKS: readonly Attack[] = [
  {
    id: "B13",
    title: "write into a column that came after the row was recorded",
    checks: ["source_edited"],
    perform: writeIntoJoined,
  },
  {
    id: "B18",
    title: "swap the names of two columns or labels, and let audit_chain_sync run",
    checks: ["coverage_narrowed"],
    perform: swapNames,
  },
];
