import { CommandError, connect, escapeText, ledgerDatabase } from "@scidex/audit-command";
import { DEFAULT_LEDGER_NAME } from "../verify/anchor.ts";
import { anchoredAgents, type ChainClient } from "../verify/audit-chain.ts";
import { LedgerError } from "../errors.ts";
import { type Ledger, openLedger } from "../store/ledger.ts";
import { LedgerSecrets } from "../event/secrets.ts";
import { type ChainReport, listAgents } from "../verify/verify.ts";

// What the commands share: the options that name a ledger and an audit chain, and what they stand for.

export interface LedgerOptions {
  readonly agentId?: string;
  readonly db?: string;
  readonly json?: boolean;
}

export interface AnchorOptions extends LedgerOptions {
  readonly ledger?: string;
  readonly chain?: string;
}

export function lineOf(report: ChainReport, options: LedgerOptions, withoutSecret: boolean): string {
  const agent = options.agentId === undefined ? ` agent ${escapeText(report.agent_id)}` : "";
  if (report.brokenAt !== undefined) {
    const { id, reason } = report.brokenAt;
    return `CHAIN BROKEN at event ${id === null ? "-" : escapeText(id)} (${reason})${agent}\n`;
  }
  if (withoutSecret) return `ANCHORS HOLD (${report.anchored ?? 0} of ${report.events} events)${agent}\n`;
  return `CHAIN VALID (${report.events} events)${agent}\n`;
}

export async function agentsOf(
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

export interface OpenChain extends AsyncDisposable {
  readonly sql: ChainClient;
}

export async function openChain(url: string): Promise<OpenChain> {
  const sql = await connect(url, { applicationName: "audit-ledger", max: 1, isFinding: true });
  return { sql, [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}

export function open(options: LedgerOptions): Ledger {
  return usage(() => openLedger(options.db ?? ledgerDatabase(), { access: "read" }));
}

export function secretsOf(): LedgerSecrets {
  return usage(() => LedgerSecrets.fromEnvironment(process.env));
}

export function ledgerName(options: AnchorOptions): string {
  return options.ledger ?? (process.env["AUDIT_LEDGER_NAME"] || DEFAULT_LEDGER_NAME);
}

/** Those of our errors that are the user's to mend are usage or configuration (exit 2); the others stay what they are (3). */
export function usage<T>(work: () => T): T {
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

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
