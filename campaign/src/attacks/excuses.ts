import { type Attack, coveredSeq } from "../attack.ts";

/** Makes the server claim another system identifier. */
const CLAIM = `
  alter function pg_catalog.pg_control_system() rename to pg_control_system_of_old;
  create function pg_catalog.pg_control_system(out pg_control_version int, out catalog_version_no int,
    out system_identifier int8, out pg_control_last_modified timestamptz) language sql as 'select 1, 1, 2::int8, now()'`;

export const EXCUSES: readonly Attack[] = [
  {
    id: "C22",
    title: "hide behind an excuse",
    checks: ["truncated", "head_mismatch", "catalog_changed"],
    perform: async (trial) => {
      const { attacker, random, world } = trial;
      const variant = random.pick(["a converted sink", "another server, emptied", "another server, cut"]);
      const kept = variant === "another server, emptied" ? 0 : coveredSeq(trial, 2) - 1;
      await attacker.run(`delete from public.audit_chain where seq > ${kept}`);
      if (variant === "a converted sink") {
        const sink = random.pick(world.logs);
        await sink.write((await sink.read()).map((line) => `${line}\r`));
        attacker.note(`the ${sink.name} sink: CRLF line ends`);
      } else {
        await attacker.run(CLAIM);
      }
      // Who replaces what the server says of itself is seen in the plan that asks for it.
      const claimed = variant === "a converted sink" ? [] : [{ check: "catalog_changed", names: "pg_control_system" }];
      return { variant, found: [{ check: "truncated", seq: kept + 1 }, ...claimed] };
    },
  },
];
