import type { Lane } from "./snapshot.ts";

/** The system identifier of the server's cluster, decimal; null where it does not say. */
export async function readSystemIdentifier(lane: Lane): Promise<string | null> {
  const rows = await lane.query<{ system_identifier: unknown }[]>`
    select s.system_identifier from pg_catalog.pg_control_system() as s`;
  const value = rows[0]?.system_identifier;
  return typeof value === "string" && /^\d{1,20}$/u.test(value) ? value : null;
}
