import type { Lane } from "../snapshot.ts";
import type { Catalog, ColumnRow, TypeRow } from "./catalog.ts";
import { acl, type Fields, flag, readRows, text, words } from "./read-catalog.ts";

/** Of an int2[]. */
const numbers = (f: Fields, at: number): string[] => text(f, at).replaceAll(/[{}]/gu, "").split(",").filter(Boolean);

interface Wanted {
  /** Oids of our own relations: with the texts of their expressions. */
  readonly own: ReadonlySet<string>;
  /** Oids of audited tables, their partitions and children. */
  readonly audited: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, TypeRow>;
  readonly serverVersion: number;
}

type Parts = Pick<Catalog, "columns" | "constraints" | "indexes" | "triggers" | "rules" | "policies">;

/** Columns, constraints, indexes, triggers, rules and policies of the relations that are looked at. */
export async function readRelationParts(lane: Lane, wanted: Wanted): Promise<Parts> {
  const isWanted = (oid: string) => wanted.own.has(oid) || wanted.audited.has(oid);
  const ofWanted = async <T extends { readonly relation: string }>(query: string, decode: (f: Fields) => T) =>
    await readRows(lane, query, (f) => {
      const row = decode(f);
      return isWanted(row.relation) ? row : null;
    });
  // An expression's text is asked for where it is compared, and nowhere else: other tables may be changing just now.
  const own = ["0", ...wanted.own].join(", ");
  const expression = (tree: string, relation: string) =>
    `case when ${relation} in (${own}) then pg_catalog.pg_get_expr(${tree}, ${relation}) end`;
  return {
    columns: await readColumns(lane, wanted, isWanted, expression("d.adbin", "a.attrelid")),
    constraints: await ofWanted(
      `select c.conrelid, c.conname, c.contype, c.condeferrable, c.condeferred, c.convalidated, ${wanted.serverVersion >= 180_000 ? "c.conenforced" : "true"},
              c.conkey, c.confrelid, c.confkey, ${expression("c.conbin", "c.conrelid")}
         from pg_catalog.pg_constraint as c where c.conrelid <> 0`,
      (f) => ({
        relation: text(f, 0),
        name: text(f, 1),
        kind: text(f, 2),
        deferrable: flag(f, 3),
        deferred: flag(f, 4),
        validated: flag(f, 5),
        enforced: flag(f, 6),
        columns: numbers(f, 7),
        references: text(f, 8),
        referenced: numbers(f, 9),
        expression: f[10] ?? null,
      }),
    ),
    indexes: await ofWanted(
      `select i.indexrelid, i.indrelid, i.indisunique, i.indisprimary, i.indimmediate, i.indisexclusion, i.indisvalid, i.indisready, i.indislive,
              i.indnkeyatts, i.indkey, i.indcollation, i.indclass, i.indoption, i.indexprs is not null, i.indpred is not null, ${expression("i.indpred", "i.indrelid")}
         from pg_catalog.pg_index as i`,
      (f) => ({
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
        hasExpressions: flag(f, 14),
        hasPredicate: flag(f, 15),
        predicate: f[16] ?? null,
      }),
    ),
    triggers: await ofWanted(
      `select t.oid, t.tgrelid, t.tgname, t.tgfoid, t.tgtype, t.tgenabled, t.tgisinternal, t.tgconstraint <> 0, t.tgdeferrable, t.tginitdeferred,
              t.tgattr, t.tgargs, t.tgqual is not null, t.tgoldtable, t.tgnewtable, t.tgparentid
         from pg_catalog.pg_trigger as t`,
      (f) => ({
        oid: text(f, 0),
        relation: text(f, 1),
        name: text(f, 2),
        function: text(f, 3),
        type: Number(text(f, 4)),
        enabled: text(f, 5),
        isInternal: flag(f, 6),
        isConstraint: flag(f, 7),
        deferrable: flag(f, 8),
        deferred: flag(f, 9),
        columns: words(f, 10),
        arguments: text(f, 11),
        hasCondition: flag(f, 12),
        oldTable: f[13] ?? null,
        newTable: f[14] ?? null,
        parent: text(f, 15),
      }),
    ),
    rules: await ofWanted(
      `select r.ev_class, r.rulename, r.ev_enabled,
              case when r.ev_class in (${["0", ...wanted.own, ...wanted.audited].join(", ")}) then pg_catalog.pg_get_ruledef(r.oid) end
         from pg_catalog.pg_rewrite as r`,
      (f) => ({ relation: text(f, 0), name: text(f, 1), enabled: text(f, 2), definition: text(f, 3) }),
    ),
    policies: await ofWanted("select p.polrelid, p.polname from pg_catalog.pg_policy as p", (f) => ({
      relation: text(f, 0),
      name: text(f, 1),
    })),
  };
}

/**
 * The columns of the relations that are looked at and of the composite types in them, and whichever columns have
 * grants of their own.
 */
async function readColumns(
  lane: Lane,
  wanted: Wanted,
  isWanted: (oid: string) => boolean,
  expression: string,
): Promise<ColumnRow[]> {
  const composites = new Set<string>();
  for (;;) {
    const columns = await readRows(
      lane,
      `select a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity, a.attgenerated, a.attcollation, a.attacl, ${expression},
              a.attlen = t.typlen and a.attbyval = t.typbyval and a.attalign = t.typalign
         from pg_catalog.pg_attribute as a
         left join pg_catalog.pg_type as t on t.oid = a.atttypid
         left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef
        where a.attnum > 0 and not a.attisdropped`,
      (f) => {
        const relation = text(f, 0);
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
          expression: f[10] ?? null,
          hasLayoutOfType: flag(f, 11),
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
