import { type Catalog, isBuiltin, typeName } from "./catalog.ts";
import type { BuiltinShape } from "./manifest.ts";

/** Functions of PostgreSQL that the verifier calls itself; those that our SQL calls are found in its source. */
export const CALLED_BY_VERIFIER = [
  "clock_timestamp",
  "concat",
  "convert_to",
  "count",
  "current_database",
  "current_setting",
  "extract",
  "format_type",
  "left",
  "length",
  "max",
  "min",
  "pg_control_system",
  "pg_export_snapshot",
  "pg_get_expr",
  "pg_get_viewdef",
  "pg_last_xact_replay_timestamp",
  "pg_relation_filenode",
  "pg_relation_size",
  "pg_show_all_settings",
  "set_config",
] as const;

/** Btree families and types whose order the verifier and the chain's indexes rely on: bigint and text. */
const FAMILIES: Readonly<Record<string, string>> = { "1976": "20", "1994": "25" };
const BTREE = "403";

/** PostgreSQL's own objects in the form of the manifest. `isCalled` says which functions matter, by name. */
export function describeBuiltin(catalog: Catalog, isCalled: (name: string) => boolean): BuiltinShape {
  const own = [...catalog.schemas.values()].find((schema) => schema.name === "pg_catalog")?.oid;
  return {
    types: Object.fromEntries(
      [...catalog.types.values()]
        .filter((type) => isBuiltin(type.oid) && type.relation === "0")
        .map((type) => [type.oid, [type.name, type.input, type.output, type.receive, type.send].join(" ")]),
    ),
    functions: Object.fromEntries(
      [...catalog.functions.values()]
        .filter((f) => f.schema === own && isCalled(f.name))
        .map((f) => [f.oid, describeCall(catalog, f.oid)]),
    ),
    operators: Object.fromEntries(
      (catalog.operators ?? [])
        .filter((operator) => isBuiltin(operator.oid))
        .map((operator) => [operator.oid, [operator.name, ...operator.calls].join(" ")]),
    ),
    ordering: describeOrdering(catalog),
  };
}

function describeCall(catalog: Catalog, oid: string): string {
  const f = catalog.functions.get(oid);
  if (f === undefined) return "";
  const types = f.argumentTypes.map((type) => typeName(catalog, type)).join(", ");
  const language = catalog.languages.get(f.language) ?? f.language;
  // A builtin in SQL is inlined from its row of the catalog: its parsed body cannot be compared, that it has one can.
  const source = language === "internal" ? "" : ` ${f.source}${f.special ? " (parsed)" : ""}`;
  return `${f.name}(${types}) ${language}${f.kind === "f" ? "" : ` ${f.kind}`}${f.securityDefiner ? " security definer" : ""}${source}`;
}

function describeOrdering(catalog: Catalog): Record<string, string> {
  const classes = [...catalog.operatorClasses.entries()].filter(
    ([, c]) => c.method === BTREE && c.isDefault && Object.values(FAMILIES).includes(c.type),
  );
  // Support functions beyond comparison (1) and its fast form (2) came and come with newer versions.
  const members = (catalog.operatorFamilies ?? []).filter(
    (m) =>
      FAMILIES[m.family] === m.left &&
      m.left === m.right &&
      (m.what === "operator" || m.number === "1" || m.number === "2"),
  );
  return Object.fromEntries(
    [
      ...classes.map(([oid, c]): [string, string] => [`class ${oid}`, `${c.name} of family ${c.family}`]),
      ...members.map((m): [string, string] => [`family ${m.family} ${m.what} ${m.number}`, m.target]),
    ].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
