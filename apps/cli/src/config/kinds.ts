import { CommandError } from "@scidex/audit-command";
import type { TableName } from "./table-pattern.ts";

/** What a kind's text is for one table: `{schema}.{table}` for `one.customers` is `one.customers`. */
export const kindFor = (kind: string, { schema, name }: TableName): string =>
  kind.replaceAll(/\{(schema|table)\}/gu, (_, part) => (part === "schema" ? schema : name));

/** A table, and the kind that it has or would get. */
export interface KindClaim {
  readonly table: string;
  readonly kind: string;
  readonly isAttached: boolean;
}

/**
 * Holds the kinds of all tables against each other, before any of them is attached.
 *
 * @throws {CommandError} `configuration` where two tables would have one kind
 */
export function checkKinds(claims: readonly KindClaim[]): void {
  const shared = [...Map.groupBy(claims, ({ kind }) => kind)].filter(
    ([, tables]) => tables.length > 1 && tables.some(({ isAttached }) => !isAttached),
  );
  const [first] = shared;
  if (first === undefined) return;
  const [kind, tables] = first;
  const more = shared.length === 1 ? "" : ` (and ${shared.length - 1} more kinds like this)`;
  throw new CommandError(
    "configuration",
    `${briefList(tables.map(({ table }) => table))} would have the one kind "${kind}"${more}; add "kind": "{schema}.{table}" to the pattern that names them, or a kind to each`,
  );
}

const NAMED = 3;
const briefList = (names: readonly string[]): string =>
  `${names.slice(0, NAMED).join(", ")}${names.length > NAMED ? `, … (${names.length})` : ""}`;
