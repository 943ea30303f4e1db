import type { Place } from "@scidex/audit-core";
import type { Grant } from "./acl.ts";

/**
 * The live catalog as it is compared: rows of pg_catalog's tables, with nothing computed by the server. Oids are decimal text, and everything is joined here: a function or operator of the server that an
 * attacker has replaced has no say in it. `null` stands for what could not be read.
 */
export interface Catalog {
  /** PostgreSQL's major version, such as 18. */
  readonly majorVersion: number;
  /** Where the chain is. */
  readonly place: Place;
  readonly database: DatabaseRow | undefined;
  readonly schemas: ReadonlyMap<string, SchemaRow>;
  readonly roles: ReadonlyMap<string, RoleRow>;
  readonly relations: ReadonlyMap<string, RelationRow>;
  readonly functions: ReadonlyMap<string, FunctionRow>;
  readonly types: ReadonlyMap<string, TypeRow>;
  readonly languages: ReadonlyMap<string, string>;
  readonly accessMethods: ReadonlyMap<string, string>;
  readonly collations: ReadonlyMap<string, string>;
  readonly operatorClasses: ReadonlyMap<string, OperatorClassRow>;
  /** By the oids of a btree's operator family and a type, with a space between: the operator that is equality. */
  readonly equalities: ReadonlyMap<string, string>;
  readonly inheritance: readonly InheritanceRow[];
  /** Of the relations of interest, and those with grants of their own. */
  readonly columns: readonly ColumnRow[];
  readonly constraints: readonly ConstraintRow[];
  readonly indexes: readonly IndexRow[];
  readonly triggers: readonly TriggerRow[];
  readonly rules: readonly RuleRow[];
  readonly policies: readonly { readonly relation: string; readonly name: string }[];
  /** Which tables are sent by publications of ours. */
  readonly published: readonly PublishedRow[];
  readonly memberships: readonly MembershipRow[] | null;
  readonly settings: readonly SettingRow[] | null;
  readonly defaultGrants: readonly DefaultGrantsRow[] | null;
  /** Triggers that fire at a login, and are not disabled. Since PostgreSQL 17. */
  readonly loginTriggers: readonly { readonly name: string; readonly function: string }[];
  /** The role that this session was opened for. */
  readonly sessionUser: string;
}

export interface DatabaseRow {
  readonly oid: string;
  readonly name: string;
  readonly owner: string;
  readonly acl: readonly Grant[] | null;
}

export interface SchemaRow {
  readonly oid: string;
  readonly name: string;
  readonly owner: string;
  readonly acl: readonly Grant[] | null;
}

export interface RoleRow {
  readonly oid: string;
  readonly name: string;
  readonly isSuperuser: boolean;
  /** Attributes beyond a plain role's, as `CREATE ROLE` writes them. */
  readonly attributes: readonly string[];
}

export interface RelationRow {
  readonly oid: string;
  readonly name: string;
  readonly schema: string;
  readonly kind: string;
  readonly persistence: string;
  readonly owner: string;
  readonly accessMethod: string;
  /** As in `relreplident`: f where an UPDATE or DELETE sends the whole row before. */
  readonly replicaIdentity: string;
  readonly rowSecurity: boolean;
  readonly isPartition: boolean;
  readonly hasTriggers: boolean;
  readonly hasIndexes: boolean;
  /** How many checks the server holds rows against. */
  readonly checks: number;
  readonly acl: readonly Grant[] | null;
}

/** A table in a publication whose name begins as ours do. */
export interface PublishedRow {
  readonly relation: string;
  readonly publication: string;
  /** What is not sent, such as `pubupdate`; `filter` and `columns` where rows or columns are left out. */
  readonly without: readonly string[];
  /** Whether partitions are sent under the name of the whole: a TRUNCATE of one is not sent then. */
  readonly viaRoot: boolean;
}

export interface FunctionRow {
  readonly oid: string;
  readonly name: string;
  readonly schema: string;
  readonly owner: string;
  readonly language: string;
  readonly kind: string;
  readonly securityDefiner: boolean;
  readonly leakproof: boolean;
  readonly strict: boolean;
  readonly returnsSet: boolean;
  readonly volatility: string;
  readonly parallel: string;
  readonly returns: string;
  readonly argumentTypes: readonly string[];
  /** Types of all arguments, modes and names as arrays' texts; null where they are plain. */
  readonly allTypes: string | null;
  readonly modes: string | null;
  readonly names: string | null;
  /** `proargdefaults` of our own, as `describeExpression` takes it. */
  readonly defaults: string | null;
  readonly source: string;
  readonly library: string | null;
  /** Whether it has a parsed body, a support function or transforms: none of ours has. */
  readonly special: boolean;
  readonly settings: readonly string[];
  readonly acl: readonly Grant[] | null;
}

export interface TypeRow {
  readonly oid: string;
  readonly name: string;
  readonly schema: string;
  readonly kind: string;
  readonly category: string;
  readonly input: string;
  readonly output: string;
  readonly receive: string;
  readonly send: string;
  readonly element: string;
  /** The type of its arrays. */
  readonly array: string;
  readonly base: string;
  readonly relation: string;
  /** Of a range or multirange: what it is made of. */
  readonly subtype: string | undefined;
}

export interface OperatorClassRow {
  readonly name: string;
  readonly schema: string;
  readonly family: string;
  readonly type: string;
}

export interface InheritanceRow {
  readonly child: string;
  readonly parent: string;
}

export interface ColumnRow {
  readonly relation: string;
  readonly number: string;
  readonly name: string;
  readonly type: string;
  readonly modifier: string;
  readonly notNull: boolean;
  readonly identity: string;
  readonly generated: string;
  /** Whether its length, alignment and passing are those of its type. */
  readonly hasLayoutOfType: boolean;
  readonly collation: string;
  /** `adbin` of our own, as `describeExpression` takes it. */
  readonly expression: string | null;
  readonly acl: readonly Grant[] | null;
}

export interface ConstraintRow {
  readonly relation: string;
  readonly name: string;
  readonly kind: string;
  readonly deferrable: boolean;
  readonly deferred: boolean;
  readonly validated: boolean;
  readonly enforced: boolean;
  readonly columns: readonly string[];
  readonly references: string;
  /** Of a foreign key: the columns of the other table. */
  readonly referenced: readonly string[];
  /** `conbin` of our own, as `describeExpression` takes it. */
  readonly expression: string | null;
}

export interface IndexRow {
  readonly index: string;
  readonly relation: string;
  readonly isUnique: boolean;
  readonly isPrimary: boolean;
  readonly isImmediate: boolean;
  readonly isExclusion: boolean;
  readonly isValid: boolean;
  readonly isReady: boolean;
  readonly isLive: boolean;
  readonly keyColumns: number;
  readonly columns: readonly string[];
  readonly collations: readonly string[];
  readonly classes: readonly string[];
  readonly options: readonly string[];
  readonly hasExpressions: boolean;
  readonly hasPredicate: boolean;
  /** `indpred` of our own, as `describeExpression` takes it. */
  readonly predicate: string | null;
}

export interface TriggerRow {
  readonly oid: string;
  readonly relation: string;
  readonly name: string;
  readonly function: string;
  readonly type: number;
  readonly enabled: string;
  readonly isInternal: boolean;
  readonly isConstraint: boolean;
  readonly deferrable: boolean;
  readonly deferred: boolean;
  readonly columns: readonly string[];
  /** As hexadecimal bytes, each argument ended by a zero byte. */
  readonly arguments: string;
  readonly hasCondition: boolean;
  readonly oldTable: string | null;
  readonly newTable: string | null;
  readonly parent: string;
}

/** A rule of one of our tables or of an audited one. */
export interface RuleRow {
  readonly relation: string;
  readonly name: string;
  readonly enabled: string;
  /** As the server prints it. */
  readonly definition: string;
}

export interface MembershipRow {
  readonly role: string;
  readonly member: string;
  /** Whether the member has the role's rights or can become it; else (from 16 on) it can only administer it. */
  readonly canUse: boolean;
}

export interface SettingRow {
  /** Oids; `0` for all. An empty role: what the verifier's own session started with. */
  readonly database: string;
  readonly role: string;
  readonly name: string;
  readonly value: string;
}

export interface DefaultGrantsRow {
  readonly owner: string;
  readonly objects: string;
  readonly acl: readonly Grant[];
}

/** Of each catalog its relations by schema and name: hundreds of tables are looked for several times each. */
const byName = new WeakMap<Catalog, ReadonlyMap<string, RelationRow>>();

/** The relation of this schema and name. */
export function findRelation(catalog: Catalog, schema: string, name: string): RelationRow | undefined {
  let known = byName.get(catalog);
  if (known === undefined) {
    const relations = new Map<string, RelationRow>();
    for (const relation of catalog.relations.values()) {
      const key = nameKey(catalog.schemas.get(relation.schema)?.name ?? "", relation.name);
      if (!relations.has(key)) relations.set(key, relation);
    }
    known = relations;
    byName.set(catalog, known);
  }
  return known.get(nameKey(schema, name));
}

const nameKey = (schema: string, name: string): string => JSON.stringify([schema, name]);

export const roleName = (catalog: Catalog, oid: string): string => catalog.roles.get(oid)?.name ?? `role ${oid}`;

/** A type for people and for the manifest: bare for PostgreSQL's own, else with its schema. */
export function typeName(catalog: Catalog, oid: string): string {
  const type = catalog.types.get(oid);
  if (type === undefined) return `type ${oid}`;
  const bare = type.name.startsWith("_") && type.category === "A" ? null : type.name;
  if (bare === null) return `${typeName(catalog, type.element)}[]`;
  const schema = catalog.schemas.get(type.schema)?.name ?? type.schema;
  return schema === "pg_catalog" ? bare : `${schema}.${bare}`;
}

export const functionName = (catalog: Catalog, oid: string): string => {
  const found = catalog.functions.get(oid);
  return found === undefined
    ? `function ${oid}`
    : `${catalog.schemas.get(found.schema)?.name ?? found.schema}.${found.name}`;
};
