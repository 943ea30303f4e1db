import { escapeText } from "@scidex/audit-command";
import { planAttacks } from "./attacks.ts";
import { commits } from "./commits.ts";
import { lockedPackages } from "./locked-packages.ts";
import { PLATFORM_TABLES } from "./platform-tables.ts";
import { repositoryRoot } from "./repository.ts";
import { CONNECTIONS, type Insert, insertAtOnce, provenanceRows, taskRows } from "./rows.ts";
import type { Stage } from "./stage.ts";
import { findingText, judgeAttack, judgeClean, type Verdict } from "./verdict.ts";

/** A state that was verified. */
export interface DemoStep {
  readonly step: string;
  readonly expected: "intact" | "tampered";
  readonly verdict: Verdict;
}

/** What the demo showed. */
export interface DemoResult {
  readonly ok: boolean;
  readonly postgresql: string;
  readonly rows: { readonly artifact_provenance: number; readonly task_events: number };
  readonly steps: readonly DemoStep[];
  readonly duration_ms: number;
}

/** What the demo needs from whoever shows it. */
export interface Show {
  /** Prints a line for people. */
  readonly say: (line: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Plays the demo on a stage: real rows in, head out, then each attack shown and found. */
export async function playDemo(stage: Stage, { say, signal }: Show): Promise<DemoResult> {
  const started = performance.now();
  const root = repositoryRoot();
  const packages = await lockedPackages(root);
  const history = await commits(root);
  const provenance = provenanceRows(packages.rows);
  const tasks = taskRows(history.rows);
  await say(`PostgreSQL ${stage.server.version} runs on 127.0.0.1:${stage.server.port}, for this demo only`);
  await say(`real rows    ${provenance.length} ${packages.from}, into artifact_provenance`);
  await say(`             ${tasks.length} ${history.from}, into task_events`);

  await prepareTables(stage);
  const before = [...firstHalf(provenance), ...firstHalf(tasks)];
  await insertAtOnce(stage.app, before, signal);
  await say(`before       ${before.length} rows are there before anything is audited`);
  await stage.run("audit-chain", ["attach", "--scidex", "--json"]);
  await stage.run("audit-backfill", ["--json"]);
  await say(`attach       5 platform tables; audit-backfill has chained the ${before.length} rows`);
  await stage.grantRoles();
  await stage.makeKeys();
  await stage.pinPolicy();
  await stage.publish();

  const after = [...secondHalf(provenance), ...secondHalf(tasks)];
  const clock = performance.now();
  await insertAtOnce(stage.app, after, signal);
  await trackedChanges(stage);
  await say(
    `after        ${after.length} rows by ${CONNECTIONS} connections at once, in ${Math.round(performance.now() - clock)} ms`,
  );
  const head = publishedSeq((await stage.publish()).stdout);
  await say(`publish      head ${head} is signed, and in ${stage.sinks.length} sinks`);
  await say("");

  const steps = await verifySteps(stage, say, signal);
  return {
    ok: steps.every(({ verdict }) => verdict.right),
    postgresql: stage.server.version,
    rows: { artifact_provenance: provenance.length, task_events: tasks.length },
    steps,
    duration_ms: Math.round(performance.now() - started),
  };
}

const firstHalf = (rows: readonly Insert[]): Insert[] => rows.slice(0, Math.ceil(rows.length / 2));
const secondHalf = (rows: readonly Insert[]): Insert[] => rows.slice(Math.ceil(rows.length / 2));

async function prepareTables(stage: Stage): Promise<void> {
  await stage.run("audit-chain", ["init", "--json"]);
  await stage.superuser.unsafe(PLATFORM_TABLES);
  await stage.superuser`grant select, insert, update on artifact_provenance, task_events, senate_pause, senate_alerts to demo_app`;
  await stage.superuser`grant usage on sequence senate_alerts_id_seq to demo_app`;
}

/** Human decisions: rows of tracked tables that change, each change an event. */
async function trackedChanges({ app }: Stage): Promise<void> {
  await app`insert into senate_alerts (kind, severity) values ('budget', 'high'), ('drift', 'low')`;
  await app`update senate_alerts set ack_at = now(), ack_by = 'a human' where kind = 'budget'`;
  await app`insert into senate_pause (scope_kind, scope_value, paused_at, paused_by) values ('agent', 'a-7', now(), 'a human')`;
  await app`update senate_pause set cleared_at = now(), cleared_by = 'another human'`;
}

async function verifySteps(stage: Stage, say: Show["say"], signal: AbortSignal): Promise<DemoStep[]> {
  const steps: DemoStep[] = [];
  const show = async (step: string, expected: DemoStep["expected"], verdict: Verdict): Promise<void> => {
    steps.push({ step, expected, verdict });
    const mark = verdict.right ? "ok   " : "WRONG";
    await say(escapeText(`${mark}  ${verdict.status.padEnd(8)}  ${step}`));
    const details = [findingText(verdict.finding), ...verdict.reasons].filter((text) => text !== "");
    for (const text of details) await say(escapeText(`                 ${text}`));
  };
  await say("       verdict   what was done (each verdict: audit-verify --json as the inspector, public keys only)");
  await show("nothing: as published", "intact", judgeClean(await stage.verify()));
  for (const attack of await planAttacks(stage.superuser)) {
    signal.throwIfAborted();
    await attack.attack();
    await show(attack.name, "tampered", judgeAttack(await stage.verify(), attack));
    await attack.undo();
    await show("undone", "intact", judgeClean(await stage.verify()));
  }
  return steps;
}

/** The published seq, from what `audit-publisher publish --json` printed. */
function publishedSeq(stdout: string): number {
  const { published } = JSON.parse(stdout) as { published: { seq: number } | null };
  if (published === null) throw new Error("audit-publisher has published nothing");
  return published.seq;
}
