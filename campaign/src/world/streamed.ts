import { readChain, rowOf } from "../attacker/chain.ts";
import type { ForgedLink } from "../attacker/chain.ts";
import type { Attacker } from "../attacker/attacker.ts";
import { Capture } from "./capture.ts";
import { published } from "./lawful.ts";
import type { World } from "./world.ts";

/**
 * Tables in the mode `stream`, each with three rows of keys 1 to 3, linked, published and approved: `notes` refuses changes,
 * `counts` tracks them, `parts` refuses them and has the partitions `parts_a` (keys below 100) and `parts_b`.
 */
export interface Streamed {
  readonly capture: Capture;
  readonly notes: string;
  readonly counts: string;
  readonly parts: string;
  readonly publication: string;
  readonly slot: string;
}

export async function streamed(world: World, n: number): Promise<Streamed> {
  const [notes, counts, parts] = [`notes_${n}`, `counts_${n}`, `parts_${n}`];
  const { honest } = world;
  await honest.unsafe(
    `create table public.${notes} (id int primary key, body text);
     create table public.${counts} (id int primary key, body text);
     create table public.${parts} (id int primary key, body text) partition by range (id);
     create table public.${parts}_a partition of public.${parts} for values from (0) to (100);
     create table public.${parts}_b partition of public.${parts} for values from (100) to (200)`,
  );
  await honest.unsafe(`select public.audit_chain_publication('public.${notes}')`);
  const capture = new Capture(world);
  capture.start();
  await capture.followed(`public.${notes}`);
  for (const table of [notes, counts, parts]) {
    await honest.unsafe(
      `select public.audit_chain_attach('public.${table}', mode => 'stream', changes => '${table === counts ? "track" : "refuse"}')`,
    );
    await honest.unsafe(`insert into public.${table} values (1, 'a'), (2, 'b'), (3, 'c')`);
  }
  await honest.unsafe(`update public.${counts} set body = 'more' where id = 1`);
  await capture.linked();
  await published(world);
  await world.approve();
  const [names] = await honest.unsafe<{ publication: string; slot: string }[]>(
    `select public.audit_chain_publication('public.${notes}') as publication, (select slot from public.audit_chain_position) as slot`,
  );
  return { capture, notes, counts, parts, publication: names?.publication ?? "", slot: names?.slot ?? "" };
}

/** The newest link of a row. */
export async function newestOf(attacker: Attacker, kind: string, pk: string): Promise<ForgedLink> {
  const link = (await readChain(attacker)).findLast((one) => rowOf(one).kind === kind && rowOf(one).pk === pk);
  if (link === undefined) throw new Error(`nothing is linked of ${pk} of ${kind}`);
  return link;
}
