import type { Report } from "../finding.ts";
import { type Catalog, isBuiltin, typeName } from "./catalog.ts";
import { describeBuiltin } from "./describe-builtin.ts";
import type { BuiltinShape } from "./manifest.ts";

/**
 * PostgreSQL's own types, operators, orderings and functions must be what they are in every server: whoever edits
 * these rows of the catalog decides what values look like, how they compare, and which code runs under a builtin name.
 * Objects that this release does not know come with newer versions of PostgreSQL; they may be there.
 */
export function compareBuiltin(catalog: Catalog, manifest: BuiltinShape, report: Report): void {
  const called = new Set(Object.values(manifest.functions).map((shape) => shape.slice(0, shape.indexOf("("))));
  const live = describeBuiltin(catalog, (name) => called.has(name));
  const changed = (what: string, expected: string, actual: string) =>
    report({ check: "catalog_changed", expected, actual, message: `${what} is not PostgreSQL's own any more` });

  for (const [oid, actual] of Object.entries(live.types)) {
    const expected = manifest.types[oid];
    if (expected !== undefined && expected !== actual) changed(`the type ${actual.split(" ")[0]}`, expected, actual);
  }
  for (const [oid, actual] of Object.entries(live.operators)) {
    const expected = manifest.operators[oid];
    if (expected !== undefined && expected !== actual)
      changed(`the operator ${actual.split(" ")[0]} (${oid})`, expected, actual);
  }
  if (catalog.operatorFamilies !== null) {
    for (const [what, expected] of Object.entries(manifest.ordering)) {
      const actual = live.ordering[what] ?? "none";
      if (actual !== expected) changed(`the order of bigint or text (${what})`, expected, actual);
    }
  }
  compareCalled(catalog, manifest, live, report);
  compareLanguage(catalog, changed);
  for (const { oid, calls } of catalog.aggregates ?? [])
    if (oid === COUNT.oid && calls.join(" ") !== COUNT.calls)
      changed("the aggregate count(*)", `functions ${COUNT.calls}`, `functions ${calls.join(" ")}`);
  for (const { oid, calls } of [...(catalog.operators ?? []), ...(catalog.aggregates ?? [])]) {
    if (!isBuiltin(oid) || calls.every(isBuiltin)) continue;
    changed(`the builtin operator or aggregate ${oid}`, "a builtin function", `functions ${calls.join(", ")}`);
  }
}

/** `count(*)`, by which indexes are compared with their table: oids of int8inc, int8pl and int8inc again. */
const COUNT = { oid: "2803", calls: "1219 463 1219" };

/** What runs PL/pgSQL, as its extension makes it: name, language, symbol and library. */
const HANDLER = "plpgsql_call_handler c plpgsql_call_handler $libdir/plpgsql";

/**
 * Our functions are in PL/pgSQL, and a row of pg_language says what runs it. Any builtin function that returns nothing
 * will do there: then every capture and every guard is called, does nothing, and stands in the catalog as it was.
 */
function compareLanguage(catalog: Catalog, changed: (what: string, expected: string, actual: string) => void): void {
  for (const [oid, name] of catalog.languages) {
    if (name !== "plpgsql") continue;
    const handler = catalog.functions.get(catalog.languageHandlers.get(oid) ?? "");
    const language = catalog.languages.get(handler?.language ?? "");
    const actual =
      handler === undefined ? "nothing" : `${handler.name} ${language} ${handler.source} ${handler.library}`;
    if (actual !== HANDLER) changed("what runs the language plpgsql", HANDLER, actual);
  }
}

/** Functions under the names that we call: the builtin ones as they were, and no overload of anybody's. */
function compareCalled(catalog: Catalog, manifest: BuiltinShape, live: BuiltinShape, report: Report): void {
  for (const [oid, actual] of Object.entries(live.functions)) {
    const expected = manifest.functions[oid];
    // A newer server's own overload is internal.
    if (actual === expected || (expected === undefined && isBuiltin(oid) && / internal( a)?$/u.test(actual))) continue;
    report({
      check: "function_changed",
      expected: expected ?? "no such function",
      actual,
      message: `the function pg_catalog.${actual} is not PostgreSQL's own`,
    });
  }
  for (const [oid, expected] of Object.entries(manifest.functions)) {
    if (Object.hasOwn(live.functions, oid) || !catalog.functions.has(oid)) continue;
    report({
      check: "function_changed",
      expected,
      actual: "another name or schema",
      message: `the function pg_catalog.${expected} was renamed`,
    });
  }
}

/** Input, output, receive and send functions that types of a kind share, by oid. */
const SHARED = {
  array: ["750", "751", "2400", "2401"],
  enum: ["3506", "3507", "3532", "3533"],
  composite: ["2290", "2291", "2402", "2403"],
  range: ["3834", "3835", "3836", "3837"],
  multirange: ["4231", "4232", "4233", "4234"],
} as const;
const DOMAIN = { input: "2597", receive: "2598" } as const;

/** A type that hashed columns have, and one of the columns, for the message. */
export interface UsedType {
  readonly type: string;
  readonly column: string;
  readonly kind: string | undefined;
}

/**
 * The types of hashed columns, and what these are made of, must be read and written by their own functions. Types that
 * extensions bring with functions in C cannot be compared with anything: they must at least be the functions' own types.
 *
 * @returns what could not be judged
 */
export function compareTypes(
  catalog: Catalog,
  manifest: BuiltinShape,
  used: readonly UsedType[],
  report: Report,
): { unproven: string[]; warnings: string[] } {
  const unproven = new Set<string>();
  const warnings = new Set<string>();
  const seen = new Set<string>();
  const queue = [...used];
  for (const { type: oid, column, kind } of queue) {
    if (seen.has(oid)) continue;
    seen.add(oid);
    const type = catalog.types.get(oid);
    if (type === undefined) {
      unproven.add(`the type of ${column} is not in the catalog`);
      continue;
    }
    const next = [type.element, type.base, type.subtype ?? "0"].filter((part) => part !== "0");
    if (type.kind === "c") {
      for (const part of catalog.columns) if (part.relation === type.relation) next.push(part.type);
    }
    queue.push(...next.map((part) => ({ type: part, column, kind })));
    if (isBuiltin(oid)) {
      // Compared with the manifest already, unless it is of a newer server.
      if (manifest.types[oid] === undefined)
        unproven.add(`the type ${typeName(catalog, oid)} of ${column} is not known to this release`);
      continue;
    }
    const actual = [type.input, type.output, type.receive, type.send];
    const expected = expectedFunctions(catalog, oid);
    if (expected === null) {
      warnings.add(
        `the type ${typeName(catalog, oid)} of ${column} is an extension's: its functions cannot be compared with anything`,
      );
      if (hasOwnFunctions(catalog, oid)) continue;
    } else if (expected.join(" ") === actual.join(" ")) continue;
    report({
      check: "catalog_changed",
      ...(kind === undefined ? {} : { event_kind: kind }),
      expected:
        expected === null ? "functions of the type itself" : expected.map((f) => callName(catalog, f)).join(", "),
      actual: actual.map((f) => callName(catalog, f)).join(", "),
      message: `the type ${typeName(catalog, oid)} of ${column} is read or written by functions that are not its own`,
    });
  }
  return { unproven: [...unproven], warnings: [...warnings] };
}

const callName = (catalog: Catalog, oid: string) => catalog.functions.get(oid)?.name ?? oid;

/** What reads and writes a type that is not builtin; null for a base type. */
function expectedFunctions(catalog: Catalog, oid: string): readonly string[] | null {
  const type = catalog.types.get(oid);
  if (type === undefined) return null;
  if (type.kind === "e") return SHARED.enum;
  if (type.kind === "c") return SHARED.composite;
  if (type.kind === "r") return SHARED.range;
  if (type.kind === "m") return SHARED.multirange;
  if (type.kind === "d") {
    const base = catalog.types.get(type.base);
    return [DOMAIN.input, base?.output ?? "", DOMAIN.receive, base?.send ?? ""];
  }
  // What the catalog calls an array without one's being named after its element is a base type with elements.
  return type.category === "A" && type.element !== "0" ? SHARED.array : null;
}

/** Whether an extension's type is written by a function that takes it and read by one that returns it. */
function hasOwnFunctions(catalog: Catalog, oid: string): boolean {
  const type = catalog.types.get(oid);
  const input = catalog.functions.get(type?.input ?? "");
  const output = catalog.functions.get(type?.output ?? "");
  const languages = [input, output].map((f) => catalog.languages.get(f?.language ?? ""));
  return (
    input?.returns === oid &&
    output?.argumentTypes[0] === oid &&
    languages.every((language) => language === "c" || language === "internal")
  );
}
