import type { Expected, Trial, Where } from "../../attack.ts";
import { readChain } from "../../attacker/chain.ts";
import { newestOf, type Streamed, streamed } from "../../world/streamed.ts";
import { WAYS } from "./ways.ts";

/** What is to be hidden, and by what it is found where the log never brings it. */
interface Hidden {
  readonly name: string;
  readonly sql: string;
  readonly where: readonly Where[];
}

async function drawHidden({ attacker, random }: Trial, { notes, parts }: Streamed, in_?: "parts"): Promise<Hidden> {
  const kind = in_ === "parts" ? parts : notes;
  const [edited, deleted] = [await newestOf(attacker, kind, "1"), await newestOf(attacker, kind, "2")];
  return random.pick<Hidden>([
    {
      name: "an insert",
      sql: `insert into public.${kind} values (50, 'hidden')`,
      where: [{ check: "source_unchained", kind, pk: "50" }],
    },
    {
      name: "an edit",
      sql: `update public.${kind} set body = 'hidden' where id = 1`,
      where: [{ check: "source_edited", seq: edited.seq, kind, pk: "1" }],
    },
    {
      name: "a deletion",
      sql: `delete from public.${kind} where id = 2`,
      where: [{ check: "source_deleted", seq: deleted.seq, kind, pk: "2" }],
    },
    {
      name: "what leaves no trace",
      sql: `insert into public.${kind} values (50, 'hidden'); delete from public.${kind} where id = 50;
            update public.${kind} set body = 'hidden' where id = 1; update public.${kind} set body = 'a' where id = 1`,
      where: [],
    },
  ]);
}

/** C19: changes are kept from capture. */
export async function keepFromCapture(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const tables = await streamed(world, trial.fresh());
  const { capture } = tables;
  const way = random.pick(WAYS);
  const hidden = await drawHidden(trial, tables, way.in);
  const variant = `${way.variant}, ${hidden.name}`;
  if (way.isDown) await capture.stop();
  try {
    await way.run(trial, tables, hidden.sql);
    if (way.isDown) capture.start();
    await capture.says(variant, "capture_gap");
    await capture.linked();
  } finally {
    await way.undo?.(trial);
  }
  const gap = (await readChain(attacker)).findLast(({ kind }) => kind === "audit_chain_gap");
  if (gap === undefined) throw new Error("no gap was linked");
  const found: Where[] = [{ check: "capture_gap", seq: gap.seq, kind: gap.kind, pk: gap.pk }];
  return { variant, found: [...found, ...(way.isLost ? hidden.where : [])], all: true };
}
