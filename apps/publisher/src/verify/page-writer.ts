import { databaseName, redact, replaceFile } from "@scidex/audit-command";
import { failurePage, page } from "@scidex/audit-report";
import type { Overview } from "@scidex/audit-verifier";
import { messageOf } from "../errors.ts";
import type { AlertedReport } from "./alerted-report.ts";
import { describeAlerts } from "@scidex/audit-verifier/alerts";

export interface PageWriterOptions {
  /** Path of the page. It is replaced, all or nothing. */
  readonly file: string;
  /** URL of the database that is verified; its user and password do not get into the page. */
  readonly databaseUrl: string;
  readonly origin: string | null;
  /** Whether everything is verified, and not only the newest part. */
  readonly isWhole: boolean;
}

/** Writes verifications as pages into a file, of which the newest stays. */
export class PageWriter {
  readonly #options: PageWriterOptions;
  readonly #about: { readonly command: string; readonly origin: string | null; readonly database: string };

  constructor(options: PageWriterOptions) {
    this.#options = options;
    const database = databaseName(options.databaseUrl);
    this.#about = { command: "audit-publisher verify", origin: options.origin, database };
  }

  /** @throws {CommandError} `configuration`, `failed` */
  readonly write = async (report: AlertedReport, overview: Overview): Promise<void> => {
    const { file, isWhole } = this.#options;
    const data = {
      ...this.#about,
      report,
      overview,
      isWhole,
      verifiedAt: Date.now(),
      notes: describeAlerts(report.alerts),
    };
    await replaceFile("--report", file, page(data));
  };

  /** Says that nothing could be verified, in the place of an older page, which would go on saying that all is well. */
  async writeFailure(error: unknown): Promise<void> {
    const html = failurePage({ ...this.#about, reason: redact(messageOf(error)), failedAt: Date.now() });
    await replaceFile("--report", this.#options.file, html);
  }
}
