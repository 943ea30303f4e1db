import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/**
 * The table on SQLite. Rows are read as they are, and judged in `decodeRow`. The timestamp is its stored text, never a
 * Date. The flags are integers, so that a 2 is seen as a 2.
 */
export const sqliteEvents = sqliteTable("audit_events", {
  id: text("id").primaryKey(),
  timestamp: text("timestamp").notNull(),
  agent_id: text("agent_id").notNull(),
  session_id: text("session_id").notNull(),
  operation: text("operation").notNull(),
  input_hash: text("input_hash"),
  output_hash: text("output_hash"),
  model_used: text("model_used"),
  human_oversight_flag: integer("human_oversight_flag").notNull(),
  risk_flag: integer("risk_flag").notNull(),
  prev_hmac: text("prev_hmac"),
  hmac: text("hmac").notNull(),
});

/** The same columns and types as the Python implementation's table, so that either can go on where the other stopped. */
export const SQLITE_TABLE = `CREATE TABLE IF NOT EXISTS audit_events (
  id VARCHAR NOT NULL,
  timestamp DATETIME NOT NULL,
  agent_id VARCHAR NOT NULL,
  session_id VARCHAR NOT NULL,
  operation VARCHAR NOT NULL,
  input_hash VARCHAR,
  output_hash VARCHAR,
  model_used VARCHAR,
  human_oversight_flag BOOLEAN NOT NULL DEFAULT 0,
  risk_flag BOOLEAN NOT NULL DEFAULT 0,
  prev_hmac VARCHAR,
  hmac VARCHAR NOT NULL,
  PRIMARY KEY (id)
)`;
