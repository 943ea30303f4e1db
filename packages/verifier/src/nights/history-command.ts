import { type CommandContext, EXIT, type Outcome, parseDuration, replaceFile, writeOut } from "@scidex/audit-command";
import { headTrust, type HeadTrust, jsonForm, jsonText } from "@scidex/audit-core";
import { nightsPage } from "@scidex/audit-report";
import { openSink, SinkError } from "@scidex/audit-sinks";
import { Command } from "commander";
import { configuration, messageOf, usage } from "../command/errors.ts";
import { keysInFile, keyWords } from "../command/keys.ts";
import { describeHistory } from "./describe-history.ts";
import { historyOf } from "./history.ts";
import { readNights } from "./read-nights.ts";

interface Flags {
  readonly nights: string;
  readonly keys: string;
  readonly since?: string;
  readonly maxGap: string;
  readonly html?: string;
  readonly json?: true;
}

const HELP = `
Each full run of audit-verify with --sign KEY --nights URL adds a night: verdict, head, digests of the report and of the policy,
signed by the verifier's own keys and linked to the night before. This reads them, and needs no database.

Exit code: 0 verdicts without a gap, 1 nights were changed, taken out or forged, 2 wrong usage, 3 there are gaps, or none.

Examples:
  $ audit-verify history --nights file:/srv/nights.log --keys nights.vkeys
  $ audit-verify history --nights file:/srv/nights.log --keys nights.vkeys --since 2026-01-01 --html 2026.html`;

/** `audit-verify history`: what the nights of a place prove. */
export function historyCommand(context: CommandContext): Command {
  return new Command("history")
    .description("Says which nights were verified, by their signed statements: verdicts, gaps, approvals, acceptances.")
    .requiredOption("--nights <url>", "where the nights are, such as file:/srv/nights.log")
    .requiredOption("--keys <vkeys>", "the verifier's own verifier keys, separated by commas, or a file with them")
    .option("--since <date>", "from this day or time on, such as 2026-01-01; default: the first night")
    .option("--max-gap <age>", "how long there may be no verdict", "26h")
    .option("--html <file>", "write a page of it, too: day by day, gaps, approvals, acceptances")
    .option("--json", "print all of it as JSON")
    .addHelpText("after", HELP)
    .action(context.run(async (flags: Flags) => await run(flags)));
}

async function run({ nights: url, keys, since, maxGap, html, json }: Flags): Promise<Outcome> {
  const trust = await trustOf(keys);
  const options = { since: sinceOf(since), until: Date.now(), maxGapMs: parseDuration(maxGap) };
  const verifier = trust.origin ?? "";
  let sink;
  try {
    sink = openSink(url);
  } catch (error) {
    if (error instanceof SinkError) throw usage(`--nights: ${error.message}`);
    throw error;
  }
  try {
    const history = historyOf(await readNights(sink, verifier, trust), options);
    if (html !== undefined)
      await replaceFile("--html", html, nightsPage({ verifier, ...history, maxGap, command: "audit-verify history" }));
    await writeOut(
      json === true ? `${jsonText(jsonForm({ verifier, ...history }))}\n` : describeHistory(verifier, history),
    );
    if (history.broken.length > 0) return { exit: EXIT.tampered };
    return { exit: history.gaps.length > 0 || history.nights.length === 0 ? EXIT.failed : EXIT.ok };
  } finally {
    await sink.close();
  }
}

async function trustOf(keys: string): Promise<HeadTrust> {
  const words = keys.includes("+") ? keyWords(keys) : await keysInFile("--keys", keys);
  try {
    const { verifiers } = headTrust(words, undefined);
    const names = new Set(verifiers.filter(({ type }) => type === 1).map(({ name }) => name));
    const [origin] = names;
    if (origin === undefined || names.size > 1) throw new Error("expected the two keys of one verifier");
    return { verifiers, origin };
  } catch (error) {
    throw configuration(`--keys: ${messageOf(error)}`, error);
  }
}

function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/u.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw usage(`--since is "${text}"; expected a day or a time in UTC, such as 2026-01-01`);
  return time;
}
