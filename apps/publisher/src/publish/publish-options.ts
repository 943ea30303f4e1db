import { isSuccessor, type PublisherKeys, type TrustPolicy } from "@scidex/audit-core";
import type { Policy } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { LOCK_IDLE_MS } from "../sealing/free-lock.ts";

export interface PublishOptions {
  /** A client of the database, with at least two connections; a member of `scidex_audit_publisher` is enough. */
  readonly database: Sql;
  /** Path of the publisher's keys; the state is beside it, and so are the files of logs that have followed (`begin`). */
  readonly keyFile: string;
  /** Sink URLs, at least one. */
  readonly sinks: readonly string[];
  /** URLs of witnesses that are asked to cosign each head (c2sp.org/tlog-witness), without `witness:` before them. */
  readonly witnesses?: readonly string[] | undefined;
  /** Whose cosignatures verifiers ask for, with the keys and URLs of the witnesses; needed where there are any. */
  readonly trustPolicy?: TrustPolicy | undefined;
  /** How long one answer of a witness may take, in milliseconds. */
  readonly witnessTimeoutMs?: number | undefined;
  /** The log's name, if the key file should be checked against it. */
  readonly origin?: string | undefined;
  /** Verifier keys of the log that signed before, for a state that is rebuilt: it has lost them. */
  readonly vkeys?: readonly string[];
  /** How long a row may wait to be sealed, in milliseconds. */
  readonly maxPendingAgeMs?: number;
  /** How long whoever holds the chain's lock may be idle in his transaction, in milliseconds. */
  readonly lockIdleMs?: number | undefined;
  /** How long to wait for another publisher, in milliseconds. */
  readonly waitMs?: number;
  /** How long one step at a sink may take, in milliseconds. */
  readonly sinkTimeoutMs?: number;
  /** Rebuild a lost state file from the sinks. For a person who has verified the chain against them. */
  readonly recoverState?: boolean;
  /** What rows are recorded anew by: findings that it accepts do not keep their table from it. */
  readonly policy?: Policy | null | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (rows: bigint, total: bigint | undefined) => void;
}

/** What `publishHead` uses for options that are not given. */
export const PUBLISH_DEFAULTS = {
  maxPendingAgeMs: 3_600_000,
  lockIdleMs: LOCK_IDLE_MS,
  waitMs: 60_000,
  sinkTimeoutMs: 60_000,
  witnessTimeoutMs: 10_000,
} as const;

/** @throws {PublisherError} `configuration` without a sink, or with a client of a single connection */
export function checkOptions({ sinks, database }: PublishOptions): void {
  if (sinks.length === 0)
    throw new PublisherError(
      "configuration",
      "there are no sinks: set AUDIT_SINKS, for example file:/data/audit/chain_head.log",
    );
  if (database.options.max < 2)
    throw new PublisherError("configuration", "publishHead needs a client with at least two connections (max)");
}

/** @throws {PublisherError} `configuration` where the keys are those of another log than the one that is asked for */
export function checkOrigin({ origin, keyFile }: PublishOptions, keys: PublisherKeys): void {
  // The configuration keeps the first log's name.
  if (origin === undefined || isSuccessor(keys.origin, origin)) return;
  throw new PublisherError(
    "configuration",
    `AUDIT_ORIGIN is ${JSON.stringify(origin)}, and the keys in ${keyFile} belong to ${JSON.stringify(keys.origin)}`,
  );
}
