import type { Micros } from "@scidex/audit-core";
import { REPLAYED_AT, SYSTEM_IDENTIFIER } from "./plan/catalog-forms.ts";
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
