import { type Fields, flag, text, words } from "@scidex/audit-reader";
import type { Catalog, ColumnRow, TypeRow } from "./catalog.ts";
import { acl, type ReadRows, rights } from "./read-rows.ts";

/** Of an int2[]. */
const numbers = (f: Fields, at: number): string[] => text(f, at).replaceAll(/[{}]/gu, "").split(",").filter(Boolean);

interface Wanted {
  /** Oids of our own relations: with their expressions. */
  readonly own: ReadonlySet<string>;
  /** Oids of audited tables, their partitions and children. */
  readonly audited: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, TypeRow>;
}

type Parts = Pick<Catalog, "columns" | "constraints" | "indexes" | "triggers" | "rules" | "policies">;

/** Columns, constraints, indexes, triggers, rules and policies of the relations that are looked at. */
export async function readRelationParts(read: ReadRows, wanted: Wanted): Promise<Parts> {
  const isWanted = (oid: string) => wanted.own.has(oid) || wanted.audited.has(oid);
  /** An expression is kept where it is compared: audited tables may have as many and as long ones as they like. */
  const expression = (relation: string, f: Fields, at: number) => (wanted.own.has(relation) ? (f[at] ?? null) : null);
  return {
    columns: await readColumns(read, wanted, isWanted),
    constraints: await read(
      "pg_constraint",
      [
        "conrelid",
        "conname",
        "contype",
        "condeferrable",
        "condeferred",
        "convalidated",
        "conenforced",
        "conkey",
        "confrelid",
        "confkey",
        {
          slice: "conbin",
          of: "tree",
        } as const,
      ],
      (f) =>
        isWanted(text(f, 0))
          ? {
              relation: text(f, 0),
              name: text(f, 1),
              kind: text(f, 2),
              deferrable: flag(f, 3),
              deferred: flag(f, 4),
              validated: flag(f, 5),
              // Since PostgreSQL 18.
              enforced: f[6] == null || flag(f, 6),
              columns: numbers(f, 7),
              references: text(f, 8),
              referenced: numbers(f, 9),
              expression: expression(text(f, 0), f, 10),
            }
          : null,
    ),
    indexes: await read(
      "pg_index",
      [
        "indexrelid",
        "indrelid",
        "indisunique",
        "indisprimary",
        "indimmediate",
        "indisexclusion",
        "indisvalid",
        "indisready",
        "indislive",
        "indnkeyatts",
        "indkey",
        "indcollation",
        "indclass",
        "indoption",
        {
          slice: "indexprs",
          of: "tree",
        } as const,
        {
          slice: "indpred",
          of: "tree",
        } as const,
      ],
      (f) =>
        isWanted(text(f, 1))
          ? {
              index: text(f, 0),
              relation: text(f, 1),
              isUnique: flag(f, 2),
              isPrimary: flag(f, 3),
              isImmediate: flag(f, 4),
              isExclusion: flag(f, 5),
              isValid: flag(f, 6),
              isReady: flag(f, 7),
              isLive: flag(f, 8),
              keyColumns: Number(text(f, 9)),
              columns: words(f, 10),
              collations: words(f, 11),
              classes: words(f, 12),
              options: words(f, 13),
              hasExpressions: f[14] != null,
              hasPredicate: f[15] != null,
              predicate: expression(text(f, 1), f, 15),
            }
          : null,
    ),
    triggers: await read(
      "pg_trigger",
      [
        "oid",
        "tgrelid",
        "tgname",
        "tgfoid",
        "tgtype",
        "tgenabled",
        "tgisinternal",
        "tgconstraint",
        "tgdeferrable",
        "tginitdeferred",
        "tgattr",
        "tgargs",
        { slice: "tgqual", of: "tree" },
        "tgoldtable",
        "tgnewtable",
        "tgparentid",
      ],
      (f) =>
        isWanted(text(f, 1))
          ? {
              oid: text(f, 0),
              relation: text(f, 1),
              name: text(f, 2),
              function: text(f, 3),
              type: Number(text(f, 4)),
              enabled: text(f, 5),
              isInternal: flag(f, 6),
              isConstraint: text(f, 7) !== "0",
              deferrable: flag(f, 8),
              deferred: flag(f, 9),
              columns: words(f, 10),
              arguments: text(f, 11),
              hasCondition: f[12] != null,
              oldTable: f[13] ?? null,
              newTable: f[14] ?? null,
              parent: text(f, 15),
            }
          : null,
    ),
    rules: await read(
      "pg_rewrite",
      [
        "ev_class",
        "rulename",
        "ev_enabled",
        "ev_type",
        "is_instead",
        {
          slice: "ev_qual",
          of: "tree",
        } as const,
        {
          slice: "ev_action",
          of: "tree",
        } as const,
      ],
      (f) =>
        isWanted(text(f, 0))
          ? {
              relation: text(f, 0),
              name: text(f, 1),
              enabled: text(f, 2),
              definition: `${text(f, 3)}${text(f, 4)}${text(f, 5)}${text(f, 6)}`,
            }
          : null,
    ),
    policies: await read("pg_policy", ["polrelid", "polname"], (f) =>
      isWanted(text(f, 0)) ? { relation: text(f, 0), name: text(f, 1) } : null,
    ),
  };
}

/**
 * The columns of the relations that are looked at and of the composite types in them, and whichever columns have
 * grants of their own.
 */
async function readColumns(read: ReadRows, wanted: Wanted, isWanted: (oid: string) => boolean): Promise<ColumnRow[]> {
  const defaults = new Map<string, string>();
  await read("pg_attrdef", ["adrelid", "adnum", { slice: "adbin", of: "tree" }], (f) => {
    if (wanted.own.has(text(f, 0))) defaults.set(`${text(f, 0)} ${text(f, 1)}`, text(f, 2));
    return null;
  });
  // A column keeps a copy of how its type is stored, by which the server takes rows apart.
  const layouts = new Map(
    await read(
      "pg_type",
      ["oid", "typlen", "typbyval", "typalign"],
      (f) => [text(f, 0), `${text(f, 1)} ${text(f, 2)} ${text(f, 3)}`] as const,
    ),
  );
  const composites = new Set<string>();
  for (;;) {
    const columns = await read(
      "pg_attribute",
      [
        "attrelid",
        "attnum",
        "attname",
        "atttypid",
        "atttypmod",
        "attnotnull",
        "attidentity",
        "attgenerated",
        "attcollation",
        rights("attacl"),
        "atthasdef",
        "attisdropped",
        "attlen",
        "attbyval",
        "attalign",
      ],
      (f) => {
        const relation = text(f, 0);
        if (Number(text(f, 1)) <= 0 || flag(f, 11)) return null;
        if (!isWanted(relation) && !composites.has(relation) && f[9] == null) return null;
        return {
          relation,
          number: text(f, 1),
          name: text(f, 2),
          type: text(f, 3),
          modifier: text(f, 4),
          notNull: flag(f, 5),
          identity: text(f, 6),
          generated: text(f, 7),
          collation: text(f, 8),
          acl: acl(f, 9),
          expression: flag(f, 10) ? (defaults.get(`${relation} ${text(f, 1)}`) ?? null) : null,
          hasLayoutOfType: layouts.get(text(f, 3)) === `${text(f, 12)} ${text(f, 13)} ${text(f, 14)}`,
        };
      },
    );
    const known = composites.size;
    for (const column of columns) {
      if (!isWanted(column.relation) && !composites.has(column.relation)) continue;
      for (const relation of compositesIn(wanted.types, column.type)) composites.add(relation);
    }
    // Composites can hold composites, whose columns have not been kept yet.
    if (composites.size === known) return columns;
  }
}

/** Relations of the composite types that a type is made of, without going into their own columns. */
function compositesIn(types: ReadonlyMap<string, TypeRow>, oid: string): string[] {
  const relations: string[] = [];
  const seen = new Set([oid]);
  // Only a catalog that was edited by hand has types that are made of themselves: a Set ends there too.
  for (const part of seen) {
    const type = types.get(part);
    if (type === undefined) continue;
    if (type.kind === "c") relations.push(type.relation);
    else for (const next of [type.element, type.base, type.subtype ?? "0"]) seen.add(next);
  }
  return relations;
}
