/**
 * For a service's own `drizzle.config.ts`: the `tablesFilter` that keeps its `drizzle-kit push` (and `pull`) away from
 * the tables of the audit chain, which are not in the service's schema and which push would drop. `audit_log` and
 * `senate_alerts` are the platform's; leave their entries out where the service declares these tables itself. See sequences.ts for what else push needs.
 */
export const AUDIT_TABLES_FILTER: string[] = ["!audit_chain*", "!audit_log", "!senate_alerts"];
