import { isBuiltin, type ReportFinding } from "@scidex/audit-reader";
import { type Catalog, typeName } from "../catalog/catalog.ts";

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
  used: readonly UsedType[],
  report: ReportFinding,
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
    // Compared with PostgreSQL's own rows.
    if (isBuiltin(oid)) continue;
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
      ...(kind === undefined ? {} : { eventKind: kind }),
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
