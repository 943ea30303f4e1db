import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attack, Expected, Trial, Where } from "../attack.ts";
import { type ForgedLink, readChain } from "../attacker/chain.ts";
import { forge, forkedLine, isStatement, originOf, readHead, stolenKeys } from "../attacker/heads.ts";
import { editRow, pickVictim } from "../attacker/rows.ts";
import { allow, letters, published, rotated } from "../world/lawful.ts";
import { TABLES } from "../world/tables.ts";
import { cutAfter } from "./links.ts";

/** What looks like something that the rules allow, without what makes it lawful. */

const nameOf = ({ fresh }: Trial): string => `letters_${fresh()}`;

/** The newest event of a row, whatever its role. */
async function newestOf({ attacker }: Trial, kind: string, pk: string): Promise<ForgedLink> {
  const link = (await readChain(attacker)).findLast(
    (one) => one.kind.split(":")[0] === kind && (one.pk === pk || one.pk === `${pk}@${one.seq}`),
  );
  if (link === undefined) throw new Error(`${pk} of ${kind} is not in the chain`);
  return link;
}

const at = (check: string, { seq, kind, pk }: ForgedLink): Where => ({ check, seq, kind, pk });

const SALT_ATTACKS: Readonly<Record<string, (row: string) => string>> = {
  "a salt taken away": (row) => `delete from public.audit_chain_salt where ${row}`,
  "another salt": (row) => `update public.audit_chain_salt set salt = substr(sha256(salt), 1, 16) where ${row}`,
  "two salts": (row) =>
    `alter table public.audit_chain_salt drop constraint audit_chain_salt_pkey;
     insert into public.audit_chain_salt select event_kind, event_pk, substr(sha256(salt), 1, 16) from public.audit_chain_salt where ${row}`,
  "a salt of 15 bytes": (row) =>
    `alter table public.audit_chain_salt drop constraint audit_chain_salt_check;
     update public.audit_chain_salt set salt = substr(salt, 1, 15) where ${row}`,
};

/** B20: retire just one row, erase without a statement, take a salt away. */
async function leaveUnlawfully(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const variant = random.pick([
    ...Object.keys(SALT_ATTACKS),
    "one row retired",
    "a row too young to be retired",
    "erased without a statement",
  ]);
  const kind = nameOf(trial);
  const pk = String(random.between(2, 3));
  const change = SALT_ATTACKS[variant];
  if (change !== undefined) {
    await letters(world, kind, ", salt => true");
    await attacker.run(change(`event_kind = '${kind}' and event_pk = '${pk}'`));
    return { variant, found: [at("source_edited", await newestOf(trial, kind, pk))] };
  }
  const relation = await letters(world, kind, variant === "one row retired" ? ", retention => 'PT1S'" : "");
  if (variant === "erased without a statement") {
    await world.honest.unsafe(`select public.audit_chain_erase('${relation}', '${pk}')`);
    attacker.note(`select public.audit_chain_erase('${relation}', '${pk}')`);
    if (random.chance(50)) await published(world);
  } else {
    allow(world, relation, variant === "one row retired" ? { retention: "PT1S", whole: true } : { retention: "P400D" });
    if (variant === "one row retired") await sleep(1_100);
    await attacker.run(`delete from ${relation} where id = ${pk}`);
  }
  return { variant, found: [at("source_deleted", await newestOf(trial, kind, pk))] };
}

/** C20: a beginning, an approval or an acceptance that the verifier's own files do not have. */
async function pretend(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const variant = random.pick(["a beginning", "an approval", "an acceptance"]);
  if (variant === "a beginning") {
    await world.restoreOlderCopy();
    attacker.note("drop database; create database from an older copy; audit-publisher begin");
    const kept = (await readChain(attacker)).length;
    await world.runWell("audit-publisher", "publisher", ["begin", "--reason", "a restored backup"]);
    return { variant, found: cutAfter(trial, kept, (await readChain(attacker)).length) };
  }
  const { folder, policyFile } = world.place;
  const policy = JSON.parse(readFileSync(policyFile, "utf8")) as object;
  // What the developers, or whoever can write into the folder, say of it.
  const plant = (members: object): void => {
    for (const name of ["audit.config.json", "policy.pinned.json", ".audit-policy.json"])
      writeFileSync(join(folder, name), JSON.stringify({ ...policy, ...members }));
  };
  if (variant === "an approval") {
    const table = random.pick(TABLES);
    await world.honest.unsafe(`select public.audit_chain_detach('${table.relation}')`);
    attacker.note(`select public.audit_chain_detach('${table.relation}')`);
    await published(world);
    const last = (await readChain(attacker)).at(-1);
    plant({ approved: { seq: last?.seq, chain_hash: last?.chain }, detached: { [table.relation]: "agreed" } });
    return { variant: `${variant}, ${table.kind}`, found: [{ check: "coverage_narrowed", kind: table.kind }] };
  }
  const victim = await pickVictim(attacker, random);
  await editRow(attacker, random, victim);
  const report = JSON.parse((await world.verify()).stdout) as { divergences: object[] };
  plant({ accepted: report.divergences.map((one) => ({ ...one, reason: "agreed", by: "auditor", at: "2026-11-30" })) });
  return { variant, found: [at("source_edited", victim.newest)] };
}

const MENDED: Readonly<Record<string, string>> = {
  "a trigger dropped": "drop trigger audit_chain_guard on public.task_events",
  "a trigger disabled": `alter table public.senate_alerts disable trigger "0_audit_chain_track"`,
  "a function replaced": `do $x$ begin execute replace(pg_get_functiondef('public.audit_chain_refuse(text, text)'::regprocedure), '$function$', '$function$ -- mine'||chr(10)); end $x$`,
  "a right granted": "grant insert on public.audit_chain to campaign_app",
};

/** C24: what a repair has mended. */
async function repaired(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const variant = random.pick([...Object.keys(MENDED), "the chain is gone"]);
  const statement = MENDED[variant] ?? "alter table public.audit_chain rename to audit_chain_of_old";
  await attacker.run(statement);
  const { exit, stdout, stderr } = await world.run("audit-chain", "superuser", ["init", "--repair"]);
  attacker.note(`audit-chain init --repair: exit ${exit}`);
  if (variant === "the chain is gone") {
    if (exit === 0) throw new Error(`a chain was made anew: ${stdout}`);
    return { variant, found: [{ check: "relation_changed", names: "audit_chain" }, { check: "truncated" }] };
  }
  if (exit !== 0) throw new Error(`init --repair: exit ${exit}: ${stdout}${stderr}`);
  return { variant, found: [{ check: "coverage_narrowed", names: "a repair has mended" }] };
}

/** D13: sign with a key that was replaced, behind its last head or a fork before it. */
async function signWithOldKey(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const keys = stolenKeys(readFileSync(await rotated(world), "utf8"));
  await world.honest.unsafe(`select public.audit_chain_append('trial', 'later', '\\x${random.hex(32)}')`);
  await published(world);
  const sink = random.pick(world.logs);
  const lines = await sink.read();
  const heads = lines.filter((line) => !isStatement(line));
  const variant = random.pick(["behind its last head", "a fork at an older size"]);
  const line = variant === "behind its last head" ? heads.at(-1) : heads.at(-3);
  if (line === undefined) throw new Error("there are no heads");
  const { seq, entry } = readHead(line);
  const other = entry.replace(/"payload_hash":"[0-9a-f]+"/u, `"payload_hash":"${random.hex(32)}"`);
  const forged = forge(forkedLine(line, other), originOf(line), keys, true);
  const signed = JSON.stringify({ ...readHead(forged), published_at: `${new Date().toISOString().slice(0, 19)}Z` });
  await sink.write(variant === "behind its last head" ? [...lines, signed] : lines.with(lines.indexOf(line), signed));
  attacker.note(`the ${sink.name} sink: a head of ${seq} links by the old key, ${variant}`);
  const where = variant === "behind its last head" ? ["retired_key"] : ["retired_key", "head_mismatch"];
  return { variant, found: where.map((check) => ({ check })) };
}

export const LAWFUL_LOOKING: readonly Attack[] = [
  {
    id: "B20",
    title: "let a row leave without what makes that lawful; take a salt away",
    checks: ["source_deleted", "source_edited"],
    perform: leaveUnlawfully,
  },
  {
    id: "C20",
    title: "present a beginning, an approval or an acceptance that the verifier's files do not have",
    checks: ["truncated", "head_mismatch", "coverage_narrowed", "source_edited"],
    perform: pretend,
  },
  {
    id: "C24",
    title: "have what was done repaired",
    checks: ["coverage_narrowed", "relation_changed"],
    perform: repaired,
  },
  { id: "D13", title: "sign with a key that was replaced", checks: ["retired_key"], perform: signWithOldKey },
];
