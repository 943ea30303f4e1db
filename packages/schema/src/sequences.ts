import { pgSequence } from "drizzle-orm/pg-core";

/**
 * For a service's own `drizzle-kit push`, beside {@link AUDIT_TABLES_FILTER}: drizzle-kit's `tablesFilter` does not reach
 * the sequences behind the tables' ids, and push fails when it tries to drop them. A file with these among the `schema`
 * files of the push configuration (not of `generate`, which would create them) keeps push away from them.
 */
const whole = {
  startWith: 1,
  increment: 1,
  minValue: 1,
  maxValue: "9223372036854775807",
  cache: 1,
  cycle: false,
} as const;

export const auditChainPendingSequence = pgSequence("audit_chain_pending_id_seq", whole);
export const auditLogSequence = pgSequence("audit_log_id_seq", whole);
export const senateAlertsSequence = pgSequence("senate_alerts_id_seq", whole);
