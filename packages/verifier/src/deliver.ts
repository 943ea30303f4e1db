import { EXIT, type Outcome, redact, writeOut } from "@scidex/audit-command";
import { EMPTY_STATE } from "@scidex/audit-reader";
import { failurePage, page } from "@scidex/audit-report";
import type { AlertTarget } from "./alerts/alert-target.ts";
import { describeAlerts } from "./alerts/describe-alerts.ts";
import { alertReport } from "./command/alerting.ts";
import { messageOf } from "./command/errors.ts";
import { write, writeState } from "./command/files.ts";
import { signRun } from "./nights/sign-run.ts";
import type { NightTarget } from "./nights/sign-verification.ts";
import { describeReport } from "./report/describe-report.ts";
import { formatReport } from "./report/verification-report.ts";
import { sealedReport, type ShardSeal } from "./shards/seal-run.ts";
import type { Trust } from "./trust.ts";
import type { Verification } from "./verify.ts";
import type { VerifyOptions } from "./verify-options.ts";

/** What is asked for: by the options, the environment and the files that they name. */
export interface VerifyRequest {
  readonly url: string;
  /** Without the sinks, which are still to be opened. */
  readonly trust: Omit<Trust, "heads">;
  readonly options: VerifyOptions;
  /** What a page says of where it comes from. */
  readonly about: { readonly command: string; readonly origin: string | null; readonly database: string };
  readonly alerts: AlertTarget | undefined;
  readonly files: { readonly report: string | undefined; readonly state: string | undefined };
  readonly isJson: boolean;
  /** Undefined for a report that is not to be merged. */
  readonly seal: ShardSeal | undefined;
  /** Null where nothing is signed. */
  readonly night: NightTarget | null;
  readonly policyFile: string | undefined;
}

/** Prints the report, and writes what else was asked for. */
export async function deliver(
  { report, state, overview, shard: verified }: Verification,
  request: VerifyRequest,
): Promise<Outcome> {
  const { about, files, isJson } = request;
  const { startSeq, endSeq, shard } = request.options;
  const isWhole = startSeq === undefined && endSeq === undefined && shard === undefined;
  const { alerts, warnings } = await alertReport(request.alerts, report, isWhole);
  const notes = alerts === undefined ? [] : describeAlerts(alerts);
  const said = { ...report, ...(alerts && { alerts }), warnings: [...report.warnings, ...warnings] };
  const sealed =
    request.seal && verified
      ? await sealedReport(said, verified, request.seal, { ...request, version: report.verifier })
      : undefined;
  await writeOut(isJson ? `${sealed ?? formatReport(said)}\n` : describeReport(said, notes));
  const isReported = await write("--report", files.report, () =>
    page({ report: said, overview, ...about, verifiedAt: Date.now(), isWhole, notes }),
  );
  const isRemembered = await writeState("--state", files.state, {
    before: request.trust.state ?? EMPTY_STATE,
    after: state,
  });
  const isSigned = await signRun(report, {
    target: request.night,
    policy: request.trust.policy ?? null,
    policyFile: request.policyFile,
    version: report.verifier,
    ...about,
  });
  const exits = {
    intact: isReported && isRemembered && isSigned && (alerts?.pending ?? 0) === 0 ? EXIT.ok : EXIT.failed,
    tampered: EXIT.tampered,
    unproven: EXIT.failed,
  } as const;
  return { exit: exits[report.status] };
}

/** A page of before would go on saying that all is well. */
export async function writeFailure({ about, files }: VerifyRequest, error: unknown): Promise<void> {
  const reason = redact(messageOf(error));
  await write("--report", files.report, () => failurePage({ ...about, reason, failedAt: Date.now() }));
}
