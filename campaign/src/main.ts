import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CHECKS } from "@scidex/audit-verifier";
import type { Attack } from "./attack.ts";
import { ATTACKS } from "./attacks/all.ts";
import { CHANGES_A_ROUND, type Round, runHonestRound } from "./honest/round.ts";
import { formatTable, tabulate } from "./table.ts";
import { runTrial, type TrialResult } from "./trial.ts";
import { missedTests } from "./missed-tests.ts";
import { formatMissed, type Missed, without } from "./without.ts";
import { type Base, buildBase } from "./world/base.ts";
import { bundlePrograms } from "./world/programs.ts";

const USAGE = `Attacks a published chain in every way that must be detected, each trial with another draw, and counts what is found.

  campaign [--seed TEXT] [--trials N] [--only A01,B02] [--without CHECK|all [--tests]] [--json]
           [--shards N]                                 verified in shards, whose reports are merged
  campaign --honest N [--seed TEXT] [--json]     at least N honest changes and no attack: nothing may be said

Exit code: 0 if everything was detected and located without a false alarm, 1 if not, 2 for wrong usage, 3 if it failed.`;

/** Servers, and with them trials at once. */
const SERVERS = 2;

/** How many more trials of an attack are drawn at most for a check that nothing depends on yet. */
const MOST_DRAWN = 40;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: randomBytes(4).toString("hex") },
    trials: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    without: { type: "string", default: "" },
    tests: { type: "boolean", default: false },
    honest: { type: "string", default: "0" },
    shards: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const trials = Number(values.trials);
const honest = Number(values.honest);
const shards = Number(values.shards);
const only = values.only.split(",").filter((id) => id !== "");
const checks = values.without === "all" ? Object.keys(CHECKS) : values.without.split(",").filter((name) => name !== "");
const attacks = ATTACKS.filter(({ id }) => only.length === 0 || only.includes(id));
const isWrong =
  !Number.isSafeInteger(trials) ||
  trials < 1 ||
  !Number.isSafeInteger(honest) ||
  honest < 0 ||
  !Number.isSafeInteger(shards) ||
  shards < 1 ||
  only.some((id) => !ATTACKS.some((attack) => attack.id === id)) ||
  checks.some((check) => !(check in CHECKS));
if (values.help || isWrong) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(values.help ? 0 : 2);
}

const folder = mkdtempSync(join(tmpdir(), "audit-campaign-"));
// A verification is a process of its own, and most of its time is loading: what was compiled once is kept.
process.env["NODE_COMPILE_CACHE"] = join(folder, "compiled");
enableCompileCache(join(folder, "compiled"));
const bases: Base[] = [];
// Ctrl-C: the trials under way are ended, and what has been found until then is printed.
let isStopped = false;
process.once("SIGINT", () => (isStopped = true));
try {
  await bundlePrograms(join(folder, "programs"));
  for (let i = 0; i < SERVERS; i++) bases.push(await buildBase(join(folder, `server-${i}`), values.seed));
  if (honest > 0) process.exitCode = printHonest(await runHonest(Math.ceil(honest / CHANGES_A_ROUND)));
  else process.exitCode = await runAttacks();
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 3;
} finally {
  await Promise.all(bases.map(async ({ server }) => await server.stop()));
  rmSync(folder, { recursive: true, force: true });
}
// A server whose base could not be built is in no list: its watchdog ends it when we end.
if (process.exitCode === 3) process.exit();

async function runAttacks(): Promise<0 | 1> {
  process.stderr.write(`seed ${values.seed}: ${trials} trials of ${attacks.length} attacks\n`);
  const results = await runTrials(
    attacks.flatMap((attack) => Array.from({ length: trials }, (_, trial) => ({ attack, trial }))),
  );
  for (const check of checks) await drawUntilMissed(check, results);
  const failing = new Map<string, string[]>();
  if (values.tests) {
    for (const check of checks) {
      failing.set(check, await missedTests(check));
      process.stderr.write(`without ${check}, ${failing.get(check)?.length ?? 0} tests fail\n`);
    }
  }
  return print(inOrder(results), failing);
}

async function runHonest(rounds: number): Promise<Round[]> {
  const done: Round[] = [];
  const queue = Array.from({ length: rounds }, (_, round) => round);
  const started = performance.now();
  await Promise.all(
    bases.map(async (base) => {
      for (let next = queue.shift(); next !== undefined && !isStopped; next = queue.shift()) {
        const round = await runHonestRound(base, next, values.seed);
        done.push(round);
        if (round.alarm !== null)
          process.stderr.write(`round ${next} (seed ${values.seed}), ${round.changes.join("; ")}: ${round.alarm}\n`);
        if (done.length % 10 === 0) process.stderr.write(`${progress(done.length, rounds, started)}\n`);
      }
    }),
  );
  return done;
}

function printHonest(rounds: readonly Round[]): 0 | 1 {
  const changes = rounds.reduce((sum, round) => sum + round.changes.length, 0);
  const alarms = rounds.filter(({ alarm }) => alarm !== null);
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ok: alarms.length === 0, seed: values.seed, changes, rounds: rounds.length, alarms })}\n`
      : `${changes} honest changes in ${rounds.length} rounds, ${alarms.length} alarms, seed ${values.seed}\n`,
  );
  return alarms.length === 0 ? 0 : 1;
}

async function runTrials(trialsToRun: { attack: Attack; trial: number }[]): Promise<TrialResult[]> {
  const queue = trialsToRun.toSorted((a, b) => a.trial - b.trial);
  const results: TrialResult[] = [];
  const total = queue.length;
  const started = performance.now();
  await Promise.all(
    bases.map(async (base) => {
      for (let next = queue.shift(); next !== undefined && !isStopped; next = queue.shift()) {
        const result = await runTrial(base, next.attack, next.trial, values.seed, shards);
        results.push(result);
        if (result.problem !== null) process.stderr.write(`${reproduction(result)}\n`);
        if (results.length % 25 === 0) process.stderr.write(`${progress(results.length, total, started)}\n`);
      }
    }),
  );
  return results;
}

function progress(done: number, total: number, started: number): string {
  const perSecond = done / ((performance.now() - started) / 1000);
  const left = Math.round((total - done) / perSecond);
  return `${done} of ${total} trials, ${perSecond.toFixed(2)}/s, ETA ${Math.floor(left / 60)}m${String(left % 60).padStart(2, "0")}s`;
}

/** A few trials may not have drawn what only this check finds: more of the attacks that name it are added until one has. */
async function drawUntilMissed(check: string, results: TrialResult[]): Promise<void> {
  const named = attacks.filter((attack) => attack.checks.includes(check));
  for (let trial = trials; trial < trials + MOST_DRAWN && named.length > 0 && !isStopped; trial += SERVERS) {
    const { undetected, mislocated } = without(check, results);
    if (undetected.size + mislocated.size > 0) return;
    const next = Array.from({ length: SERVERS }, (_, i) => named.map((attack) => ({ attack, trial: trial + i })));
    const done = new Set(results.map((result) => `${result.id} ${result.trial}`));
    results.push(...(await runTrials(next.flat().filter((one) => !done.has(`${one.attack.id} ${one.trial}`)))));
  }
}

function inOrder(results: readonly TrialResult[]): TrialResult[] {
  return results.toSorted((a, b) => a.id.localeCompare(b.id) || a.trial - b.trial);
}

function reproduction({ id, trial, variant, problem, steps }: TrialResult): string {
  return [
    `${id} trial ${trial} (seed ${values.seed}), ${variant}: ${problem ?? ""}`,
    ...steps.map((step) => `    ${step}`),
  ].join("\n");
}

function print(results: readonly TrialResult[], failing: ReadonlyMap<string, readonly string[]>): 0 | 1 {
  const rows = tabulate(attacks, results);
  const missed: Missed[] = checks.map((check) => without(check, results, failing.get(check) ?? null));
  const useless = missed.filter(
    ({ undetected, mislocated, tests }) => undetected.size + mislocated.size === 0 || tests?.length === 0,
  );
  const failed = results.filter(({ problem }) => problem !== null);
  const isGood = failed.length === 0 && useless.length === 0;
  if (values.json) {
    const plain = missed.map(({ check, undetected, mislocated, tests }) => ({
      check,
      tests,
      undetected: Object.fromEntries(undetected),
      mislocated: Object.fromEntries(mislocated),
    }));
    const problems = failed.map(({ id, trial, variant, problem, steps }) => ({ id, trial, variant, problem, steps }));
    process.stdout.write(
      `${JSON.stringify({ ok: isGood, seed: values.seed, trials, attacks: rows, without: plain, problems })}\n`,
    );
  } else {
    const parts = [formatTable(rows), ...(missed.length > 0 ? [formatMissed(missed)] : [])];
    process.stdout.write(
      `${parts.join("\n")}\nseed ${values.seed}, ${trials} trials each${isStopped ? ", stopped before the end" : ""}\n`,
    );
    for (const { check } of useless) process.stdout.write(`nothing is missed without ${check}\n`);
  }
  return isGood ? 0 : 1;
}
