import { jsonInteger } from "./json-integer.ts";

/**
 * A value as our JSON output has it: names of members in snake_case, a bigint as a number up to 2^53 - 1 and as decimal
 * text beyond, members that are undefined left out. Only plain objects and arrays are gone into.
 */
export function jsonForm(value: unknown): unknown {
  if (typeof value === "bigint") return jsonInteger(value);
  if (Array.isArray(value)) return value.map(jsonForm);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [snakeCase(name), jsonForm(member)]),
  );
}

/** The same names as TypeScript has them; numbers stay numbers. */
export function camelForm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelForm);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [camelCase(name), camelForm(member)]));
}

const camelCase = (name: string): string => name.replaceAll(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());
const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
