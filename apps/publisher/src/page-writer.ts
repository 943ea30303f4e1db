import { databaseName, replaceFile } from "@scidex/audit-command";
import { page } from "@scidex/audit-report";
import type { Overview } from "@scidex/audit-verifier";
import type { AlertedReport } from "./verify-and-alert.ts";

export interface PageAbout {
  /** URL of the database that was verified; its user and password do not get into the page. */
  readonly databaseUrl: string;
  readonly origin: string | null;
  /** Whether everything was verified, and not only the newest part. */
  readonly isWhole: boolean;
}

/** Makes what writes a verification as a page into a file, all or nothing. */
export function pageWriter(
  file: string,
  about: PageAbout,
): (report: AlertedReport, overview: Overview) => Promise<void> {
  return async (report, overview) => {
    const html = page({
      report,
      overview,
      verifiedAt: Date.now(),
      command: "audit-publisher verify",
      origin: about.origin,
      database: databaseName(about.databaseUrl),
      isWhole: about.isWhole,
      notes: notesOf(report),
    });
    await replaceFile("--report", file, html);
  };
}

function notesOf({ alerts }: AlertedReport): string[] {
  const { new: fresh, written, posted, pending } = alerts;
  if (fresh + written + posted + pending === 0) return [];
  return [
    `Of these findings, ${fresh} had not been alerted before. ${written} alerts were written to senate_alerts, ${posted} posted to the webhook; ${pending} could not be given yet.`,
  ];
}
