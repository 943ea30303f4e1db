import type { Micros } from "@scidex/audit-core";
import { REPLAYED_AT, REPLAYED_TO, REPLICATION_SLOTS, SYSTEM_IDENTIFIER, WRITTEN_TO } from "./plan/catalog-forms.ts";
import type { Lane } from "./lane.ts";

/** The system identifier of the server's cluster, decimal; null where it does not say. */
export async function readSystemIdentifier(lane: Lane): Promise<string | null> {
  const [identifier] = await lane.rows(SYSTEM_IDENTIFIER, 1, ([value]) =>
    value?.length === 8 ? BigInt.asUintN(64, value.readBigInt64BE()).toString() : null,
  );
  return identifier ?? null;
}

/** From the Unix epoch to 2000-01-01, from which PostgreSQL counts, in microseconds. */
const EPOCH = 946_684_800_000_000n;

/**
 * When the last transaction was committed that a standby has replayed; null where it has replayed none since its start.
 */
export async function readReplayTime(lane: Lane): Promise<Micros | null> {
  const [micros] = await lane.rows(REPLAYED_AT, 1, ([value]) =>
    value?.length === 8 ? value.readBigInt64BE() + EPOCH : null,
  );
  return micros ?? null;
}

/**
 * Up to where the write-ahead log is written, or replayed on a standby, as a byte's number: what a snapshot sees was
 * committed before a place that is asked for after it was taken. Null where the server does not say.
 */
export async function readLogEnd(lane: Lane): Promise<bigint | null> {
  const form = lane.parameters["in_hot_standby"] === "on" ? REPLAYED_TO : WRITTEN_TO;
  const [lsn] = await lane.rows(form, 1, ([value]) => (value?.length === 8 ? value.readBigUInt64BE() : null));
  return lsn ?? null;
}

/**
 * Whether the server has the slot of a name, and what it would send: `wal_status` as PostgreSQL has it; undefined where there
 * is none. Slots are no part of a snapshot: this is how it is now.
 */
export async function readSlotStatus(lane: Lane, name: string): Promise<string | undefined> {
  const slots = await lane.rows(
    REPLICATION_SLOTS,
    2,
    ([slot, status]) => [slot?.toString("utf8"), status?.toString("utf8")] as const,
  );
  return slots.find(([slot]) => slot === name)?.[1];
}
