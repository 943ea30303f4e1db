import { sqlState } from "@scidex/audit-core";
import type { SQL } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { SchemaError } from "../errors.ts";
import { inLockedTransaction, type LockOptions } from "../locked-transaction.ts";
import { asOwnerIfThere } from "../set-up/as-owner.ts";
import { databaseMessage } from "../set-up/database-message.ts";
import { beginSetUp } from "../set-up/begin-set-up.ts";
import type { Step, UninstallPlan } from "./ours.ts";
import { planUninstall } from "./plan-uninstall.ts";

export interface UninstallOptions extends LockOptions {
  /** Whether the chain and its configuration stay, readable and guarded against changes. */
  readonly keepChain?: boolean | undefined;
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean | undefined;
  /** Asked before anything is removed; what it throws is thrown, and nothing has been done. */
  readonly confirm?: ((plan: Pick<UninstallResult, "links">) => void) | undefined;
}

/** What `uninstall` did, or would do. */
export interface UninstallResult {
  /** Each as a line. Empty where there was nothing of ours. */
  readonly removed: readonly string[];
  /** What the set-up made and stays, each with the reason. */
  readonly kept: readonly string[];
  /** How many links were, or would be, lost. */
  readonly links: bigint;
}

/**
 * Removes what `migrate` and `attach` have made, and nothing else, in one transaction: all of it or nothing. Safe to repeat.
 * What others have built on it (a view, a trigger of their own) keeps it from being removed.
 *
 * @param db a drizzle database; its role is a superuser, or the one that ran the set-up and owns the audited tables
 * @throws {SchemaError} `no_right`, `in_use`; the database's error `55P03` where a table's lock could not be taken
 */
export async function uninstall(db: AnyPgDatabase, options: UninstallOptions = {}): Promise<UninstallResult> {
  const { keepChain = false, dryRun = false, confirm } = options;
  let result: UninstallResult = { removed: [], kept: [], links: 0n };
  try {
    await inLockedTransaction(db, options, async (tx) => {
      await beginSetUp(tx);
      await asOwnerIfThere(tx, async () => {
        const plan = await planUninstall(tx, keepChain);
        result = { kept: plan.kept, links: plan.links, removed: plan.steps.map(({ removes }) => removes) };
        if (dryRun) throw new OnlyAsked();
        confirm?.(plan);
        result = { ...result, ...(await carryOut(tx, plan)) };
      });
    });
  } catch (error) {
    if (!(error instanceof OnlyAsked)) throw explained(error);
  }
  return result;
}

/** Undoes what reading needed: that the login was the owner's member for a moment. */
class OnlyAsked extends Error {}

async function carryOut(
  tx: AnyPgDatabase,
  { steps, kept }: UninstallPlan,
): Promise<Pick<UninstallResult, "removed" | "kept">> {
  const removed: string[] = [];
  const stays = [...kept];
  for (const step of steps) {
    const why = await tryStep(tx, step);
    if (why === undefined) removed.push(step.removes);
    else stays.push(`${step.removes}: ${why}`);
  }
  return { removed, kept: stays };
}

/** @returns why it was not done; only where it is optional */
async function tryStep(tx: AnyPgDatabase, { statements, isOptional }: Step): Promise<string | undefined> {
  if (isOptional !== true) {
    await executeAll(tx, statements);
    return undefined;
  }
  try {
    await tx.transaction(async (savepoint) => await executeAll(savepoint, statements));
    return undefined;
  } catch (error) {
    if (!STAYS.has(sqlState(error) ?? "")) throw error;
    return databaseMessage(error);
  }
}

/** Somebody else's rights or objects depend on it, or the login may not remove it. */
const STAYS = new Set(["2BP01", "42501"]);

async function executeAll(tx: AnyPgDatabase, statements: readonly SQL[]): Promise<void> {
  for (const statement of statements) await tx.execute(statement);
}

function explained(error: unknown): unknown {
  const state = sqlState(error);
  const said = databaseMessage(error);
  if (state === "42501")
    return new SchemaError(
      "no_right",
      `Nothing was removed. It needs a superuser, or the role that ran the set-up and owns the audited tables. The database said: ${said}`,
      { cause: error },
    );
  if (state === "2BP01")
    return new SchemaError(
      "in_use",
      `Nothing was removed, because something else depends on it: drop that first. The database said: ${said}`,
      { cause: error },
    );
  return error;
}
