import { setTimeout } from "node:timers";
import { Attacker } from "./attacker/attacker.ts";
import type { Attack, Expected } from "./attack.ts";
import { HONEST_CHANGES } from "./honest/all.ts";
import { falseAlarm, judge, parseReport, type JudgedReport } from "./judge.ts";
import { Random } from "./random.ts";
import type { Base } from "./world/base.ts";
import type { Ended } from "./world/programs.ts";
import { NotSaid } from "./world/capture.ts";
import { World } from "./world/world.ts";

/** How many trials in a hundred are verified before the attack too: then the report must be clean. */
const VERIFIED_BEFORE = 34;

/** What became of one trial. */
export interface TrialResult {
  readonly id: string;
  readonly trial: number;
  readonly variant: string;
  readonly detected: boolean;
  readonly located: boolean;
  /** Whether the state before the attack was verified, and whether the report was clean. */
  readonly before: "clean" | "false alarm" | "not looked at";
  /** Why the trial has failed; null if it has not. */
  readonly problem: string | null;
  /** What is needed to repeat it by hand. */
  readonly steps: readonly string[];
  readonly expected: Expected | null;
  readonly report: JudgedReport | null;
  readonly ms: number;
}

/** A trial that takes longer has failed, in milliseconds. */
const LONGEST_TRIAL = 120_000;

/** One trial: a copy of the base, honest changes, the attack, the verifier's report, and the judgement of it. */
export async function runTrial(
  base: Base,
  attack: Attack,
  trial: number,
  seed: string,
  shards = 1,
): Promise<TrialResult> {
  const started = performance.now();
  const random = new Random(seed, attack.id, trial);
  // The verifier has two ways to read a chain, and both must find the same.
  const jobs = random.chance(34) ? ["--jobs", "2"] : [];
  const world = await World.copy(base, `trial_${attack.id.toLowerCase()}_${trial}`);
  const attacker = new Attacker(world.attacker);
  const result = {
    id: attack.id,
    trial,
    variant: "",
    detected: false,
    located: false,
    problem: null,
    steps: attacker.ran,
    expected: null,
    report: null,
  };
  let before: TrialResult["before"] = "not looked at";
  const ended = (rest: Partial<TrialResult>): TrialResult => ({
    ...result,
    before,
    ...rest,
    ms: Math.round(performance.now() - started),
  });
  const hung = setTimeout(() => void world[Symbol.asyncDispose](), LONGEST_TRIAL);
  try {
    let number = 100;
    const fresh = (): number => number++;
    await honestPhase(world, random, fresh, attacker);
    if (random.chance(VERIFIED_BEFORE)) {
      const clean = await world.verify({ args: jobs, shards });
      const alarm = falseAlarm(clean);
      before = alarm === null ? "clean" : "false alarm";
      if (alarm !== null)
        return ended({ variant: "before any attack", problem: `a false alarm: ${alarm}`, report: parseReport(clean) });
    }
    if (jobs.length > 0) attacker.note(`verified with ${jobs.join(" ")}`);
    const { heads, length } = await whatIsThere(world);
    const expected = await attack.perform({ world, random, attacker, heads, length, fresh });
    let hasEnded = false;
    const judged = (
      expected.by === "publisher"
        ? world.publishAsProcess()
        : world.verify({ ...expected.trust, args: [...(expected.trust?.args ?? []), ...jobs], shards })
    ).finally(() => (hasEnded = true));
    let found: Ended;
    try {
      [found] = await Promise.all([judged, expected.during?.(() => hasEnded)]);
    } finally {
      await expected.undo?.();
    }
    const verdict = judge(found, expected);
    return ended({
      variant: expected.variant,
      expected,
      report: parseReport(found),
      detected: verdict.detected,
      located: verdict.located,
      problem: problemOf(verdict, found, expected),
    });
  } catch (error) {
    if (error instanceof NotSaid) return ended({ variant: error.variant, problem: `not detected: ${error.message}` });
    return ended({
      problem: `the trial could not be carried out: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    });
  } finally {
    clearTimeout(hung);
    await world[Symbol.asyncDispose]();
  }
}

/** Honest changes, a publication, and sometimes links after it that no head covers. */
async function honestPhase(world: World, random: Random, fresh: () => number, attacker: Attacker): Promise<void> {
  const changes = [...HONEST_CHANGES];
  for (let i = random.between(0, 2); i >= 0; i--) {
    const [change] = changes.splice(random.int(changes.length), 1);
    attacker.note(`honest: ${change?.name}`);
    await change?.run(world, random, fresh);
  }
  await world.honest.unsafe(`select public.audit_chain_append('trial', '${random.word()}', '\\x${random.hex(32)}')`);
  const published = await world.publish();
  if (published.status !== "intact")
    throw new Error(`an honest chain could not be published: ${JSON.stringify(published)}`);
  if (!random.chance(35)) return;
  attacker.note("honest: links that no head covers yet");
  for (let i = random.between(1, 4); i > 0; i--)
    await world.honest.unsafe(
      `select public.audit_chain_append('unanchored', '${random.word()}', '\\x${random.hex(32)}')`,
    );
}

async function whatIsThere(world: World): Promise<{ heads: number[]; length: number }> {
  const lines = await world.logs[0].read();
  const headLines = lines.filter((line) => !line.startsWith('{"statement":'));
  const heads = [...new Set(headLines.map((line) => (JSON.parse(line) as { seq: number }).seq))];
  const [row] = await world.honest.unsafe<{ n: string }[]>("select max(seq)::text as n from public.audit_chain");
  return { heads, length: Number(row?.n) };
}

function problemOf(verdict: ReturnType<typeof judge>, ended: Ended, expected: Expected): string | null {
  const {
    divergences = [],
    unproven = [],
    status = "no report",
    first_divergence: first = null,
  } = parseReport(ended) ?? {};
  const what = `expected ${JSON.stringify(expected.found)}${expected.first === undefined ? "" : ` first at ${expected.first}`}; exit ${ended.exit}, ${status}, first ${JSON.stringify(first)}, ${JSON.stringify(divergences.slice(0, 4))}, unproven ${JSON.stringify(unproven.slice(0, 4))} ${ended.stderr.trim()}`;
  if (!verdict.detected) return `not detected: ${what}`;
  if (!verdict.located) return `not located: ${what}`;
  if (verdict.clumsy.length > 0) return `the attack gave itself away by ${verdict.clumsy.join(", ")}: ${what}`;
  return null;
}
