import { briefly, escapeText } from "@scidex/audit-command";
import type { Divergence, Finding } from "@scidex/audit-reader";
import type { AcceptedFinding } from "../coverage/acceptance/accepting.ts";
import { describeEarlierLog } from "./earlier-logs.ts";
import type { VerificationReport } from "./verification-report.ts";
import { describeWitnesses } from "./witnesses.ts";

/** How many divergences are shown to a person; `--json` has them all. */
const SHOWN = 20;
/** How many columns that are not covered stand beside the verdict. */
const SHOWN_COLUMNS = 3;

const VERDICTS = { intact: "INTACT", tampered: "TAMPERED", unproven: "NOT PROVEN" } as const;

/**
 * The report for a person at a terminal. What comes from the database is escaped.
 *
 * @param notes what else there is to say of it, sentences of our own
 */
export function describeReport(report: VerificationReport, notes: readonly string[] = []): string {
  const lines = [
    `${VERDICTS[report.status]}${describeNotCovered(report)}${acceptedText(report)}: ${report.rows} links, ${report.range.from} to ${report.range.to}`,
  ];
  if (report.head !== null)
    lines.push(`head        seq ${report.head.seq}, chain hash ${report.head.chainHash}, ${report.head.appendedAt}`);
  lines.push(`anchored    to ${report.anchoredTo}; ${report.unanchored} newer links can still be rewritten unseen`);
  if (report.pending > 0n)
    lines.push(
      `pending     ${report.pending} captured rows are not linked yet, the oldest for ${report.pendingAge ?? 0} s`,
    );
  lines.push(
    `checks      ${Object.entries(report.checks)
      .map(([group, result]) => `${group} ${result}`)
      .join(", ")}`,
  );
  if (report.witnesses !== null) lines.push(`witnessed   ${escapeText(describeWitnesses(report.witnesses))}`);
  for (const log of report.earlierLogs) lines.push(`earlier log ${escapeText(describeEarlierLog(log))}`);
  for (const { kind, compared, notCompared } of report.recordedAnew.filter((one) => one.compared + one.notCompared > 0))
    lines.push(
      `recorded    ${escapeText(kind)} anew: ${compared} rows that had been compared, ${notCompared} that could not be`,
    );
  for (const [kind, months] of Map.groupBy(report.retired, (one) => one.kind)) {
    const rows = months.reduce((sum, one) => sum + one.rows, 0);
    const [first, last] = [months[0]?.month ?? "", months.at(-1)?.month ?? ""];
    const when = first === last ? first : `${first} to ${last}`;
    lines.push(`retired     ${escapeText(kind)}: ${rows} ${rows === 1 ? "row" : "rows"} last changed ${when}`);
  }
  for (const { kind, rows } of report.erased)
    lines.push(`erased      ${escapeText(kind)}: ${rows} ${rows === 1 ? "row" : "rows"}, each by a signed statement`);
  for (const { kind, rows, seq, at } of report.restored)
    lines.push(
      `restored    ${escapeText(kind)}: ${rows} ${rows === 1 ? "row was" : "rows were"} put back as recorded, the last at seq ${seq}, ${at ?? "at no time"}`,
    );
  for (const divergence of report.divergences.slice(0, SHOWN)) lines.push(...describeDivergence(divergence));
  for (const one of report.accepted.slice(0, SHOWN)) lines.push(...describeAccepted(one));
  if (report.accepted.length > SHOWN) lines.push(`… and ${report.accepted.length - SHOWN} more that are accepted`);
  if (report.divergenceCount > SHOWN)
    lines.push(`… and ${report.divergenceCount - SHOWN} more: --json lists up to 1,000 of each check`);
  for (const note of notes) lines.push(`note        ${note}`);
  for (const reason of briefly(report.unproven)) lines.push(`not proven  ${escapeText(reason)}`);
  for (const warning of briefly(report.warnings)) lines.push(`warning     ${escapeText(warning)}`);
  const access = report.checks.access === "skipped" ? "" : `, ${seconds(report.accessMs)} of it for access`;
  lines.push(`took        ${seconds(report.durationMs)}${access}`);
  return `${lines.join("\n")}\n`;
}

function acceptedText({ accepted }: VerificationReport): string {
  const findings = accepted.reduce((sum, { count = 1 }) => sum + count, 0);
  return findings === 0 ? "" : `; ${findings} accepted ${findings === 1 ? "finding" : "findings"}`;
}

/** `; orders.qty not covered yet, 3 h`: no verdict is said without it. */
export function describeNotCovered({ notCovered }: Pick<VerificationReport, "notCovered">, now = Date.now()): string {
  const shown = notCovered
    .slice(0, SHOWN_COLUMNS)
    .map(
      ({ relation, column, since }) =>
        `${relation.replace(/^public\./u, "")}.${column} not covered yet, ${age(now - Date.parse(since))}`,
    );
  const more = notCovered.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more columns not covered yet`] : [])]
    .map((text) => `; ${escapeText(text)}`)
    .join("");
}

function age(ms: number): string {
  const minutes = Math.max(Math.floor(ms / 60_000), 0);
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** On two lines: whoever reads reports every day should not stop seeing it, nor read it every day. */
function describeAccepted(one: AcceptedFinding): string[] {
  const { count = 1, reason, by, at } = one;
  return [
    `accepted    ${one.check}: ${escapeText(placeOf(one))}${count === 1 ? "" : ` (${count} findings)`}`,
    `    ${escapeText(`${reason} (${by}, ${at})`)}`,
  ];
}

function placeOf(d: Finding): string {
  const where = d.seq !== undefined ? `seq ${d.seq}` : d.fromSeq !== undefined ? `seq ${d.fromSeq} to ${d.toSeq}` : "";
  const event = d.eventKind === undefined ? "" : `${d.eventKind} ${d.eventPk ?? ""}`.trim();
  return [where, event].filter((part) => part !== "").join(", ");
}

function describeDivergence(d: Divergence): string[] {
  return [
    `${d.check.padEnd(18)}  ${escapeText(placeOf(d))}`,
    `    ${escapeText(d.message)}`,
    ...(d.expected === undefined ? [] : [`    expected ${escapeText(d.expected)}`]),
    ...(d.actual === undefined ? [] : [`    actual   ${escapeText(d.actual)}`]),
  ];
}
