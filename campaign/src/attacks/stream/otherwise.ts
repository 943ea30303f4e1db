import type { Expected, Trial } from "../../attack.ts";
import { type Streamed, streamed } from "../../world/streamed.ts";
import { drop } from "./ways.ts";

/** Nothing may have been said. */
function isSilent({ capture }: Streamed): Omit<Expected, "variant"> {
  if (capture.said.length > 0) throw new Error(`capture has said ${JSON.stringify(capture.said)}`);
  return { found: [], exit: 0 };
}

type Case = (trial: Trial, tables: Streamed, variant: string) => Promise<Omit<Expected, "variant">>;

const CASES: Readonly<Record<string, Case>> = {
  "the table's identity changed": async ({ attacker }, { capture, notes }, variant) => {
    await attacker.run(
      `alter table public.${notes} replica identity default; insert into public.${notes} values (60, 'x')`,
    );
    await capture.says(variant, "relation_changed", notes);
    return { found: [{ check: "relation_changed", kind: notes }] };
  },
  "a partition's identity changed, capture started again": async ({ attacker }, { capture, parts }, variant) => {
    await capture.stop();
    await attacker.run(
      `alter table public.${parts}_a replica identity default; insert into public.${parts} values (60, 'x')`,
    );
    capture.start();
    await capture.says(variant, "relation_changed", parts);
    // To the verifier it is what a partition is like that came later.
    return { found: [], exit: 0 };
  },
  "what stands for the table points elsewhere": async ({ attacker }, { capture, notes }, variant) => {
    const point = (at: string) => `update public.audit_chain_relation set relid = ${at} where kind = '${notes}'`;
    await attacker.run(
      `${point("0")}; alter table public.${notes} alter body set statistics 10;
       insert into public.${notes} values (60, 'x'); update public.${notes} set body = 'y' where id = 60`,
    );
    await capture.says(variant, "relation_changed", notes);
    await capture.linked();
    await attacker.run(point(`'public.${notes}'::regclass`));
    return { found: [{ check: "change_refused", kind: `${notes}:update` }] };
  },
  "the slot moved back": async ({ attacker, world }, tables) => {
    const { capture, notes, slot } = tables;
    await attacker.run(`select pg_copy_logical_replication_slot('${slot}', '${slot}_old')`);
    await world.honest.unsafe(`insert into public.${notes} values (60, 'honest')`);
    await capture.linked();
    await capture.stop();
    await attacker.run(drop(slot));
    await attacker.run(`select pg_copy_logical_replication_slot('${slot}_old', '${slot}')`);
    capture.start();
    await world.honest.unsafe(`insert into public.${notes} values (61, 'honest')`);
    await capture.linked();
    return isSilent(tables);
  },
  "the slot dropped, and capture down": async ({ attacker }, { capture, notes, slot }) => {
    await capture.stop();
    await attacker.run(`insert into public.${notes} values (60, 'x')`);
    await attacker.run(drop(slot));
    return { exit: 3, found: [{ check: "sources", names: ["bytes behind", `${slot} is gone`] }] };
  },
  "a link forged before capture comes to the row": async ({ attacker, world }, { capture, notes }, variant) => {
    await capture.stop();
    await attacker.run(
      `select public.audit_chain_extend(array['${notes}'], array['60'], array[sha256('forged')], null::bytea[], null::text[])`,
    );
    await world.honest.unsafe(`insert into public.${notes} values (60, 'honest')`);
    capture.start();
    await capture.says(variant, "change_unrecorded", notes);
    await capture.linked();
    return { found: [{ check: "change_unrecorded", kind: `${notes}:insert` }] };
  },
  "nothing, capture killed and started again": async ({ world }, tables) => {
    const { capture, notes, counts, parts } = tables;
    for (let n = 0; n < 3; n++) {
      await world.honest.unsafe(
        `insert into public.${notes} values (${60 + n}, 'honest'); insert into public.${parts} values (${160 + n}, 'honest')`,
      );
      await capture.stop("SIGKILL");
      await world.honest.unsafe(`update public.${counts} set body = body || '.'`);
      capture.start();
    }
    await capture.linked();
    return isSilent(tables);
  },
};

/** C19: what is no gap. */
export async function otherwise(trial: Trial): Promise<Expected> {
  const tables = await streamed(trial.world, trial.fresh());
  const [variant, run] = trial.random.pick(Object.entries(CASES));
  return { variant, ...(await run(trial, tables, variant)) };
}
