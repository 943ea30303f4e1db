import { quotedName } from "@scidex/audit-core";
import type { Catalog } from "../catalog/catalog.ts";
import { formatType, isBuiltin } from "@scidex/audit-reader";
import { describeExpression, type ExpressionNames } from "./expression.ts";

/**
 * Describes expressions with the names that a catalog has: `describeExpression`.
 *
 * @param relation oid of the relation whose columns they may have
 */
export function expressionsOf(catalog: Catalog, relation: string | null): (text: string | null) => string | null {
  const names = expressionNames(catalog, relation);
  return (text) => describeExpression(text, names);
}

/**
 * Names of what expressions refer to. What comes with PostgreSQL is known by its oid, with its name beside it for
 * people, unless that could be taken for something else. Anything else is known by schema and name, in quotes.
 */
export function expressionNames(catalog: Catalog, relation: string | null): ExpressionNames {
  const { functions, relations, types, collations, schemas } = catalog;
  const schemaName = (oid: string) => schemas.get(oid)?.name;
  const named = (row: { readonly schema: string; readonly name: string }) =>
    `${quotedName(schemaName(row.schema) ?? row.schema)}.${quotedName(row.name)}`;
  const plain = (name: string | undefined) => (name !== undefined && /^\w+$/u.test(name) ? name : "");
  const type = (oid: string) =>
    isBuiltin(oid) && !types.has(oid)
      ? `type ${oid}`
      : formatType({ type: (o) => types.get(o), schemaName }, oid, null);
  return {
    column: (number) => {
      const name = catalog.columns.find((c) => c.relation === relation && c.number === number)?.name;
      return name === undefined || /^[a-z_]\w*$/u.test(name) ? (name ?? number) : quotedName(name);
    },
    type,
    function: (oid) => {
      const row = functions.get(oid);
      if (isBuiltin(oid)) return `${plain(row?.name)}[${oid}]`;
      return row === undefined ? `function ${oid}` : `${named(row)}(${row.argumentTypes.map(type).join(", ")})`;
    },
    relation: (oid) => {
      const row = relations.get(oid);
      return row === undefined ? `relation ${oid}` : named(row);
    },
    // A collation of somebody else is in no expression of ours, and its schema is not read.
    collation: (oid) => (isBuiltin(oid) ? `${plain(collations.get(oid))}[${oid}]` : `collation ${oid}`),
  };
}
