import { setTimeout as sleep } from "node:timers/promises";
import type { Attack, Expected, Trial, Where } from "../attack.ts";
import { fit, readChain, rewrite } from "../attacker/chain.ts";
import { editRow, payloadOf, pickVictim, type Victim, where } from "../attacker/rows.ts";
import { quoted } from "../attacker/sql-text.ts";
import { type Reshaped, RESHAPINGS, reshape } from "../world/migrations.ts";
import { type AuditedTable, TABLES } from "../world/tables.ts";

/** What the report says of rows that could not be compared. */
const AS_FOUND = "recorded anew as found";

interface Migrated extends Reshaped {
  readonly table: AuditedTable;
  readonly said: string;
}

/** A migration that makes the next publication record rows anew. What was there before is published. */
async function migrate(trial: Trial): Promise<Migrated> {
  const { attacker, random, world, fresh } = trial;
  const [table, reshaping] = [random.pick(TABLES), random.pick(RESHAPINGS)];
  const reshaped = await reshape(world, random, fresh, table, reshaping);
  attacker.note(`honest: ${reshaping}: ${reshaped.column} of ${table.relation}`);
  return { ...reshaped, table, said: `${reshaping}, ${table.kind}` };
}

async function publish({ attacker, world }: Trial): Promise<readonly string[]> {
  const { status, warnings } = await world.publish();
  attacker.note(`honest: published, ${status}: ${JSON.stringify(warnings)}`);
  if (status !== "intact") throw new Error(`not published: ${status}`);
  return warnings;
}

/** A row that has to be recorded anew, or one that was recorded before the column came. */
async function pickRow({ attacker, random }: Trial, { table, keys }: Migrated, isOld: boolean): Promise<Victim> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const victim = await pickVictim(attacker, random, { tables: [table] });
    if (keys.includes(victim.pk) !== isOld) return victim;
  }
  throw new Error(`no such row in ${table.relation}`);
}

const at = (check: string, { newest: { seq, kind, pk } }: Victim): Where => ({ check, seq, kind, pk });

/** What is said of a row that was changed before it was recorded anew: that it was, or that it could not be compared. */
function changed({ said }: Migrated, victim: Victim, isOld: boolean): Pick<Expected, "found"> {
  const { kind } = victim.table;
  // A late column is all that the row has more than what was recorded.
  const isCompared = isOld || said.startsWith("values in a late column");
  return { found: [isCompared ? at("source_edited", victim) : { check: "coverage_narrowed", kind, names: AS_FOUND }] };
}

/** B14: before the publication, while it records, and after it. */
async function editReshaped(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const moment = random.pick(["before", "during", "after", "after, approved"]);
  const migrated = await migrate(trial);
  const isOld = random.chance(40);
  const variant = `${moment}, ${isOld ? "a row of before" : "a row that is recorded anew"}, ${migrated.said}`;
  if (moment === "before") {
    const victim = await pickRow(trial, migrated, isOld);
    await editRow(attacker, random, victim);
    await publish(trial);
    return { variant, ...changed(migrated, victim, isOld) };
  }
  if (moment === "during") return { variant, ...(await editMeanwhile(trial, migrated, isOld)) };
  await publish(trial);
  if (moment === "after, approved") await world.approve();
  const victim = await pickRow(trial, migrated, isOld);
  await editRow(attacker, random, victim);
  return { variant, found: [at("source_edited", victim)], silent: moment === "after" ? [] : ["coverage_narrowed"] };
}

/** The edit becomes visible when the publisher has compared the row, and is recording what it was before. */
async function editMeanwhile(trial: Trial, migrated: Migrated, isOld: boolean): Promise<Pick<Expected, "found">> {
  const { attacker, random, world } = trial;
  const { table } = migrated;
  const victim = await pickRow(trial, migrated, isOld);
  const count = async (): Promise<number> =>
    Number(
      (
        await world.honest.unsafe<{ n: string }[]>(
          `select count(*) as n from public.audit_chain where event_kind = ${quoted(`${table.kind}:record`)}`,
        )
      )[0]?.n,
    );
  const before = await count();
  await attacker.run("begin");
  await editRow(attacker, random, victim);
  let hasEnded = false;
  const published = publish(trial).finally(() => (hasEnded = true));
  while (!hasEnded && (await count()) === before) await sleep(2);
  await attacker.run("commit");
  await published;
  const newest = (await readChain(attacker)).findLast(
    (link) => link.kind === `${table.kind}:record` && link.pk === `${victim.pk}@${link.seq}`,
  );
  // Seen by the second look, or stated before it was to be seen.
  const late: Where[] = newest === undefined ? [] : [at("source_edited", { ...victim, newest })];
  return { found: [...changed(migrated, victim, isOld).found, ...late] };
}

/** B19: rows go and come past the triggers before the publication that records the table anew. */
async function deleteOrInsert(trial: Trial): Promise<Expected> {
  const { attacker, random, fresh } = trial;
  const migrated = await migrate(trial);
  const { table, said } = migrated;
  const { relation, kind } = table;
  const isDeleted = random.chance(50);
  let found: Where;
  if (isDeleted) {
    const victim = await pickRow(trial, migrated, random.chance(40));
    await attacker.run(`delete from ${relation} ${where(victim)}`);
    found = at("source_deleted", victim);
  } else {
    const keys = async (): Promise<string[]> =>
      (await attacker.read<{ pk: string }>(`select ${table.pk} as pk from ${relation}`)).map(({ pk }) => pk);
    const before = new Set(await keys());
    await attacker.run(table.insert(random, fresh()));
    const pk = (await keys()).find((one) => !before.has(one)) ?? "";
    found = { check: "source_unchained", kind, pk };
  }
  const warnings = await publish(trial);
  if (!warnings.some((warning) => warning.includes("was not recorded anew")))
    throw new Error(`the publisher has said nothing of it: ${JSON.stringify(warnings)}`);
  return { variant: `${isDeleted ? "deleted" : "inserted"}, ${said}`, found: [found] };
}

/** C21: events of the role `record` without a statement, and a statement that is gone from a sink, or forged. */
async function recordWithout(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const variant = random.pick([
    "through the door",
    "by SQL",
    "a line less in one of two sinks",
    "a line less in the only sink",
    "forged counts",
  ]);
  const migrated = await migrate(trial);
  const said = `${variant}, ${migrated.said}`;
  if (variant === "through the door" || variant === "by SQL") {
    const victim = await pickRow(trial, migrated, true);
    await editRow(attacker, random, victim);
    await record(trial, victim, variant === "by SQL");
    if (random.chance(50)) await publish(trial);
    return { variant: said, found: [at("source_edited", victim)] };
  }
  await publish(trial);
  await world.approve();
  const sink = random.pick(world.logs);
  const name = world.place.sinks[sink.name === "file" ? 0 : 1];
  const lines = await sink.read();
  const last = lines.findLastIndex((line) => line.startsWith('{"statement":'));
  if (variant === "forged counts") {
    const forged = lines.map((line, i) =>
      i === last
        ? line.replace(/(compared\\":)(\d+)/u, (_, member: string, n: string) => `${member}${Number(n) + 1}`)
        : line,
    );
    await sink.write(forged);
    attacker.note(`the ${sink.name} sink: the counts of line ${last + 1}`);
    return { variant: said, found: [{ check: "sink_signature", names: name }] };
  }
  await sink.write(lines.toSpliced(last, 1));
  attacker.note(`the ${sink.name} sink: line ${last + 1} removed`);
  if (variant === "a line less in one of two sinks") {
    const checks = ["sink_disagreement", "sink_rewound"];
    return { variant: said, found: checks.map((check) => ({ check, names: name })) };
  }
  // Nobody remembers the line: what it stood for is as if it had not been recorded.
  return {
    variant: said,
    exit: 3,
    found: [{ check: "sources", names: migrated.table.relation }],
    trust: { sinks: [name], hasState: false },
  };
}

/** Writes an event that says what the row is now, and follows from its newest one. */
async function record({ attacker }: Trial, victim: Victim, isPlain: boolean): Promise<void> {
  const { table, pk, newest } = victim;
  const payload = await payloadOf(attacker, victim);
  if (!isPlain) {
    await attacker.run(
      `select public.audit_chain_record(${quoted(table.kind)}, array[${quoted(pk)}], array['\\x${payload}'::bytea], array['\\x${newest.payload}'::bytea], (select max(seq) from public.audit_chain))`,
    );
    return;
  }
  const links = await readChain(attacker);
  const last = links.at(-1);
  if (last === undefined) throw new Error("the chain is empty");
  const seq = last.seq + 1;
  links.push(
    fit({ ...last, seq, kind: `${table.kind}:record`, pk: `${pk}@${seq}`, payload, before: newest.payload }, last),
  );
  await rewrite(attacker, links, seq - 1);
}

export const RECORDING_ATTACKS: readonly Attack[] = [
  {
    id: "B14",
    title: "edit a row before, while or after it is recorded anew",
    checks: ["source_edited", "coverage_narrowed"],
    perform: editReshaped,
  },
  {
    id: "B19",
    title: "delete or insert rows before their table is recorded anew",
    checks: ["source_deleted", "source_unchained"],
    perform: deleteOrInsert,
  },
  {
    id: "C21",
    title: "record rows anew without a statement; remove or forge it",
    checks: ["source_edited", "sink_disagreement", "sink_rewound", "sink_signature"],
    perform: recordWithout,
  },
];
