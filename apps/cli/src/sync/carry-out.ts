import { backfill } from "@scidex/audit-backfill";
import { CommandError, type CommandContext } from "@scidex/audit-command";
import { sqlState } from "@scidex/audit-core";
import { attach, type AttachResult, dropped, planAttach, sync } from "@scidex/audit-schema";
import type { Database } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { explained } from "../database/database-error.ts";
import { meantTable } from "../database/meant-table.ts";
import type { Difference } from "./differences.ts";
import type { Estimate } from "./estimate.ts";
import type { PassedOver, Step } from "./plan.ts";

/** What became of a table that was not as it should be. */
export interface Synced {
  readonly table: string;
  readonly kind: string | null;
  /** `differs` where nothing was changed. */
  readonly status: "attached" | "synced" | "differs" | "failed";
  readonly differences: readonly Difference[];
  readonly error?: string;
  /** Whether rows have values in columns that joined after them. */
  readonly record_anew?: boolean;
  /** What attach returned, where it was run. */
  readonly result?: AttachResult;
  /** What attach would warn of, where it was not. */
  readonly warnings?: readonly string[];
  /** What recording its rows anew would take, with `--dry-run`. */
  readonly estimate?: Estimate;
  /** The name in the file by which it is audited, and those that lose against it. */
  readonly named_by?: string;
  readonly over?: readonly string[];
}

/** Whom to be, for advice. */
export const RIGHT = "a member of scidex_audit_deployer who owns the tables, or a superuser";

/**
 * SQLSTATEs by which attach says that a table is none that can be audited so: no usable key, no such column, no table of the
 * right sort, a database of the wrong encoding. Anything else (no right, no lock) may be otherwise next time.
 */
const NOT_ATTACHABLE = new Set(["AC005", "42703", "42809", "0A000"]);

/**
 * Does for one table what has to be done, in a transaction of its own.
 *
 * @param isDry whether only to find out whether it could be done
 * @throws {CommandError} `unavailable` where the connection has gone
 */
export async function carryOut(
  { signal }: CommandContext,
  database: Database,
  step: Step,
  isDry: boolean,
): Promise<Synced | PassedOver> {
  const { table, kind, differences, named } = step;
  const by = named?.entry.pattern.text;
  const about = {
    table,
    kind,
    differences,
    ...(named === undefined ? {} : { named_by: named.entry.pattern.text }),
    ...(named === undefined || named.over.length === 0 ? {} : { over: named.over.map(({ pattern }) => pattern.text) }),
  };
  const blocked = differences.flatMap(({ blocked: reason }) => (reason === undefined ? [] : [reason]));
  if (blocked.length > 0 && !isDry) return { ...about, status: "failed", error: blocked.join("; ") };
  try {
    if (isDry) return { ...about, ...(await tryOut(database, step)) };
    const done = await perform(database, step);
    const { admitted = [] } = step;
    if (admitted.length > 0)
      await backfill(database.sql, { tables: [table], partitions: admitted, readmit: true, signal });
    return { ...about, ...done };
  } catch (error) {
    signal.throwIfAborted();
    const meant = await meantTable(database.sql, table, error);
    const reason = explained(error, { user: database.sql.options.user, right: RIGHT, isNaming: true, meant });
    if (reason instanceof CommandError && reason.code === "unavailable") throw reason;
    const message = reason instanceof Error ? reason.message : String(reason);
    const state = error instanceof Error ? sqlState(error) : undefined;
    if (by !== undefined && isByPattern(step) && NOT_ATTACHABLE.has(state ?? ""))
      return { table, pattern: by, reason: message };
    return { ...about, status: "failed", error: message };
  }
}

/** Whether a pattern would have a table attached for the first time. */
const isByPattern = ({ kind, named }: Step): boolean => kind === null && named?.entry.pattern.isExact === false;

type Done = Pick<Synced, "status" | "result" | "record_anew" | "warnings"> & { readonly kind?: string };

async function tryOut(database: Database, { kind, work }: Step): Promise<Done> {
  if (kind !== null || work.is !== "attach") return { status: "differs" };
  return { status: "differs", warnings: (await planAttach(drizzleOf(database), work.relation, work.options)).warnings };
}

async function perform(database: Database, { kind, work }: Step): Promise<Done> {
  const db = drizzleOf(database);
  if (work.is === "record the drop") {
    await dropped(db, work.kind);
    // The new table gets a kind of its own: keys of the old one would be taken for its.
    if (work.again !== undefined) await attach(db, work.again.relation, work.again.options);
    return { status: "synced", record_anew: false };
  }
  if (work.is === "take in") return { status: "synced", record_anew: (await sync(db, work.relation)).record_anew };
  const result = await attach(db, work.relation, work.options);
  const { record_anew } = result;
  return kind === null ? { status: "attached", kind: result.kind, result } : { status: "synced", record_anew, result };
}
