import {
  CommandError,
  type CommandContext,
  connect,
  databaseUrl,
  escapeText,
  EXIT,
  jsonText,
  ledgerDatabase,
  type Outcome,
  progress,
  runCommand,
  writeOut,
} from "@scidex/audit-command";
import { Command } from "commander";
import { DEFAULT_LEDGER_NAME } from "./anchor.ts";
import { anchorAgent, anchoredAgents, type ChainClient, readAnchors } from "./audit-chain.ts";
import { LedgerError } from "./errors.ts";
import { exportEvents, type ExportFormat } from "./export.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { LedgerSecrets } from "./secrets.ts";
import type { EventFilter } from "./store.ts";
import { parseRfc3339 } from "./timestamp.ts";
import { type ChainReport, listAgents, verifyChain } from "./verify.ts";

/** Runs `audit-ledger` to its end. */
export const main = (): Promise<void> => runCommand((context) => ledgerCommand(context));

/** The command tree of `audit-ledger`, which `audit-chain ledger` uses too. */
export function ledgerCommand(context: CommandContext): Command {
  const command = new Command("audit-ledger")
    .description("Verify, export and anchor the per-agent HMAC ledger.")
    .addHelpText(
      "after",
      `
Environment:
  AUDIT_LEDGER_DB             path, sqlite:///relative, sqlite:////absolute or postgresql://…
                              (default /var/log/molecule/audit_ledger.db)
  AUDIT_LEDGER_SALT           the secret that rows are signed with
  AUDIT_LEDGER_SALT_PREVIOUS  earlier secrets, one a line
  AUDIT_LEDGER_NAME           the ledger's name in its anchors (default "${DEFAULT_LEDGER_NAME}")
  AUDIT_DATABASE_URL          the database with the audit chain, else DATABASE_URL

Example:
  AUDIT_LEDGER_SALT=… audit-ledger verify --agent-id reviewer-1 --db sqlite:////var/lib/ledger.db`,
    );
  command.addCommand(verifyCommand(context));
  command.addCommand(exportCommand(context));
  command.addCommand(anchorCommand(context));
  return command;
}

interface LedgerOptions {
  readonly agentId?: string;
  readonly db?: string;
  readonly json?: boolean;
}

interface AnchorOptions extends LedgerOptions {
  readonly ledger?: string;
  readonly chain?: string;
}

interface VerifyCommandOptions extends AnchorOptions {
  /** commander's name for `--no-anchors`. */
  readonly anchors: boolean;
  readonly withoutSecret?: boolean;
}

function verifyCommand({ run, signal }: CommandContext): Command {
  return new Command("verify")
    .description("judge an agent's whole chain, or every agent's; reads only, creates nothing")
    .option("--agent-id <id>", "the agent; default: every agent that has rows or anchors")
    .option("--db <url>", "the ledger; default AUDIT_LEDGER_DB")
    .option("--chain <url>", "the database with the audit chain, to compare with anchors; default AUDIT_DATABASE_URL")
    .option("--ledger <name>", "the ledger's name in its anchors; default AUDIT_LEDGER_NAME")
    .option("--no-anchors", "do not compare with anchors")
    .option("--without-secret", "judge links and anchors only, as an auditor who has no secret")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Prints CHAIN VALID (N events) or CHAIN BROKEN at event ID (reason); for all agents one line each. Exits with 0 (valid),
1 (broken), 2 (no secret), 3 (no such database, or it could not be checked).

Example:
  audit-ledger verify --agent-id reviewer-1`,
    )
    .action(run((options: VerifyCommandOptions) => verify(options, signal)));
}

function exportCommand({ run, signal }: CommandContext): Command {
  return new Command("export")
    .description("write events to stdout, ordered by time; needs no secret")
    .option("--agent-id <id>", "only this agent's")
    .option("--session-id <id>", "only this session's")
    .option("--from <time>", "not before this RFC 3339 time")
    .option("--to <time>", "before this RFC 3339 time")
    .option("--format <format>", "jsonl or csv (safe to open in spreadsheets)", "jsonl")
    .option("--db <url>", "the ledger; default AUDIT_LEDGER_DB")
    .option("--json", "JSON lines, which is the default format")
    .addHelpText(
      "after",
      "\nExample:\n  audit-ledger export --agent-id reviewer-1 --from 2026-04-01T00:00:00Z --format csv > events.csv",
    )
    .action(run((options: ExportOptions) => exportTo(options, signal)));
}

function anchorCommand({ run, signal }: CommandContext): Command {
  return new Command("anchor")
    .description("record each agent's head in the audit chain, so that a cut tail and an emptied agent are found")
    .option("--agent-id <id>", "only this agent's; default: every agent's")
    .option("--db <url>", "the ledger; default AUDIT_LEDGER_DB")
    .option("--chain <url>", "the database with the audit chain; default AUDIT_DATABASE_URL")
    .option("--ledger <name>", "the ledger's name in its anchors; default AUDIT_LEDGER_NAME")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      "\nA chain that is broken is reported (exit 1) and not anchored.\n\nExample:\n  audit-ledger anchor",
    )
    .action(run((options: AnchorOptions) => anchor(options, signal)));
}

async function verify(options: VerifyCommandOptions, signal: AbortSignal): Promise<Outcome> {
  const secrets = options.withoutSecret === true ? null : secretsOf();
  const name = ledgerName(options);
  await using ledger = open(options);
  await using chain = options.anchors ? await chainFor(options) : null;
  if (secrets === null && chain === null)
    throw new CommandError("usage", "without a secret only anchors prove anything: give --chain or AUDIT_DATABASE_URL");
  const agents = await agentsOf(ledger, chain?.sql ?? null, options, name);
  const reports: ChainReport[] = [];
  const shown = progress({ label: "verify agents", total: agents.length });
  for (const agent of agents) {
    signal.throwIfAborted();
    const anchors = chain === null ? [] : await readAnchors(chain.sql, agent, name);
    reports.push(await verifyChain(ledger, agent, { secrets, anchors, ledger: name }));
    shown.update(reports.length);
  }
  shown.done();
  const valid = reports.every((report) => report.valid);
  // Without a secret, rows that no anchor covers could be anyone's.
  const proven = secrets !== null || reports.every((report) => report.anchored === report.events);
  if (options.json === true) await writeOut(`${jsonText(resultOf(options, reports, valid, proven))}\n`);
  else for (const report of reports) await writeOut(lineOf(report, options, secrets === null));
  if (reports.every((report) => report.events === 0 && report.valid)) note("there are no events");
  if (!valid) return { exit: EXIT.tampered };
  if (!proven) note("rows after the last anchor cannot be judged without the secret");
  return { exit: proven ? EXIT.ok : EXIT.failed };
}

function resultOf(options: LedgerOptions, reports: readonly ChainReport[], valid: boolean, proven: boolean): object {
  const [only] = reports;
  if (options.agentId !== undefined && only !== undefined) return { ...only, proven };
  const events = reports.reduce((sum, report) => sum + report.events, 0);
  return { valid, proven, events, agents: reports };
}

function lineOf(report: ChainReport, options: LedgerOptions, withoutSecret: boolean): string {
  const agent = options.agentId === undefined ? ` agent ${escapeText(report.agent_id)}` : "";
  if (report.brokenAt !== undefined) {
    const { id, reason } = report.brokenAt;
    return `CHAIN BROKEN at event ${id === null ? "-" : escapeText(id)} (${reason})${agent}\n`;
  }
  if (withoutSecret) return `ANCHORS HOLD (${report.anchored ?? 0} of ${report.events} events)${agent}\n`;
  return `CHAIN VALID (${report.events} events)${agent}\n`;
}

interface ExportOptions extends LedgerOptions {
  readonly sessionId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly format: string;
}

async function exportTo(options: ExportOptions, signal: AbortSignal): Promise<void> {
  const format: ExportFormat | undefined = (["jsonl", "csv"] as const).find((known) => known === options.format);
  if (format === undefined || (format === "csv" && options.json === true))
    throw new CommandError("usage", "--format must be jsonl or csv, and --json is jsonl");
  const filter = usage((): EventFilter => ({
    ...(options.agentId === undefined ? {} : { agent_id: options.agentId }),
    ...(options.sessionId === undefined ? {} : { session_id: options.sessionId }),
    ...(options.from === undefined ? {} : { from: parseRfc3339(options.from, "--from") }),
    ...(options.to === undefined ? {} : { to: parseRfc3339(options.to, "--to") }),
  }));
  await using ledger = open(options);
  await exportEvents(ledger, format, filter, async (text) => {
    signal.throwIfAborted();
    await writeOut(text);
  });
}

async function anchor(options: AnchorOptions, signal: AbortSignal): Promise<Outcome> {
  const secrets = secretsOf();
  const name = ledgerName(options);
  await using ledger = open(options);
  await using chain = await openChain(options.chain ?? databaseUrl());
  const agents = await agentsOf(ledger, chain.sql, options, name);
  const results: { seq: bigint | null; report: ChainReport }[] = [];
  const shown = progress({ label: "anchor agents", total: agents.length });
  for (const agent of agents) {
    signal.throwIfAborted();
    results.push(await anchorAgent(ledger, chain.sql, agent, { secrets, ledger: name }));
    shown.update(results.length);
  }
  shown.done();
  if (options.json === true) {
    const agents = results.map(({ seq, report }) => ({ ...report, seq: seq === null ? null : Number(seq) }));
    await writeOut(`${jsonText({ ledger: name, agents })}\n`);
  } else {
    for (const { seq, report } of results)
      await writeOut(
        seq === null
          ? lineOf(report, {}, false)
          : `ANCHORED ${report.events} events at seq ${seq} agent ${escapeText(report.agent_id)}\n`,
      );
  }
  return { exit: results.every(({ report }) => report.valid) ? EXIT.ok : EXIT.tampered };
}

async function agentsOf(
  ledger: Ledger,
  chain: ChainClient | null,
  options: LedgerOptions,
  name: string,
): Promise<string[]> {
  if (options.agentId !== undefined) return [options.agentId];
  const anchored = chain === null ? [] : await anchoredAgents(chain, name);
  // A table that is gone is a finding where rows have been anchored, and nothing to look at where none have.
  if (anchored.length > 0 && !(await ledger.store.hasTable())) return anchored;
  return [...new Set([...(await listAgents(ledger)), ...anchored])].toSorted();
}

interface OpenChain extends AsyncDisposable {
  readonly sql: ChainClient;
}

async function openChain(url: string): Promise<OpenChain> {
  const sql = await connect(url, { applicationName: "audit-ledger", max: 1 });
  return { sql, [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}

/** The audit chain to compare with, if there is one; a DATABASE_URL alone may well be of a database without a chain. */
async function chainFor(options: AnchorOptions): Promise<OpenChain | null> {
  const explicit = options.chain ?? (process.env["AUDIT_DATABASE_URL"] || undefined);
  if (explicit === undefined && !process.env["DATABASE_URL"]) return null;
  const chain = await openChain(explicit ?? databaseUrl());
  if (explicit !== undefined) return chain;
  const [found] = await chain.sql<{ there: boolean }[]>`SELECT to_regclass('public.audit_chain') IS NOT NULL AS there`;
  if (found?.there === true) return chain;
  await chain[Symbol.asyncDispose]();
  note("DATABASE_URL has no audit chain: nothing was compared with anchors");
  return null;
}

function open(options: LedgerOptions): Ledger {
  return usage(() => openLedger(options.db ?? ledgerDatabase(), { access: "read" }));
}

function secretsOf(): LedgerSecrets {
  return usage(() => LedgerSecrets.fromEnvironment(process.env));
}

function ledgerName(options: AnchorOptions): string {
  return options.ledger ?? (process.env["AUDIT_LEDGER_NAME"] || DEFAULT_LEDGER_NAME);
}

/** Those of our errors that are the user's to mend are usage or configuration (exit 2); the others stay what they are (3). */
function usage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof LedgerError && ["no_secret", "database_url"].includes(error.code))
      throw new CommandError("configuration", error.message, { cause: error });
    if (error instanceof LedgerError && error.code === "invalid_filter")
      throw new CommandError("usage", error.message, { cause: error });
    throw error;
  }
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
