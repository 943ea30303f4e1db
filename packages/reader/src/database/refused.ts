import { connectionLoss } from "@scidex/audit-core";
import { UnreadablePlanError } from "./plan/plan-error.ts";

/**
 * Login refused, no such database, out of resources, shut down, configuration file broken. The connection may be there
 * still, and yet what is asked for next would fail as well: that is wider than a lost connection.
 */
const HOPELESS = /^(?:28|3D|53|57P|F0)/u;
const LOCKED = "55P03";
/** A relation or column that is not there, one that is another by now or locked: DDL has run or is running. */
const TRANSIENT = new Set(["42P01", "42703", "XX000", "0A000", LOCKED]);

function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== "PostgresError" || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/**
 * Whether the server refuses to read one thing, and can go on: a right is missing, a lock could not be taken, a value
 * cannot be printed, a page is damaged.
 */
export function isRefused(error: unknown): boolean {
  const code = sqlState(error);
  if (error instanceof UnreadablePlanError) return true;
  return code !== null && connectionLoss(error) === undefined && !HOPELESS.test(code);
}

/** Whether a fresh snapshot may be given what was refused. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(sqlState(error) ?? "");
}

/**
 * What the server said, and what to do about it.
 *
 * @param role what to grant where a right is missing
 */
export function reasonOf(error: unknown, role: "scidex_audit_ro" | "scidex_audit_inspector" | "PUBLIC"): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = sqlState(error);
  if (code === "42501")
    return `${message}: ${role === "PUBLIC" ? "grant SELECT on it to PUBLIC, as a new server has it" : `grant ${role}`}`;
  if (code === LOCKED) return `${message}: another session has it locked, verify again when that is done`;
  return message;
}
