import type { Sql } from "postgres";
import type { LogTrust } from "@scidex/audit-reader";
import { VERSION } from "../version.ts";

/** By what a report was made, when, of which database, and whose word it takes for it. */
export interface ReportAbout {
  /** The log's name; null where none is expected. */
  readonly origin: string | null;
  /** The keys that were trusted: what a signed note has of each, its name and its ID of 8 hexadecimal digits. */
  readonly keys: readonly { readonly name: string; readonly id: string }[];
  /** As it was connected to: `host` is a folder for a Unix socket, and then there is no port. Null for a bundle. */
  readonly database: { readonly host: string; readonly port: number | null; readonly name: string } | null;
  /** ISO 8601 in UTC, with milliseconds, by the verifier's clock. */
  readonly startedAt: string;
  /** The verifier's version. */
  readonly verifier: string;
}

/** @param sql null where there is no database */
export function reportAbout(
  sql: Sql | null,
  { origin, verifiers }: Pick<LogTrust, "origin" | "verifiers">,
  startedAt: string,
): ReportAbout {
  return {
    origin: origin ?? null,
    keys: verifiers.map(({ name, keyId }) => ({ name, id: keyId.toString(16).padStart(8, "0") })),
    database: sql === null ? null : databaseOf(sql),
    startedAt,
    verifier: VERSION,
  };
}

function databaseOf({ options: { host, port, path, database: name } }: Sql): ReportAbout["database"] {
  if (typeof path === "string" && path !== "") return { host: path, port: null, name };
  return { host: host.join(","), port: port[0] ?? null, name };
}
