import type { HonestChange } from "./change.ts";
import { streamed } from "../world/streamed.ts";

/** Tables in the mode `stream`, whose capture is stopped, killed and started again; then they are captured by triggers. */
export const STREAMING: readonly HonestChange[] = [
  {
    name: "tables in the mode stream, capture killed and started again, then sealed",
    run: async (world, random, fresh) => {
      const { capture, notes, counts, parts } = await streamed(world, fresh());
      const write = async (n: number): Promise<void> =>
        void (await world.honest.unsafe(
          `insert into public.${notes} values (${n}, 'x'); update public.${counts} set body = 'y${n}' where id = 1;
           insert into public.${parts} values (${n}, 'x'), (${100 + n}, 'x')`,
        ));
      for (let n = 10; n < 12; n++) {
        await write(n);
        await capture.stop(random.pick(["SIGTERM", "SIGKILL"]));
        await write(n + 10);
        capture.start();
      }
      await capture.linked();
      await world.honest.unsafe(
        `create table public.${parts}_c partition of public.${parts} for values from (200) to (300);
         insert into public.${parts} values (200, 'x'); select public.audit_chain_sync('public.${parts}')`,
      );
      for (const table of [notes, counts, parts])
        await world.honest.unsafe(`select public.audit_chain_attach('public.${table}', mode => 'sealed')`);
      await write(30);
      await world.honest.unsafe("select public.audit_chain_seal(100000)");
      if (capture.said.length > 0) throw new Error(`capture has said ${JSON.stringify(capture.said)}`);
      await capture[Symbol.asyncDispose]();
    },
  },
];
