import type { VerificationReport } from "@scidex/audit-verifier";
import { expect } from "vitest";

/** Expects that a whole report says that nothing is wrong and that everything could be checked. */
export function expectClean(report: VerificationReport): void {
  expect({
    status: report.status,
    divergences: report.divergences,
    unproven: report.unproven,
    checks: report.checks,
  }).toEqual({
    status: "intact",
    divergences: [],
    unproven: [],
    checks: { links: "ok", heads: "ok", sources: "ok", access: "ok", coverage: "ok", structure: "ok" },
  });
}
