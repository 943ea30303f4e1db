import { isBuiltin, type ReportFinding } from "@scidex/audit-reader";
import { type Catalog, typeName } from "../catalog/catalog.ts";
import { ownFunctions } from "../describe/describe-schema.ts";

/**
 * Functions that somebody put into pg_catalog under a name that our own functions call: where such an overload matches
 * better, a call finds it instead of PostgreSQL's. Other functions in pg_catalog are an extension's, and no matter.
 */
export function compareOverloads(catalog: Catalog, report: ReportFinding): void {
  const called = new Set<string>();
  // Only from where a word begins: a source of a megabyte that is one word took hours else.
  for (const { source } of ownFunctions(catalog))
    for (const [, name = ""] of source.matchAll(/(?<![a-z0-9_])([a-z_][a-z0-9_]*)\s*\(/gu)) called.add(name);
  for (const f of catalog.functions.values()) {
    if (isBuiltin(f.oid) || !called.has(f.name) || catalog.schemas.get(f.schema)?.name !== "pg_catalog") continue;
    const types = f.argumentTypes.map((type) => typeName(catalog, type)).join(", ");
    report({
      check: "function_changed",
      expected: "no such function",
      actual: `${f.name}(${types}) ${catalog.languages.get(f.language) ?? f.language} ${f.source}`,
      message: `the function pg_catalog.${f.name}(${types}) is not PostgreSQL's own, and has a name that the audit chain calls`,
    });
  }
}
