import { type SQL, sql } from "drizzle-orm";
import type { Migration } from "./migrations.ts";

/** Names of what the migrations make. */
export interface ShippedNames {
  /** Functions in public, whatever their arguments are; without those that capture audited tables. */
  readonly functions: readonly string[];
  /** Tables in public that are the chain's own. */
  readonly tables: readonly string[];
  /** Names of the roles as SQL literals. */
  readonly roles: SQL;
}

/** Capture functions are made by attach, one for each kind: `audit_chain_capture_name`. */
export const CAPTURE_FUNCTION = "^audit_chain_capture_[0-9a-f]{16}$";

/** Read from the migrations themselves, so that no list has to be kept beside them. */
export function shippedNames(migrations: readonly Migration[]): ShippedNames {
  const text = migrations.flatMap(({ statements }) => statements).join("\n");
  return {
    functions: all(text, /^CREATE (?:OR REPLACE )?FUNCTION public\.(\w+)/gm),
    tables: ["audit_chain_migrations", ...all(text, /^CREATE (?:UNLOGGED )?TABLE (?:public\.|")(audit_chain\w*)/gm)],
    roles: sql.raw(
      all(text, /\b(scidex_audit_\w+)/g)
        .map((role) => `'${role}'`)
        .join(", "),
    ),
  };
}

const all = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name)),
];
