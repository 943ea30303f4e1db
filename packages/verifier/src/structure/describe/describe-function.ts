import { createHash } from "node:crypto";
import { shippedForm } from "@scidex/audit-core";
import { parseArrayText } from "@scidex/audit-reader";
import { DEFAULT_FUNCTION_ACL, type Grant } from "../catalog/acl.ts";
import { type Catalog, type FunctionRow, roleName, typeName } from "../catalog/catalog.ts";
import { expressionsOf } from "./expression-names.ts";
import type { FunctionShape } from "../manifest.ts";

const KINDS: Readonly<Record<string, string>> = { f: "function", p: "procedure", a: "aggregate", w: "window function" };
const VOLATILITIES: Readonly<Record<string, string>> = { i: "immutable", s: "stable", v: "volatile" };
const PARALLEL: Readonly<Record<string, string>> = { u: "unsafe", r: "restricted", s: "safe" };
const MODES: Readonly<Record<string, string>> = { i: "", o: "out ", b: "inout ", v: "variadic ", t: "table " };

/** `name(type, type)`: what a function is found by. */
export const signature = (catalog: Catalog, f: FunctionRow): string =>
  `${f.name}(${f.argumentTypes.map((type) => typeName(catalog, type)).join(", ")})`;

/** SHA-256 of a function's source, in hex. */
const sourceHash = (source: string): string => createHash("sha256").update(source).digest("hex");

/** The same of what was read, as it is shipped: wherever the chain is. Text that names what is elsewhere is hashed as it is. */
export const shippedHash = (source: string, { place }: Catalog): string =>
  sourceHash(shippedForm(source, place) ?? `not of the schema ${place.schema}: ${source}`);

/** Everything that makes a function what it is. */
export function describeFunction(catalog: Catalog, f: FunctionRow): FunctionShape {
  const types = f.allTypes === null ? f.argumentTypes : parseArrayText(f.allTypes);
  const modes = f.modes === null ? [] : parseArrayText(f.modes);
  const names = f.names === null ? [] : parseArrayText(f.names);
  const attributes = [
    KINDS[f.kind] ?? `kind ${f.kind}`,
    catalog.languages.get(f.language) ?? `language ${f.language}`,
    VOLATILITIES[f.volatility] ?? f.volatility,
    f.securityDefiner ? "security definer" : "security invoker",
    ...(f.strict ? ["strict"] : []),
    ...(f.leakproof ? ["leakproof"] : []),
    ...(f.special ? ["with a parsed body, a support function or transforms"] : []),
    ...(f.library === null ? [] : [`of ${f.library}`]),
    `parallel ${PARALLEL[f.parallel] ?? f.parallel}`,
  ];
  return {
    arguments: [
      ...types.map((type, i) => `${MODES[modes[i] ?? "i"] ?? "? "}${names[i] ?? ""} ${typeName(catalog, type)}`.trim()),
      ...(f.defaults === null ? [] : [`defaults ${expressionsOf(catalog, null)(f.defaults)}`]),
    ],
    returns: `${f.returnsSet ? "set of " : ""}${typeName(catalog, f.returns)}`,
    attributes: attributes.join(", "),
    settings: f.settings,
    owner: roleName(catalog, f.owner),
    source: shippedHash(f.source, catalog),
    grants: grantsWithout(roleName(catalog, f.owner), f.acl ?? DEFAULT_FUNCTION_ACL),
  };
}

/** Grants by grantee, without the owner's. */
export function grantsWithout(owner: string, acl: readonly Grant[]): Record<string, readonly string[]> {
  return Object.fromEntries(
    acl
      .filter(({ grantee }) => grantee !== owner)
      .map(({ grantee, privileges }): [string, readonly string[]] => [grantee, privileges])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
