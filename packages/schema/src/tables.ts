import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
} from "drizzle-orm/pg-core";

/** Text compared byte by byte, so that its order and its equality do not change with the server's locale library. */
const textC = customType<{ data: string }>({ dataType: () => 'text collate "C"' });
const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });
const oid = customType<{ data: number }>({ dataType: () => "oid" });
const regclass = customType<{ data: string }>({ dataType: () => "regclass" });
/** Times stay text in JavaScript: a Date would cut PostgreSQL's microseconds to milliseconds. */
const time = (name: string) => timestamp(name, { withTimezone: true, mode: "string" });

/** The chain itself: one row per link. Formats: core's link.ts. Only the functions of this package write it. */
export const auditChain = pgTable(
  "audit_chain",
  {
    seq: bigint("seq", { mode: "bigint" }).primaryKey(),
    eventKind: textC("event_kind").notNull(),
    eventPk: textC("event_pk").notNull(),
    payloadHash: bytea("payload_hash").notNull(),
    eventHash: bytea("event_hash").notNull(),
    prevHash: bytea("prev_hash").notNull(),
    chainHash: bytea("chain_hash").notNull(),
    beforeHash: bytea("before_hash"),
    appendedAt: time("appended_at").notNull(),
  },
  (t) => [
    unique("audit_chain_event_key").on(t.eventKind, t.eventPk),
    check("audit_chain_seq_check", sql`seq >= 1`),
    // A check that comes out NULL, as without a before_hash, is passed.
    check(
      "audit_chain_hash_check",
      sql`octet_length(payload_hash) = 32 and octet_length(event_hash) = 32 and octet_length(prev_hash) = 32 and octet_length(chain_hash) = 32 and octet_length(before_hash) = 32`,
    ),
    check("audit_chain_label_check", sql`octet_length(event_kind) <= 209 and octet_length(event_pk) <= 2020`),
    check(
      "audit_chain_time_check",
      sql`appended_at >= '2000-01-01 00:00:00+00' and appended_at < '10000-01-01 00:00:00+00'`,
    ),
  ],
);

/**
 * Captured events that are not linked yet.
 *
 * - `op` is `event` (a fixed key: a row of a table that refuses changes), `door` (the same, from audit_chain_enqueue),
 *   or `insert`, `update`, `delete` for a tracked row. The key of a tracked row gets the event's own seq when it is
 *   linked.
 * - `before_hash` is the payload hash of the row before an update or a delete.
 * - `nested` is whether another trigger made the change: it may have been captured before an earlier one.
 * - `mode` is how the table was attached, or `late`: a row of a strict table that its own transaction could not link,
 *   and left to the sealer.
 * - `conflict` is why the sealer set a row aside.
 */
export const auditChainPending = pgTable(
  "audit_chain_pending",
  {
    id: bigint("id", { mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    xid: xid8("xid")
      .notNull()
      .default(sql`pg_catalog.pg_current_xact_id()`),
    mode: text("mode").notNull(),
    op: text("op").notNull(),
    eventKind: textC("event_kind").notNull(),
    eventPk: textC("event_pk").notNull(),
    payloadHash: bytea("payload_hash").notNull(),
    beforeHash: bytea("before_hash"),
    stagedAt: time("staged_at")
      .notNull()
      .default(sql`pg_catalog.clock_timestamp()`),
    conflict: text("conflict"),
    nested: boolean("nested")
      .notNull()
      .default(sql`pg_catalog.pg_trigger_depth() > 1`),
  },
  (t) => [
    index("audit_chain_pending_xid_idx")
      .on(t.xid, t.id)
      .where(sql`mode = 'strict'`),
    // Nearly always empty: each commit of a strict table asks whether there is anything late, and whether of its own keys.
    index("audit_chain_pending_late_idx")
      .on(t.eventKind, t.eventPk)
      .where(sql`mode = 'late' and conflict is null`),
  ],
);

/**
 * What is covered, by which key, columns and mode, since when: append-only, and itself chained under the kind
 * `audit_chain_config`. The newest row of a kind is in force from its own link's seq on.
 */
export const auditChainConfig = pgTable("audit_chain_config", {
  id: bigint("id", { mode: "bigint" }).primaryKey(),
  recordedAt: time("recorded_at").notNull(),
  actor: text("actor").notNull(),
  action: text("action").notNull(),
  kind: textC("kind").notNull(),
  relation: textC("relation").notNull(),
  keyColumns: text("key_columns").array().notNull(),
  columns: text("columns").array().notNull(),
  /** For each column the name of its member in payloads: that of the column when it joined. */
  members: text("members")
    .array()
    .notNull()
    .default(sql`'{}'`),
  /** By member, the text that is left out of payloads like NULL: what older rows have in a column that joined. */
  absent: jsonb("absent")
    .notNull()
    .default(sql`'{}'`),
  columnTypes: text("column_types").array().notNull(),
  excluded: text("excluded").array().notNull(),
  /** Columns that have another name since the configuration before: old to new, for people. `members` is what counts. */
  renamed: jsonb("renamed")
    .notNull()
    .default(sql`'{}'`),
  changes: text("changes").notNull(),
  mode: text("mode").notNull(),
  fallback: text("fallback").notNull().default("pending"),
  complete: boolean("complete").notNull(),
  /** Whether rows recorded before may have another value in a column that joined, and are to be recorded anew. */
  recordAnew: boolean("record_anew").notNull().default(false),
  /** Reserved: payloads hashed with 16 random bytes before them. False until that is built. */
  salt: boolean("salt").notNull().default(false),
  /** Whether keys are `audit_chain_blind_key` of what they are. The same for all configurations of a kind. */
  blindKey: boolean("blind_key").notNull().default(false),
  /** How old rows must be for audit_chain_retire to let them go, as an ISO 8601 duration; NULL where it lets none go. */
  retention: text("retention"),
  /** What was there when it was attached and would be an attack if it came later: audit_chain_present. */
  present: text("present")
    .array()
    .notNull()
    .default(sql`'{}'`),
  /** Of a repair: by what was mended, what it was before. */
  repaired: jsonb("repaired")
    .notNull()
    .default(sql`'{}'`),
});

/** For each kind whose keys are blinded the secret, 32 bytes. To be read by the owner, publisher and inspector only. */
export const auditChainSecret = pgTable(
  "audit_chain_secret",
  {
    eventKind: textC("event_kind").primaryKey(),
    secret: bytea("secret").notNull(),
  },
  () => [check("audit_chain_secret_check", sql`octet_length(secret) = 32`)],
);

/** Which live relation a kind belongs to: for capture only, never believed by the verifier. */
export const auditChainRelation = pgTable("audit_chain_relation", {
  kind: textC("kind").primaryKey(),
  relid: regclass("relid").notNull().unique(),
  columnNumbers: text("column_numbers").notNull(),
  /** The table's oid when its columns had these numbers: another one after a restore. */
  numberedFor: oid("numbered_for")
    .notNull()
    .default(sql`0`),
});

/** The one row that serialises linking. It is locked, never written (ARCHITECTURE.md, "Linking"). */
export const auditChainLock = pgTable("audit_chain_lock", {
  id: boolean("id").primaryKey().default(true),
});
