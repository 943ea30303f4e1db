import type { Expected, Trial, Where } from "../attack.ts";
import { fit, type ForgedLink, readChain, values } from "../attacker/chain.ts";
import { intervalOf } from "../attack.ts";

/** Checks of links by themselves. */
export const LINK_CHECKS: readonly string[] = ["event_hash", "chain_hash", "prev_hash", "gap"];

/** What a rewritten chain must not show: whoever recomputes every hash leaves no trace in the links themselves. */
export const FLAWLESS: readonly string[] = [...LINK_CHECKS, "duplicate"];

/** Any of these checks, at a seq. */
export const at = (checks: readonly string[], seq: number): Where[] => checks.map((check) => ({ check, seq }));

/** The attacker's own link at the end, well-formed. */
export async function appendLink(trial: Trial, link: Partial<ForgedLink>): Promise<number> {
  const links = await readChain(trial.attacker);
  const last = links.at(-1);
  const time = `${new Date().toISOString().slice(0, -1)}000Z`;
  const forged = fit(
    {
      seq: 0,
      kind: "forged",
      pk: trial.random.word(),
      payload: trial.random.hex(32),
      before: null,
      event: "",
      prev: "",
      chain: "",
      time,
      ...link,
    },
    last,
  );
  await trial.attacker.run(`insert into public.audit_chain values ${values(forged)}`);
  return forged.seq;
}

/** Honest writers go on after an attack. */
export async function goOn(trial: Trial, rows: number): Promise<void> {
  const { honest } = trial.world;
  for (let i = 0; i < rows; i++)
    await honest.unsafe(
      `select public.audit_chain_append('traffic', '${trial.random.hex(8)}', '\\x${trial.random.hex(32)}')`,
    );
  trial.attacker.note(`${rows} honest events appended`);
}

/** What shows where the chain was cut after `kept` links, and `length` are there now. */
export function cutAfter(trial: Trial, kept: number, length: number): Expected["found"] {
  const covered = trial.heads.filter((head) => head > kept);
  const reused = covered.filter((head) => head <= length);
  return [
    ...(reused.length < covered.length ? [{ check: "truncated", seq: length + 1 }] : []),
    ...(reused.length > 0 ? [{ check: "head_mismatch", interval: intervalOf(trial.heads, kept + 1) }] : []),
  ];
}

/** What shows that links from `seq` on are others, and that the chain is `length` long now. */
export function rewrittenFrom(trial: Trial, seq: number, length: number): Expected["found"] {
  const [from, to] = intervalOf(trial.heads, seq);
  return to <= length
    ? [{ check: "head_mismatch", interval: [from, to] }]
    : [
        { check: "truncated", seq: length + 1 },
        { check: "head_mismatch", interval: [from, to] },
      ];
}
