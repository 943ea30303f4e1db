import type { Lane } from "./snapshot.ts";

/** The system identifier of the server's cluster, decimal; null where it does not say. */
export async function readSystemIdentifier(lane: Lane): Promise<string | null> {
  const rows = await lane.query<{ system_identifier: unknown }[]>`
    select s.system_identifier from pg_catalog.pg_control_system() as s`;
  return decimal(rows[0]?.system_identifier);
}

/**
 * When the last transaction was committed that a standby has replayed, in microseconds since the Unix epoch; null where it
 * has replayed none since its start.
 */
export async function readReplayTime(lane: Lane): Promise<bigint | null> {
  const rows = await lane.query<{ micros: unknown }[]>`
    select (extract(epoch from pg_catalog.pg_last_xact_replay_timestamp()) * 1000000)::pg_catalog.int8 as micros`;
  const micros = decimal(rows[0]?.micros);
  return micros === null ? null : BigInt(micros);
}

const decimal = (value: unknown): string | null =>
  typeof value === "string" && /^\d{1,20}$/u.test(value) ? value : null;
