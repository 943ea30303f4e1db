import { boolean, customType, pgTable, text } from "drizzle-orm/pg-core";

/** timestamptz as text: drizzle's own column gives a Date, which has no microseconds. */
const instant = customType<{ data: string; driverData: string }>({
  dataType: () => "timestamp with time zone",
});

/** The table on PostgreSQL. */
export const postgresEvents = pgTable("audit_events", {
  id: text("id").primaryKey(),
  timestamp: instant("timestamp").notNull(),
  agent_id: text("agent_id").notNull(),
  session_id: text("session_id").notNull(),
  operation: text("operation").notNull(),
  input_hash: text("input_hash"),
  output_hash: text("output_hash"),
  model_used: text("model_used"),
  human_oversight_flag: boolean("human_oversight_flag").notNull().default(false),
  risk_flag: boolean("risk_flag").notNull().default(false),
  prev_hmac: text("prev_hmac"),
  hmac: text("hmac").notNull(),
});

export const POSTGRES_TABLE = `CREATE TABLE IF NOT EXISTS audit_events (
  id text PRIMARY KEY,
  "timestamp" timestamptz NOT NULL,
  agent_id text NOT NULL,
  session_id text NOT NULL,
  operation text NOT NULL,
  input_hash text,
  output_hash text,
  model_used text,
  human_oversight_flag boolean NOT NULL DEFAULT false,
  risk_flag boolean NOT NULL DEFAULT false,
  prev_hmac text,
  hmac text NOT NULL
)`;
