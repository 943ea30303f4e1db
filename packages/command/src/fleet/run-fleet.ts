import { availableParallelism } from "node:os";
import { jsonText } from "@scidex/audit-core";
import { describeError } from "../describe-error.ts";
import { escapeMessage } from "../escape-text.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { progress } from "../progress.ts";
import { redact } from "../redact.ts";
import { linesOf, writeOut, writeToStdout } from "../write-out.ts";
import type { Fleet } from "./fleet.ts";
import { asMember, type Member } from "./member.ts";
import { Turns } from "./turns.ts";

export interface FleetRun {
  readonly fleet: Fleet;
  /** Whether each goes on until it is stopped: then all run at once, and write as they go. */
  readonly isGoingOn: boolean;
  readonly isJson: boolean;
  readonly signal: AbortSignal;
}

/** How one member's part ended. */
interface Ended {
  readonly exit: ExitCode;
  /** What it has printed, as JSON where that was asked for. */
  readonly text: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Small databases are mostly waited for: twice as many as there are processors keep these busy. */
export const AT_ONCE = Math.min(16, Math.max(4, 2 * availableParallelism()));

/** Verifying a small database takes about a second. Ten minutes make of ten servers that hang a delay, not an outage. */
export const PATIENCE_MS = 600_000;

/**
 * Runs an action once for each member of a fleet, and prints what each printed under its name; with `--json` as one object:
 *
 *     {"exit":3,"left_out":[],"databases":{"eu":{"exit":0,"result":…},"us":{"exit":3,"result":null,"error":{"code","message"}}}}
 *
 * @param action ends with its exit code, or throws
 * A signal ends it with what is done by then: the others have an `error` with the code `interrupted`.
 *
 * @returns the worst of all exit codes: the lowest that is not 0
 */
export async function runFleet(run: FleetRun, action: (member: Member) => Promise<ExitCode>): Promise<ExitCode> {
  const { fleet, isGoingOn, isJson, signal } = run;
  const ends = new Map<string, Ended>();
  const line = progress({ label: `databases of ${fleet.file}`, total: fleet.members.length });
  const atOnce = isGoingOn ? fleet.members.length : AT_ONCE;
  const turns = new Turns({ atOnce, patienceMs: PATIENCE_MS });
  const one = async (member: Member): Promise<void> => {
    // What was not begun when the signal came is not begun any more, and not done.
    const ended = signal.aborted ? notDone(member, signal.reason) : await runMember(run, member, action);
    ends.set(member.name, ended);
    line.done();
    if (!isJson) await writeOut(linesOf(member.name, ended.text)).catch(() => undefined);
    line.update(ends.size);
  };
  await Promise.all(fleet.members.map(async (member) => await turns.take(async () => await one(member))));
  line.done();
  // Nobody is left who would read it.
  if (signal.aborted && describeError(signal.reason).code === "output_closed") signal.throwIfAborted();
  const exit = worst([...ends.values()].map((ended) => ended.exit));
  if (isGoingOn) return exit;
  await writeOut(isJson ? `${asJson(fleet, ends, exit)}\n` : `${summary(fleet, ends)}\n`);
  return exit;
}

/** The lowest that is not 0: a finding before all, then what was not done, then what differs. */
const worst = (exits: readonly ExitCode[]): ExitCode =>
  exits.reduce((one, other) => (one === EXIT.ok || (other !== EXIT.ok && other < one) ? other : one), EXIT.ok);

async function runMember(
  { isGoingOn, isJson }: FleetRun,
  member: Member,
  action: (member: Member) => Promise<ExitCode>,
): Promise<Ended> {
  const { name } = member;
  const texts: string[] = [];
  const write = async (text: string): Promise<void> => {
    if (!isGoingOn) texts.push(text);
    else await writeToStdout(isJson ? underName(name, text) : linesOf(name, text));
  };
  const current = { name, environment: { ...member.environment }, writeOut: write, isGoingOn };
  try {
    const exit = await asMember(current, async () => await action(member));
    return { exit, text: texts.join("") };
  } catch (error) {
    return { ...notDone(member, error), text: texts.join("") };
  }
}

/** Says why a member's part was not done. */
function notDone({ name }: Member, reason: unknown): Ended {
  const { code, message, exit } = describeError(reason);
  const said = redact(message);
  process.stderr.write(linesOf(name, `error: ${escapeMessage(said)}`));
  return { exit, text: "", error: { code, message: said } };
}

/** Lines of JSON, each with the name as its first member. */
const underName = (name: string, lines: string): string => lines.replaceAll(/^\{/gmu, `{"database":${jsonText(name)},`);

function asJson({ members, leftOut }: Fleet, ends: ReadonlyMap<string, Ended>, exit: ExitCode): string {
  const databases = members.flatMap(({ name }) => {
    const ended = ends.get(name);
    if (ended === undefined) return [];
    // As it was printed: numbers of any length stay what they are.
    const result = ended.text.trim() === "" ? "null" : ended.text.trim();
    const error = ended.error === undefined ? "" : `,"error":${jsonText(ended.error)}`;
    return [`${jsonText(name)}:{"exit":${ended.exit},"result":${result}${error}}`];
  });
  return `{"exit":${exit},"left_out":${jsonText(leftOut)},"databases":{${databases.join(",")}}}`;
}

function summary({ members, leftOut }: Fleet, ends: ReadonlyMap<string, Ended>): string {
  const others = members.flatMap(({ name }) => {
    const exit = ends.get(name)?.exit ?? EXIT.failed;
    return exit === EXIT.ok ? [] : [`${name} ended with ${exit}`];
  });
  const well = members.length - others.length;
  const parts = [`${well} of ${members.length} databases ended with 0`, ...others];
  return [...parts, ...(leftOut.length === 0 ? [] : [`left out: ${leftOut.join(", ")}`])].join("; ");
}
