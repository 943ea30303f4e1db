import type { Overview, Trust, VerifyOptions } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import type { Heartbeat } from "../alerts/heartbeat.ts";
import type { Webhook } from "@scidex/audit-verifier/alerts";
import type { Metrics } from "../metrics/metrics.ts";
import type { AlertedReport } from "./alerted-report.ts";

export interface VerifyAndAlertOptions
  extends
    Pick<Trust, "origin" | "keys" | "policy" | "witnesses">,
    Pick<VerifyOptions, "checks" | "maxHeadAgeMs" | "allowUnanchored" | "proveFindings" | "onProgress" | "signal"> {
  /** A client of the database; a member of `scidex_audit_inspector`. Reads only. */
  readonly database: Sql;
  /** Where alerts are written, as a member of `scidex_audit_alert`. Opened only when there is something to write. */
  readonly alertDatabaseUrl: string;
  /** Path of the alert memory; made if it is not there. */
  readonly alertMemory: string;
  /** Sink URLs. */
  readonly sinks: readonly string[];
  /**
   * Verify only from the newest published head on that is older than this, in milliseconds; what that head itself has
   * published is included, so that the range begins at the head before. Without it everything is verified, also rows
   * that no event belongs to, which a part cannot judge.
   */
  readonly sinceHeadMs?: number | undefined;
  /** Path of the verifier's memory of what the sinks held, as `audit-verify --state` keeps it. */
  readonly stateFile?: string | undefined;
  /** Path of the publisher's state, where it can be read: it knows what the sinks must hold, and of which database. */
  readonly publisherState?: string | undefined;
  readonly webhook?: Webhook | undefined;
  readonly heartbeat?: Heartbeat | undefined;
  readonly metrics?: Metrics | undefined;
  /**
   * Called with what was found and alerted, before the heartbeat, to write it somewhere. Where it fails, that is a failure
   * like that of any other file.
   */
  readonly onReport?: ((report: AlertedReport, overview: Overview) => Promise<void>) | undefined;
  /** How often the webhook is reminded of what nobody has acknowledged, in milliseconds. */
  readonly remindMs?: number | undefined;
  /** How long to wait for another run that alerts, in milliseconds. */
  readonly alertLockWaitMs?: number | undefined;
  /** How long one insert of alerts may take, in milliseconds. */
  readonly alertTimeoutMs?: number | undefined;
}

/** How metrics name what is verified: everything, or the newest part. */
export const runOf = ({ sinceHeadMs }: Pick<VerifyAndAlertOptions, "sinceHeadMs">): "full" | "window" =>
  sinceHeadMs === undefined ? "full" : "window";
