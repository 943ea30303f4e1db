import { sqlState } from "@scidex/audit-core";
import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { SchemaError } from "../errors.ts";
import { inLockedTransaction, type LockOptions } from "../locked-transaction.ts";
import { asOwner } from "../set-up/as-owner.ts";
import { beginSetUp } from "../set-up/begin-set-up.ts";
import { databaseMessage } from "../set-up/database-message.ts";
import { readMigrations } from "../set-up/migrations.ts";
import { shippedNames } from "../set-up/shipped-names.ts";
import { findObjects, findRows } from "./found-object.ts";
import { mendAudited } from "./mend-audited.ts";
import { mendFunctions, mendOwnTriggers, mendRoles, mendTables } from "./mend-own.ts";
import { installersAmong, mendCaptureRights, mendRights, mendTableOwners } from "./mend-rights.ts";
import { mendedBetween } from "./mended.ts";
import { requireStanding } from "./standing.ts";

/** What `repair` did. */
export interface RepairResult {
  /** By what was mended, as what it was found; the empty text for what was missing. */
  readonly mended: ReadonlyMap<string, string>;
}

/**
 * Puts owners, rights, triggers, guards, functions and the chain's own machinery back as the migrations and the configuration
 * have them, in one transaction, and records in the configuration what was mended, as what it was found. What holds records
 * (the chain, its configuration) is never made anew, nor is anything that is covered changed. What does not belong to the
 * audit chain is left as it is.
 *
 * It proves nothing: verify before, since it changes what there was to be seen, and after.
 *
 * @param db a drizzle database; its role is a superuser, or has CREATEROLE and owns the chain's objects and the audited
 *   tables, as after a restore without owners
 * @throws {SchemaError} `not_repairable`, `no_right`, `newer_schema`, `migration_changed`; the database's error `55P03`
 *   where a table's lock could not be taken, `AC002` for a configuration that was not written by the audit chain
 */
export async function repair(db: AnyPgDatabase, options: LockOptions = {}): Promise<RepairResult> {
  const shipped = readMigrations();
  const names = shippedNames(shipped);
  let mended: ReadonlyMap<string, string> = new Map();
  try {
    await inLockedTransaction(db, options, async (tx) => {
      await beginSetUp(tx);
      await requireStanding(tx, shipped);
      const objects = await findObjects(tx, names);
      await mendRoles(tx, shipped);
      await asOwner(tx, async (grantRights) => {
        await mendTableOwners(tx, names);
        await mendTables(tx, shipped);
        const before = [...objects, ...(await findRows(tx))];
        await mendFunctions(tx, shipped);
        await mendRights(tx, names, shipped, installersAmong(objects));
        await grantRights();
        await mendOwnTriggers(tx, shipped);
        await mendAudited(tx);
        await mendCaptureRights(tx);
        mended = mendedBetween(before, [...(await findObjects(tx, names)), ...(await findRows(tx))]);
        if (mended.size > 0) await recordRepair(tx, mended);
      });
    });
  } catch (error) {
    throw explainedRepair(error);
  }
  return { mended };
}

/** Records in the configuration what was mended. With the rights of the owner. */
export async function recordRepair(tx: AnyPgDatabase, mended: ReadonlyMap<string, string>): Promise<void> {
  const found = JSON.stringify(Object.fromEntries(mended));
  await tx.execute(sql`select public.audit_chain_repaired(${found}::jsonb)`);
}

/** A function with another result, a trigger of another form: what was put there cannot be replaced. */
const IN_THE_WAY = new Set(["42P13", "42710", "2BP01", "42809"]);

/** What the database's refusal of a repair means. */
export function explainedRepair(error: unknown): unknown {
  const state = sqlState(error) ?? "";
  const said = databaseMessage(error);
  if (state === "42501")
    return new SchemaError(
      "no_right",
      `Nothing was mended. It needs a superuser, or a role with CREATEROLE that owns the chain's objects and the audited tables. The database said: ${said}`,
      { cause: error },
    );
  if (IN_THE_WAY.has(state))
    return new SchemaError(
      "not_repairable",
      `Nothing was mended: something is in the way that cannot be replaced. Keep its definition as evidence, drop it, and run the repair again. The database said: ${said}`,
      { cause: error },
    );
  return error;
}
