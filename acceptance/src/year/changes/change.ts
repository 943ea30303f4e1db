import type { Draw } from "../draw.ts";
import type { Table } from "../tables.ts";
import type { Fresh } from "../writes.ts";

/** What a change is planned with. */
export interface Plan {
  /** A table that no other change of this migration is about. */
  readonly table: Table;
  /** How many tenants there are. */
  readonly tenants: readonly string[];
  /** By enum type, its labels. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  readonly draw: Draw;
  readonly fresh: Fresh;
}

/** One change of a migration. */
export interface Step {
  readonly sql: string;
  /** What `audit_chain_sync` can take in at the migration's end; null where that takes the command. */
  readonly relation: string | null;
  /** Whether it must be taken in by the migration itself, as the documentation says of it. */
  readonly isInside?: boolean;
  /** What the application does between the migration and `audit-chain sync`; then nothing is taken in before. */
  readonly between?: readonly string[];
  /** A column that audit.config.json excludes from now on. */
  readonly exclude?: { readonly entry: "shop.*"; readonly column: string };
  /** Tables that come with rows, which a backfill has to chain. */
  readonly backfill?: readonly string[];
}

/** A kind of DDL, and what docs/schema-changes.md says of it. */
export interface Change {
  readonly name: string;
  /** Whether the auditor has to approve it, after the next publication, and then once. What only adds needs nobody. */
  readonly needsApproval: boolean;
  /** How it is done to the table that was drawn; undefined where it has nothing that could be changed so. */
  readonly plan: (plan: Plan) => Step | undefined;
}

/** A change of one table by ALTER TABLE. */
export const alter = ({ relation }: Table, ...actions: readonly string[]): Step => ({
  sql: actions.map((action) => `alter table ${relation} ${action}`).join("; "),
  relation,
});
