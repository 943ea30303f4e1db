import type { Place } from "@scidex/audit-core";
import type { ReportFinding } from "@scidex/audit-reader";
import type { FunctionShape, SchemaShape } from "../manifest.ts";

/** Members of a function's shape that say what it does; grants are compared with the other privileges. */
const MEMBERS = ["arguments", "returns", "attributes", "settings", "owner", "source"] as const;

const shown = (value: string | readonly string[]): string => (typeof value === "string" ? value : value.join(", "));

/** How a live function differs from what it has to be; empty where it does not. */
export function functionDifferences(
  expected: FunctionShape,
  actual: FunctionShape,
): { what: string; expected: string; actual: string }[] {
  return MEMBERS.flatMap((member) => {
    const [a, b] = [shown(expected[member]), shown(actual[member])];
    return a === b ? [] : [{ what: member === "source" ? "source (SHA-256)" : member, expected: a, actual: b }];
  });
}

/** Reports in one finding how a function differs. */
export function reportFunction(
  { schema }: Place,
  name: string,
  expected: FunctionShape,
  actual: FunctionShape,
  kind: string | undefined,
  report: ReportFinding,
): void {
  const differences = functionDifferences(expected, actual);
  if (differences.length === 0) return;
  report({
    check: "function_changed",
    ...(kind === undefined ? {} : { eventKind: kind }),
    expected: differences.map((d) => `${d.what} ${d.expected}`).join("; "),
    actual: differences.map((d) => `${d.what} ${d.actual}`).join("; "),
    message: `the function ${schema}.${name} was changed: ${differences.map((d) => d.what).join(", ")}`,
  });
}

/**
 * Functions of ours: all there, as the manifest has them, and none besides. `isKnown` says which others may be there:
 * capture functions of tables, which are compared with their tables' configuration, and what is not ours.
 */
export function compareFunctions(
  place: Place,
  manifest: SchemaShape,
  live: ReadonlyMap<string, FunctionShape>,
  isKnown: (signature: string) => boolean,
  report: ReportFinding,
): void {
  const { schema } = place;
  for (const [name, expected] of Object.entries(manifest.functions)) {
    const actual = live.get(name);
    if (actual === undefined) {
      report({
        check: "function_changed",
        expected: "the function of the migrations",
        actual: "none of this name and these argument types",
        message: `the function ${schema}.${name} is missing`,
      });
    } else reportFunction(place, name, expected, actual, undefined, report);
  }
  for (const name of live.keys()) {
    if (Object.hasOwn(manifest.functions, name) || isKnown(name)) continue;
    report({
      check: "function_changed",
      expected: "no such function",
      actual: `${schema}.${name}`,
      message: `the function ${schema}.${name} does not belong to the audit chain: a call can find it instead of the real one`,
    });
  }
}
