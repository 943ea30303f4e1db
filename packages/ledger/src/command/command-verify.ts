import {
  CommandError,
  type CommandContext,
  databaseUrl,
  EXIT,
  type Outcome,
  progress,
  writeOut,
} from "@scidex/audit-command";
import { jsonText } from "@scidex/audit-core";
import { Command } from "commander";
import { readAnchors } from "../verify/audit-chain.ts";
import {
  agentsOf,
  type AnchorOptions,
  ledgerName,
  type LedgerOptions,
  lineOf,
  note,
  open,
  type OpenChain,
  openChain,
  secretsOf,
} from "./command-options.ts";
import { type ChainReport, verifyChain } from "../verify/verify.ts";

interface VerifyCommandOptions extends AnchorOptions {
  /** commander's name for `--no-anchors`. */
  readonly anchors: boolean;
  readonly withoutSecret?: boolean;
}

/** `audit-ledger verify`. */
export function verifyCommand({ run, signal }: CommandContext): Command {
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
