import { CONFIG_FILE, briefly, escapeText, FEW } from "@scidex/audit-command";
import { attachedLines } from "../text/attached-lines.ts";
import { notAuditedLines } from "../text/not-audited.ts";
import { type TableWarning, warningLines } from "../text/warning-lines.ts";
import type { Synced } from "./carry-out.ts";
import { estimateText, HOW, sumOf } from "./estimate.ts";
import type { EntryUse, PassedOver } from "./plan.ts";

/** What `audit-chain sync --json` prints. */
export interface SyncReport {
  /** The file that was read, as it was named; null where there is none. */
  readonly config: string | null;
  /** How many tables were attached before. */
  readonly attached: number;
  /** Those that are not as they should be, or were not. */
  readonly tables: readonly Synced[];
  /** Tables that a pattern names and that cannot be attached, or should be named exactly. */
  readonly not_attachable: readonly PassedOver[];
  /** Attached tables that the file does not name. */
  readonly not_in_config: readonly string[];
  /** Tables that are not attached, and that no entry of the file names. */
  readonly not_audited: readonly string[];
  /** With `--dry-run`: which tables each entry of the file decides about. */
  readonly entries?: readonly EntryUse[];
}

/** The report for people. */
export function syncText(report: SyncReport, isDry: boolean): string[] {
  const { config, attached, tables, entries = [], not_attachable: left, not_in_config: unnamed } = report;
  const isMany = tables.length > FEW;
  const lines = [
    ...entries.map((use) => entryLine(use)),
    ...tables.flatMap((table) => tableLines(table, isMany)),
    ...unnamed.map((table) => `${table}: not in ${config}; detach it with audit-chain detach ${table}`),
    ...briefly(left.map(({ table, pattern, reason }) => `${table}: passed over, "${pattern}" names it: ${reason}`)),
  ];
  if (tables.length === 0) {
    const how = config === null ? "as they were configured" : `as ${config} says`;
    if (unnamed.length === 0) lines.push(`${attached} attached tables are ${how}.`);
  }
  const narrowed = tables.filter(({ differences }) => differences.some(({ narrows }) => narrows)).length;
  if (narrowed > 0)
    lines.push(
      `${narrowed} of these the verifier reports as coverage_narrowed until the auditor has approved it: audit-chain policy --diff FILE`,
    );
  const estimates = tables.flatMap(({ estimate }) => estimate ?? []);
  if (estimates.length > 0) lines.push(`Recorded anew would be ${estimateText(sumOf(estimates))} in all: ${HOW}.`);
  const warnings = isMany ? warningLines(tables.flatMap(warningsOf)) : [];
  if (isDry) lines.push(...notAuditedLines(report.not_audited));
  const file = config === null || config === CONFIG_FILE ? "" : ` ${config}`;
  if (isDry && tables.length > 0) lines.push(`Nothing was changed. Run: audit-chain sync${file}`);
  return [...lines.map((line) => escapeText(line)), ...warnings];
}

function entryLine({ name, tables }: EntryUse): string {
  const wins = before([...new Set(tables.flatMap(({ over }) => over))]);
  if (tables.length === 0) return `"${name}" names no table`;
  return `"${name}" decides about ${tables.length === 1 ? tables[0]?.table : `${tables.length} tables`}${wins}`;
}

/** Against which patterns an entry wins. */
const before = (over: readonly string[]): string =>
  over.length === 0 ? "" : `, before ${over.map((name) => `"${name}"`).join(", ")}`;

function tableLines(synced: Synced, isMany: boolean): string[] {
  const { table, status, differences, error, result, named_by: by, over = [], record_anew: anew } = synced;
  const [line = "", ...more] = result === undefined ? [] : attachedLines(result);
  const named = by === undefined ? "" : ` ("${by}"${before(over)})`;
  const done = result === undefined ? ": taken in" : ": done";
  const texts = differences
    .map(({ text, blocked }) => (status === "differs" && blocked !== undefined ? `${text}: ${blocked}` : text))
    .join(", ");
  return [
    status === "attached" ? line : `${table}: ${texts}${named}${status === "synced" ? done : ""}`,
    ...(error === undefined ? [] : [`  FAILED: ${error}`]),
    ...(synced.estimate === undefined
      ? []
      : [`  recorded anew by the next publication: ${estimateText(synced.estimate)}`]),
    ...(anew === true ? ["  some rows have values in columns that joined after them, which are not proven yet"] : []),
    ...(isMany
      ? []
      : [...(status === "attached" ? more : []), ...warningsIn(synced).map((text) => `  warning: ${text}`)]),
  ];
}

const warningsIn = ({ result, warnings = [] }: Synced): readonly string[] => result?.warnings ?? warnings;

/** Of many tables each is said in a line, and what is to be known of several once. */
function warningsOf(synced: Synced): TableWarning[] {
  const { table, status, result } = synced;
  const [, ...more] = result === undefined || status !== "attached" ? [] : attachedLines(result);
  return [...more.map((line) => line.trim()), ...warningsIn(synced)].map((message) => ({ table, message }));
}
