import { escapeText } from "@scidex/audit-command";
import type { AlertedReport } from "./alerted-report.ts";

/** How many divergences are shown to a person; `--json` has them all. */
const SHOWN = 20;

const VERDICTS = { intact: "INTACT", tampered: "TAMPERED", unproven: "NOT PROVEN" } as const;

/** The report for a person. What comes from the database is escaped. */
export function describeVerification(report: AlertedReport): string {
  const { range, alerts } = report;
  const lines = [
    `${VERDICTS[report.status]}: ${report.rows} links, ${range.from} to ${range.to}`,
    `anchored to ${report.anchoredTo}; ${report.unanchored} newer links can still be rewritten unseen`,
  ];
  for (const { check, seq, fromSeq, toSeq, eventKind, eventPk, message } of report.divergences.slice(0, SHOWN)) {
    const where = seq === undefined ? (fromSeq === undefined ? "" : ` ${fromSeq}..${toSeq}`) : ` ${seq}`;
    const event = eventKind === undefined ? "" : ` (${eventKind} ${eventPk ?? ""})`;
    lines.push(`  ${check}${where}${escapeText(event)}: ${escapeText(message)}`);
  }
  if (report.divergenceCount > SHOWN) lines.push(`  … and ${report.divergenceCount - SHOWN} more`);
  if (alerts.new + alerts.written + alerts.posted + alerts.pending > 0)
    lines.push(
      `alerts: ${alerts.new} new findings; ${alerts.written} written to senate_alerts, ${alerts.posted} posted, ${alerts.pending} still to be said`,
    );
  for (const reason of report.unproven) lines.push(`not proven: ${escapeText(reason)}`);
  for (const warning of report.warnings) lines.push(`warning: ${escapeText(warning)}`);
  return `${lines.join("\n")}\n`;
}
