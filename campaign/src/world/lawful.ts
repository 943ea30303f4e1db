import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "./world.ts";

/** A table that refuses changes, with three rows of keys 1 to 3 from three transactions, published. */
export async function letters(world: World, name: string, options = ""): Promise<string> {
  const relation = `public.${name}`;
  await world.honest.unsafe(
    `create table ${relation} (id int primary key, body text);
     select public.audit_chain_attach('${relation}', mode => 'strict', changes => 'refuse'${options})`,
  );
  for (const id of [1, 2, 3]) await world.honest.unsafe(`insert into ${relation} values (${id}, 'a letter')`);
  await published(world);
  return relation;
}

/** @throws {Error} where it is not clean */
export async function published(world: World): Promise<void> {
  const { status, divergences } = await world.publish();
  if (status !== "intact") throw new Error(`not published: ${status}, ${JSON.stringify(divergences[0]?.message)}`);
}

/** The auditor gives a table a rule. */
export function allow(world: World, relation: string, rule: Readonly<Record<string, unknown>>): void {
  const { policyFile } = world.place;
  const policy = JSON.parse(readFileSync(policyFile, "utf8")) as { tables: Record<string, object> };
  const kind = relation.replace("public.", "");
  policy.tables[relation] = { kind, key: ["id"], exclude: [], changes: "refuse", ...rule };
  writeFileSync(policyFile, JSON.stringify(policy));
}

/** A row is erased on request, with a statement by a key that the policy has. */
export async function erased(world: World, relation: string, id: number): Promise<void> {
  const key = join(world.place.folder, "privacy.key");
  const vkey = await world.runWell("audit-chain", "nobody", [
    "keygen",
    "--erasure",
    "--name",
    "privacy.example",
    "--out",
    key,
  ]);
  allow(world, relation, { erasure: [vkey.trim()] });
  await world.runWell("audit-chain", "superuser", [
    "erase",
    relation,
    String(id),
    "--reason",
    "a request",
    "--sign",
    key,
  ]);
  await published(world);
}

/** Rows are retired once they are a second old. */
export async function retired(world: World, relation: string): Promise<void> {
  allow(world, relation, { retention: "PT1S", whole: true });
  await sleep(1_100);
  await world.runWell("audit-chain", "superuser", ["retire", relation, "--before", "1s"]);
}

/** The rows 1 and 2 are edited and deleted by hand, and put back from a backup. */
export async function putBack(world: World, relation: string, body: string): Promise<void> {
  await world.attacker.unsafe(
    `update ${relation} set body = 'by hand' where id = 1; delete from ${relation} where id = 2`,
  );
  const file = join(world.place.folder, "row.json");
  for (const id of [1, 2]) {
    writeFileSync(file, JSON.stringify({ id, body }));
    await world.runWell("audit-chain", "superuser", ["restore", relation, String(id), "--row", file]);
  }
}

/** The log gets other keys, and the auditor approves it. Returns a copy of the old key file, which has its state beside it. */
export async function rotated(world: World): Promise<string> {
  const { keyFile, folder } = world.place;
  const old = join(folder, "old.key");
  copyFileSync(keyFile, old);
  copyFileSync(`${keyFile}.state`, `${old}.state`);
  const said = await world.runWell("audit-publisher", "publisher", ["rotate-key", "--json"]);
  world.newKeys.push(...(JSON.parse(said) as { keys: string[] }).keys);
  await world.approve();
  return old;
}
