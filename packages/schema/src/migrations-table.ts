import { integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** Which migrations the database has. The runner makes this table itself, before the first migration. */
export const auditChainMigrations = pgTable("audit_chain_migrations", {
  id: integer("id").primaryKey(),
  name: text("name").notNull(),
  sha256: text("sha256").notNull(),
  appliedAt: timestamp("applied_at", { withTimezone: true, mode: "string" }).notNull().defaultNow(),
});
