import { userInfo } from "node:os";
import { CommandError, escapeText, EXIT, writeOut } from "@scidex/audit-command";
import { jsonForm, jsonText } from "@scidex/audit-core";
import { Command } from "commander";
import { appendAcknowledgement, readAcknowledgements } from "./memory/acknowledgements.ts";
import { AlertFile } from "./memory/alert-file.ts";
import type { Alert } from "./memory/alert-memory.ts";
import { isOver, needsSomebody, noteAcknowledged } from "./memory/lifecycle.ts";
import { lineOf, runbookOf } from "./webhook/notice.ts";

interface Flags {
  readonly alertState?: string;
  readonly reason?: string;
  readonly by?: string;
  readonly all?: true;
  readonly json?: true;
}

/** Where a program keeps its alert memory unless `--alert-state` says so; undefined for nowhere. */
export type DefaultMemory = () => string | undefined;

/** What a program hands to those who define its commands: all of it that is needed here. */
interface ProgramContext {
  readonly run: <A extends readonly unknown[]>(
    action: (...args: A) => Promise<{ readonly exit: 0 } | void>,
  ) => (...args: A) => Promise<void>;
}

/**
 * `alerts`: without fingerprints it lists what has been alerted and is not over; with some it acknowledges these. It needs no
 * database, and asks none: whoever may write there must not be able to say that a finding has been seen to.
 */
export function alertsCommand(context: ProgramContext, defaultMemory: DefaultMemory): Command {
  return new Command("alerts")
    .description("list the findings that were alerted and are not over, or say that some have been seen to")
    .argument("[fingerprint...]", "of the findings to acknowledge, as the list and every alert have them")
    .option("--all", "acknowledge all that the list has")
    .option("--reason <text>", "what was found out and done: it stands in the file of acknowledgements")
    .option("--by <name>", "whose word it is; default: the name of this login")
    .option("--alert-state <file>", "the memory of what has been alerted, as given to the verification")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
A finding is over once it is acknowledged and a full verification does not find it any more. A publisher that was silent, and
a verdict that was overdue, are over by themselves. A finding that comes back is a new one.

Examples:
  alerts --alert-state /var/lib/audit/alerts
  alerts --alert-state /var/lib/audit/alerts 3f1c… --reason "INC-7: put back from the backup"`,
    )
    .action(context.run(async (fingerprints: string[], flags: Flags) => await run(fingerprints, flags, defaultMemory)));
}

async function run(fingerprints: readonly string[], flags: Flags, defaultMemory: DefaultMemory): Promise<{ exit: 0 }> {
  const memory = flags.alertState ?? defaultMemory();
  if (memory === undefined)
    throw new CommandError(
      "usage",
      "--alert-state is missing; expected the file that the verification keeps, or AUDIT_STATE_DIR",
    );
  const open = await readOpen(memory);
  const chosen = choose(open, fingerprints, flags.all === true);
  if (chosen.length > 0) {
    if (flags.reason === undefined || flags.reason.trim() === "")
      throw new CommandError("usage", "--reason is missing; expected what was found out and done");
    const at = new Date().toISOString();
    const word = { by: flags.by ?? userInfo().username, at, reason: flags.reason };
    await appendAcknowledgement(
      memory,
      chosen.map(({ fingerprint }) => fingerprint),
      word,
    );
  }
  const alerts = chosen.length > 0 ? await readOpen(memory) : open;
  await writeOut(flags.json === true ? `${jsonText(jsonForm({ alerts: alerts.map(formOf) }))}\n` : describe(alerts));
  return { exit: EXIT.ok };
}

async function readOpen(path: string): Promise<readonly Alert[]> {
  const warnings: string[] = [];
  const memory = await new AlertFile(path, warnings).load();
  const acknowledged = await readAcknowledgements(path, warnings);
  if (warnings.length > 0) throw new CommandError("failed", warnings.join("; "));
  return noteAcknowledged(memory, acknowledged).alerts.filter((alert) => !isOver(alert));
}

function choose(open: readonly Alert[], fingerprints: readonly string[], isAll: boolean): readonly Alert[] {
  if (isAll) return open.filter(needsSomebody);
  return fingerprints.flatMap((text) => {
    const found = open.filter(({ fingerprint }) => fingerprint.startsWith(text.toLowerCase()));
    const [one] = found;
    if (text.length >= 4 && one !== undefined && found.length === 1) return [one];
    throw new CommandError(
      "usage",
      found.length > 1 || text.length < 4
        ? `${JSON.stringify(text)} is the beginning of several fingerprints, or too short; expected more of it`
        : `no finding that is open has the fingerprint ${JSON.stringify(text)}; without one, the command lists them`,
    );
  });
}

const formOf = (alert: Alert) => ({ ...alert, runbook: runbookOf(alert.check) });

function describe(alerts: readonly Alert[]): string {
  if (alerts.length === 0) return "no finding is open\n";
  return alerts
    .map((alert) => {
      const { fingerprint, since, acknowledged } = alert;
      const word =
        acknowledged === null ? "not acknowledged" : `acknowledged by ${acknowledged.by}: ${acknowledged.reason}`;
      return `${fingerprint}  since ${since}  ${escapeText(word)}\n  ${escapeText(lineOf(alert))}\n`;
    })
    .join("");
}
