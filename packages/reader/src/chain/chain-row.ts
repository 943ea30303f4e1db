import { formatTime, type Micros, type Seq } from "@scidex/audit-core";
import type { Field } from "../database/copy/copy-binary.ts";

/** A row of `audit_chain` as the server sent it. Nothing in it has been checked, not even that it has a value. */
export interface ChainRow {
  readonly seq: Seq;
  readonly eventKind: string;
  readonly eventPk: string;
  readonly payloadHash: Uint8Array;
  readonly eventHash: Uint8Array;
  readonly prevHash: Uint8Array;
  readonly chainHash: Uint8Array;
  /** Null where the column is NULL, as it is but for changes of a tracked row. */
  readonly beforeHash: Uint8Array | null;
  /** Null where the time is infinite or missing. */
  readonly appendedAt: Micros | null;
  /** Whether a column that must have a value is NULL, or has a length that its type does not have. No honest row is like that. */
  readonly isBroken: boolean;
}

/** The columns of a row, in the order in which `decodeChainRow` takes them, with the types that they must have. */
export const CHAIN_COLUMNS = [
  ["seq", "bigint"],
  ["event_kind", "text"],
  ["event_pk", "text"],
  ["payload_hash", "bytea"],
  ["event_hash", "bytea"],
  ["prev_hash", "bytea"],
  ["chain_hash", "bytea"],
  ["before_hash", "bytea"],
  ["appended_at", "timestamp with time zone"],
] as const;

const POSTGRES_EPOCH = 946_684_800_000_000n;
const NEVER = new Uint8Array(0);
const bytes = (field: Field | undefined): Uint8Array =>
  field == null ? NEVER : Uint8Array.prototype.slice.call(field);
const text = (field: Field | undefined): string => (field == null ? "" : field.toString("utf8"));

const [BEFORE, TIME] = [7, 8];

/** From the fields of a binary COPY. An empty text and NULL look alike afterwards, hence `isBroken`. */
export function decodeChainRow(f: readonly Field[]): ChainRow {
  const time = f[TIME];
  const micros = time != null && time.length === 8 ? time.readBigInt64BE(0) : null;
  const isFinite = micros !== null && micros !== 0x7fff_ffff_ffff_ffffn && micros !== -0x8000_0000_0000_0000n;
  return {
    seq: f[0] != null && f[0].length === 8 ? f[0].readBigInt64BE(0) : 0n,
    eventKind: text(f[1]),
    eventPk: text(f[2]),
    payloadHash: bytes(f[3]),
    eventHash: bytes(f[4]),
    prevHash: bytes(f[5]),
    chainHash: bytes(f[6]),
    beforeHash: f[BEFORE] == null ? null : bytes(f[BEFORE]),
    appendedAt: isFinite ? micros + POSTGRES_EPOCH : null,
    isBroken: f.some((field, i) => field === null && i !== BEFORE) || f[0]?.length !== 8 || time?.length !== 8,
  };
}

/** The time of a row as it is hashed; null where it has no such form, or the row has no values. */
export function hashedTime(row: ChainRow): string | null {
  try {
    const micros = row.appendedAt;
    return micros === null || row.isBroken ? null : formatTime(micros);
  } catch {
    return null;
  }
}
