import type { Policy } from "../../coverage/policy.ts";
import type { ReportFinding } from "@scidex/audit-reader";
import { type Catalog, findRelation, functionName } from "../catalog/catalog.ts";
import type { Found } from "./compare-shadows.ts";
import type { Reach } from "../catalog/reach.ts";

/**
 * An event trigger at login runs somebody's function in each new session. The function can set the search path, or
 * session_replication_role, or make a temporary table that hides an audited one. No setting of a role or database shows
 * it, and what it does cannot be judged. If there is a table that it could serve instead of an audited one, it is a
 * finding. Otherwise nothing is proven, unless the policy knows the trigger. A table whose owner has no right on the
 * audited one makes no finding: he could raise it at will.
 *
 * @returns what could not be judged
 */
export function compareLoginTriggers(
  catalog: Catalog,
  tables: readonly Found[],
  reach: Reach,
  policy: Policy | null,
  report: ReportFinding,
): string[] {
  const unknown = catalog.loginTriggers.filter(({ name }) => policy?.loginTriggers.has(name) !== true);
  const audited = new Map(tables.map((table) => [table.name, table]));
  const isAudited = new Set(tables.map(({ schema, name }) => `${schema}.${name}`));
  const unproven: string[] = [];
  for (const trigger of unknown) {
    const what = `the event trigger ${trigger.name} calls ${functionName(catalog, trigger.function)}() at each login`;
    const twins = [...catalog.relations.values()].flatMap((relation) => {
      const schema = catalog.schemas.get(relation.schema)?.name ?? "";
      const table = "rpvmf".includes(relation.kind) ? audited.get(relation.name) : undefined;
      const owner = catalog.roles.get(relation.owner);
      const original = table === undefined ? undefined : findRelation(catalog, table.schema, table.name);
      const isStrangers = owner !== undefined && original !== undefined && !reach.reaches(owner, original);
      return table === undefined ||
        isStrangers ||
        isAudited.has(`${schema}.${relation.name}`) ||
        schema.startsWith("pg_")
        ? []
        : [{ table, name: `${schema}.${relation.name}` }];
    });
    for (const { table, name } of twins)
      report({
        check: "relation_shadowed",
        ...(table.kind === undefined ? {} : { eventKind: table.kind }),
        expected: `${table.schema}.${table.name}`,
        actual: name,
        message: `${what}, which can serve ${name} to applications instead of ${table.schema}.${table.name}`,
      });
    if (twins.length === 0)
      unproven.push(
        `${what}, which can choose other tables for it or keep triggers from firing; if it is yours, name it under login_triggers in the policy`,
      );
  }
  return unproven;
}
