import { readChain, recompute, rewrite } from "../attacker/chain.ts";
import { type Attack, coveredSeq, intervalOf } from "../attack.ts";
import { cutAfter, FLAWLESS, goOn, rewrittenFrom } from "./links.ts";

/** Attacks whose links are flawless by themselves: only what was published tells. */
export const REWRITES: readonly Attack[] = [
  {
    id: "A09",
    title: "change a link and recompute every hash after it",
    checks: ["head_mismatch"],
    perform: async (trial) => {
      const { random } = trial;
      const links = await readChain(trial.attacker);
      const seq = coveredSeq(trial);
      const link = links[seq - 1];
      if (link === undefined) throw new Error("no such link");
      const variant = random.pick(["payload_hash", "before_hash", "event_kind", "event_pk", "appended_at"]);
      if (variant === "payload_hash") link.payload = random.hex(32);
      // Put where none was, changed, or taken away.
      else if (variant === "before_hash")
        link.before = link.before !== null && random.chance(50) ? null : random.hex(32);
      else if (variant === "event_kind") link.kind = random.word();
      // He knows that the key of a change ends in its seq.
      else if (variant === "event_pk")
        link.pk = `${random.word()}${link.pk.endsWith(`@${link.seq}`) ? `@${link.seq}` : ""}`;
      else link.time = `${link.time.slice(0, -2)}${(Number(link.time.at(-2)) + 1) % 10}Z`;
      recompute(links, seq - 1);
      await rewrite(trial.attacker, links, seq - 1);
      return { variant, found: [{ check: "head_mismatch", interval: intervalOf(trial.heads, seq) }], silent: FLAWLESS };
    },
  },
  {
    id: "A10",
    title: "rewrite the whole chain, same length",
    checks: ["head_mismatch"],
    perform: async (trial) => {
      const { random } = trial;
      const links = await readChain(trial.attacker);
      const variant = random.pick(["other times", "other events", "other order"]);
      if (variant === "other order") links.reverse();
      for (const [i, link] of links.entries()) {
        if (variant === "other times")
          links[i] = { ...link, time: `${link.time.slice(0, -4)}${String(random.int(1000)).padStart(3, "0")}Z` };
        else if (variant === "other events" && (i === 0 || random.chance(50)))
          links[i] = { ...link, payload: random.hex(32) };
      }
      const first = links[0];
      if (variant === "other times" && first !== undefined)
        first.time = `${first.time.slice(0, -5)}${(Number(first.time.at(-5)) + 1) % 10}${first.time.slice(-4)}`;
      recompute(links, 0);
      await rewrite(trial.attacker, links, 0);
      return { variant, found: [{ check: "head_mismatch", interval: intervalOf(trial.heads, 1) }], silent: FLAWLESS };
    },
  },
  {
    id: "A11",
    title: "drop a link, renumber and recompute",
    checks: ["head_mismatch", "truncated"],
    perform: async (trial) => {
      const links = await readChain(trial.attacker);
      const seq = coveredSeq(trial);
      links.splice(seq - 1, 1);
      recompute(links, seq - 1);
      await rewrite(trial.attacker, links, seq - 1);
      return { variant: "renumbered", found: rewrittenFrom(trial, seq, links.length), silent: FLAWLESS };
    },
  },
  {
    id: "A12",
    title: "put an older copy of the database back",
    checks: ["truncated", "head_mismatch"],
    perform: async (trial) => {
      await trial.world.restoreOlderCopy();
      trial.attacker.note("drop database; create database from the copy made before the trial's honest changes");
      const [row] = await trial.attacker.read<{ n: string }>("select max(seq)::text as n from public.audit_chain");
      const kept = Number(row?.n);
      const reused = trial.random.chance(50) ? trial.random.between(1, trial.length - kept + 3) : 0;
      await goOn(trial, reused);
      return {
        variant: reused === 0 ? "restored" : "restored, seqs reused",
        found: cutAfter(trial, kept, kept + reused),
        silent: FLAWLESS,
      };
    },
  },
];
