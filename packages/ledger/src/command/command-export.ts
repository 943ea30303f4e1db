import { CommandError, type CommandContext, writeOut } from "@scidex/audit-command";
import { Command } from "commander";
import { type LedgerOptions, open, usage } from "./command-options.ts";
import { exportEvents, type ExportFormat } from "../export.ts";
import type { EventFilter } from "../store/store.ts";
import { parseRfc3339 } from "../event/timestamp.ts";

/** `audit-ledger export`. */
export function exportCommand({ run, signal }: CommandContext): Command {
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
