import type { SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";
import type { LedgerEvent, RawRow } from "../event/event.ts";

/** Which events: all members that are given must fit. Times are microseconds since the epoch. */
export interface EventFilter {
  readonly agent_id?: string;
  readonly session_id?: string;
  /** Inclusive. */
  readonly from?: bigint;
  /** Exclusive. */
  readonly to?: bigint;
}

/** The end of an agent's chain, as an append finds it. */
export interface Tail {
  /** The `hmac` that the next row must name; null if the agent has no row yet. */
  readonly hmac: string | null;
  /** The greatest stored timestamp among the agent's rows, whatever its form; null if it has none. */
  readonly newest: string | null;
}

/** A page of events, and how many there are in all. */
export interface Page {
  readonly rows: readonly RawRow[];
  readonly total: number;
}

/** What the ledger needs of a database; SQLite and PostgreSQL each have one. */
export interface LedgerStore {
  readonly dialect: "sqlite" | "postgresql";
  hasTable(): Promise<boolean>;
  /** Under the agent's lock: finds the tail, has `make` sign the next event, writes it. */
  append(agentId: string, make: (tail: Tail) => LedgerEvent): Promise<LedgerEvent>;
  /** Gives every fitting row to `visit`, as one consistent state, ordered by timestamp and id. */
  scan(filter: EventFilter, visit: (row: RawRow) => void): Promise<void>;
  /** The same for a consumer that takes its time: writers are never kept waiting for it, so rows may go meanwhile. */
  batches(filter: EventFilter, visit: (rows: readonly RawRow[]) => Promise<void>): Promise<void>;
  page(filter: EventFilter, limit: number, offset: number): Promise<Page>;
  agents(): Promise<string[]>;
  /** A row of another agent that has this `hmac`, or that names it as its predecessor. */
  strayed(agentId: string, column: "hmac" | "prev_hmac", value: string): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * The end of an agent's chain, found by links: from the row with the greatest timestamp on to its successors. They are
 * needed because a clock that was set back leaves rows that are older in time and newer in the chain. UNION (not UNION
 * ALL) ends on a circle. In a chain that was forked before, the branch with the newest row goes on.
 */
export function tailQuery(agentId: string, timestampText: SQL): SQL {
  return sql`(WITH RECURSIVE newest(hmac, at) AS (
      SELECT hmac, ${timestampText} FROM audit_events WHERE agent_id = ${agentId}
      ORDER BY "timestamp" DESC, id DESC LIMIT 1),
    walk(hmac) AS (
      SELECT hmac FROM newest
      UNION SELECT e.hmac FROM audit_events e JOIN walk w ON e.prev_hmac = w.hmac WHERE e.agent_id = ${agentId})
    SELECT n.at AS newest, (SELECT w.hmac FROM walk w
      WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.prev_hmac = w.hmac AND e.agent_id = ${agentId})
      LIMIT 1) AS hmac
    FROM newest n) AS tail`;
}
