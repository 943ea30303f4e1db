/**
 * The indexes that make a fork impossible, even for a writer that takes no lock. At most one row of an agent follows
 * each HMAC, and an agent has at most one first row. The third is for speed. They are the same SQL on both databases.
 *
 * A table that another implementation made lacks them, and one that holds a fork already cannot have them. Creating
 * each is tried once, and a refusal is accepted: recording the next event matters more.
 */
export const INDEXES: readonly { readonly name: string; readonly ddl: string }[] = [
  {
    name: "audit_events_one_successor",
    ddl: `CREATE UNIQUE INDEX IF NOT EXISTS audit_events_one_successor ON audit_events (prev_hmac, agent_id)`,
  },
  {
    name: "audit_events_one_first",
    ddl: `CREATE UNIQUE INDEX IF NOT EXISTS audit_events_one_first ON audit_events (agent_id) WHERE prev_hmac IS NULL`,
  },
  {
    name: "audit_events_agent_time",
    ddl: `CREATE INDEX IF NOT EXISTS audit_events_agent_time ON audit_events (agent_id, "timestamp", id)`,
  },
];
