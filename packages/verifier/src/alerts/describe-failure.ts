import { describeLostConnection } from "@scidex/audit-command";

/** Why something could not be done, for a warning. */
export const describeFailure = (error: unknown): string =>
  error instanceof Error ? (describeLostConnection(error) ?? error.message) : String(error);
