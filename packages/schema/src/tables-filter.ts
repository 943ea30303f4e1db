/**
 * The `tablesFilter` for a service's own `drizzle.config.ts`. It keeps `drizzle-kit push` and `pull` away from the
 * tables of the audit chain, which the service's schema lacks and push would drop.
 *
 * `audit_log` and `senate_alerts` are the platform's; leave their entries out where the service declares these tables
 * itself. sequences.ts has what else push needs.
 */
export const AUDIT_TABLES_FILTER: string[] = ["!audit_chain*", "!audit_log", "!senate_alerts"];
