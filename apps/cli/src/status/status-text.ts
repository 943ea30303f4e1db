import { escapeText, FEW, groupAlike, type LockUser } from "@scidex/audit-command";
import { ageText } from "../text/age.ts";
import { notAuditedLines } from "../text/not-audited.ts";
import { textTable } from "../text/text-table.ts";
import type { SinkState } from "./sink-heads.ts";
import type { StatusReport, TableState, ToDo } from "./status-report.ts";

/** What of a report was asked for. */
export interface Shown {
  /** How many tables have been left out because nothing is wrong with them. */
  readonly hidden: number;
  /** Whether tables were chosen: then each problem is said. */
  readonly isChosen: boolean;
}

/** The report for people: a line each for the chain's parts, a table of tables, and what to do. */
export function statusText(report: StatusReport, shown: Shown): string[] {
  const facts: [string, string][] = [
    ["database", `${report.database}${schemaText(report)}`],
    ["head", headText(report)],
    ["pending", pendingText(report)],
    ...captureTexts(report),
    ...several("lock", lockTexts(report.lock)),
    ...several("sinks", sinkTexts(report)),
  ];
  return [
    ...textTable(facts),
    "",
    ...tablesText(report, shown),
    ...notAuditedLines(report.not_audited).map((line) => escapeText(line)),
    ...(report.to_do.length === 0 ? [] : ["", "To do:"]),
    ...toDoText(report.to_do, shown),
    ...(report.not_read.length === 0
      ? []
      : [
          "",
          `Not shown, because this login may not read it: ${report.not_read.join("; ")}.`,
          "A member of scidex_audit_inspector sees everything.",
        ]),
  ];
}

function toDoText(toDo: readonly ToDo[], { isChosen }: Shown): string[] {
  const groups = groupAlike(toDo, ({ about, problem }) => `${about === null ? "" : "…: "}${problem}`);
  return groups.flatMap(({ first, all }) => {
    if (isChosen || all.length <= FEW) return all.flatMap(linesOf);
    return [...linesOf(first), `  … and ${all.length - 1} more like this: audit-chain status --problems lists them`];
  });
}

const linesOf = ({ about, problem, run }: ToDo): string[] => [
  escapeText(`  ${about === null ? "" : `${about}: `}${problem}`),
  ...(run === null ? [] : [escapeText(`    run: ${run}`)]),
];

const several = (label: string, texts: readonly string[]): [string, string][] =>
  texts.map((text, i) => [i === 0 ? label : "", text]);

const schemaText = ({ schema }: StatusReport): string =>
  schema.version === null
    ? ""
    : `, migration ${schema.version}${schema.version === schema.release ? "" : ` (this release has ${schema.release})`}`;

function headText({ head, not_read }: StatusReport): string {
  if (head === null)
    return not_read.some((part) => part.startsWith("head")) ? "not readable" : "none: the chain is empty";
  return `${head.seq}, ${ageText(head.age_seconds)} old (${head.appended_at}), ${head.chain_hash}`;
}

function pendingText({ pending }: StatusReport): string {
  if (pending === null) return "not readable";
  const { count, late_count: late, oldest_seconds: oldest, conflict_count: conflicts } = pending;
  const left = late === 0 ? "" : `, ${late} of them left by strict commits that could not have the lock`;
  const waiting =
    count === 0 ? "none" : `${count}${oldest === null ? "" : `, the oldest for ${ageText(oldest)}`}${left}`;
  if (conflicts === 0) return waiting;
  const named = pending.conflicts.slice(0, 3).map(({ event_kind, event_pk }) => `${event_kind} ${event_pk}`);
  return `${waiting}; ${conflicts} set aside with a conflict (${named.join(", ")}${conflicts > named.length ? ", …" : ""})`;
}

function captureTexts({ capture }: StatusReport): [string, string][] {
  if (capture === null) return [];
  const { bytes_behind: bytes, written_seconds: seconds, is_active: isActive } = capture;
  const behind = `${bytes} bytes of the log are not linked, the position is ${ageText(seconds)} old`;
  return [["capture", `${behind}${isActive ? "" : "; no process is running"}`]];
}

function lockTexts(lock: readonly LockUser[]): string[] {
  if (lock.length === 0) return ["free"];
  return lock.map(({ role, pid, prepared, user, application, state, seconds, idle_seconds: idle }) => {
    const who =
      pid === null
        ? `prepared transaction ${prepared === null ? "" : JSON.stringify(prepared)} of ${user ?? "unknown"}`
        : `session ${pid} (${[user, application, state].filter(Boolean).join(", ") || "unknown"})`;
    const since =
      seconds === null
        ? "since when is not visible (grant pg_read_all_stats)"
        : `in a transaction of ${ageText(seconds)}${idle === null ? "" : `, idle for ${ageText(idle)}`}`;
    const end = prepared === null || role === "waits" ? "" : `; to end it: COMMIT PREPARED or ROLLBACK PREPARED`;
    return `${role === "holds" ? "held by" : "wanted by"} ${who}, ${since}${end}`;
  });
}

function sinkTexts({ sinks, head }: StatusReport): string[] {
  if (sinks.length === 0) return ["none (AUDIT_SINKS is not set)"];
  return sinks.map(
    ({ sink, last, lines, torn, error }) =>
      `${sink}: ${sinkText({ last, lines, error }, head?.seq)}${torn ? "; an unfinished line at its end, which the next publication removes" : ""}`,
  );
}

function sinkText({ last, error }: Pick<SinkState, "last" | "lines" | "error">, head: number | undefined): string {
  if (error !== null) return "ERROR, see below";
  if (last === null) return "nothing published yet";
  const behind =
    head === undefined || head === last.seq
      ? ""
      : ` (${Math.abs(head - last.seq)} ${head > last.seq ? "behind the chain" : "MORE than the chain has"})`;
  const age = last.age_seconds === null ? "" : `, ${ageText(last.age_seconds)} ago`;
  const trust = last.verified ? "signatures verified" : "NOT verified (AUDIT_VERIFIER_KEYS is not set)";
  return `head ${last.seq}${behind}, published ${last.published_at}${age}, ${trust}`;
}

function tablesText({ tables, detached, not_read }: StatusReport, { hidden }: Shown): string[] {
  if (not_read.some((part) => part.startsWith("tables"))) return ["Tables: not readable."];
  const gone = detached.map(({ relation, kind }) => [relation, kind, "detached", "", "", ""]);
  const right = hidden === 0 ? [] : [`${hidden} tables are as they were attached.`];
  if (tables.length === 0 && hidden > 0) return right;
  if (tables.length === 0 && gone.length === 0) return ["No tables are attached. Run: audit-chain attach TABLE"];
  const listed = textTable([
    ["TABLE", "KIND", "MODE", "CHANGES", "COMPLETE", "UNCHAINED ROWS"],
    ...tables.map((table) => [
      table.relation,
      table.kind,
      table.mode,
      table.changes,
      table.complete ? "yes" : "no",
      unchainedText(table),
    ]),
    ...gone,
  ]);
  return [...listed, ...right];
}

const unchainedText = ({ unchained }: TableState): string =>
  "rows" in unchained ? String(unchained.rows) : `not counted: ${unchained.not_counted}`;
