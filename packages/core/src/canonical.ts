/**
 * Canonical JSON: RFC 8785 (JCS), the only text that is ever hashed.
 *
 * - No white space. Object members are sorted by name, compared as UTF-16 code units (RFC 8785, section 3.2.3).
 * - Strings are escaped as ECMAScript's `JSON.stringify` does (section 3.2.2.2): `\" \\ \b \f \n \r \t`, other characters
 *   below U+0020 as `\u00xx` in lower case, everything else as it is.
 * - Numbers are written as ECMAScript does, the shortest text that reads back as the same double (section 3.2.2.3).
 *
 *     canonicalJson({ b: [1e21, -0, 0.10], a: "€\n", "\u0080": null })
 *     → {"a":"€\n","b":[1e+21,0,0.1],"\u0080":null}      (the last name is one raw character, U+0080)
 *
 * JavaScript values that JSON does not have:
 *
 * | value | becomes |
 * | --- | --- |
 * | `bigint` | its decimal digits, as a string |
 * | `Date` | `toISOString()`, as a string; an invalid one is `json_number` |
 * | bytes (`Uint8Array`, `Buffer`, `Uint8ClampedArray`, `DataView`, `ArrayBuffer`) | `\x` and lower-case hex, as a string: PostgreSQL's text form of `bytea`. Bytes win over `Buffer`'s `toJSON` |
 * | an object with a `toJSON` method | what that returns, called once with the member's name, as `JSON.stringify` does |
 * | `undefined` as a member's value | the member is left out |
 * | boxed primitives (`new Number(1)`) | the primitive |
 * | `-0` | `0` |
 *
 * Everything else that would be lost in silence is an error, not a guess:
 *
 * - NaN and infinities; lone surrogates; cycles; functions;
 * - `undefined` anywhere but as a member's value;
 * - holes in arrays, and named members on arrays;
 * - symbols, also as member names;
 * - Map, Set, RegExp and Promise;
 * - typed arrays with elements wider than a byte: their bytes depend on the machine;
 * - instances of classes without `toJSON`: their private state would be missing.
 *
 * What a getter or a `toJSON` throws is passed on unchanged.
 */
import { CoreError } from "./errors.ts";
import { primitiveOf } from "./json-primitive.ts";

/** How many objects and arrays may stand inside one another, when written and when read. */
export const MAX_JSON_DEPTH = 1000;

/**
 * The longest JSON text that is written, in UTF-16 code units: what a string of V8 holds, less a little. A row may well
 * have a text column of hundreds of megabytes.
 */
export const MAX_CANONICAL_CHARS = 2 ** 29 - 1024;

/** The most values, nested ones included, that one canonical text may hold: 4 Mi. */
export const MAX_JSON_VALUES = 4 * 1024 * 1024;

/**
 * The canonical text of a value.
 *
 * @throws {CoreError} `json_unsupported`, `json_number`, `json_surrogate`, `json_cycle`, `json_too_deep`, `json_too_long`
 */
export function canonicalJson(value: unknown): string {
  const text = write(value, "", { ancestors: new Set(), chars: 0, values: 0 });
  if (text === undefined) throw new CoreError("json_unsupported", "undefined has no JSON form");
  return text;
}

/**
 * The canonical text of a string.
 *
 * @throws {CoreError} `json_surrogate`
 */
export function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new CoreError("json_surrogate", "text with a lone surrogate has no UTF-8 form");
  // Escapes can make it six times as long; only then does V8 run out of string.
  if (text.length <= MAX_CANONICAL_CHARS / 6) return JSON.stringify(text);
  try {
    return JSON.stringify(text);
  } catch (cause) {
    throw new CoreError("json_too_long", "a string that is too long once it is escaped", { cause });
  }
}

interface State {
  /** The objects that the current one stands in. */
  readonly ancestors: Set<object>;
  /** Characters and values written so far: a few shared objects can unfold into gigabytes. */
  chars: number;
  values: number;
}

/** `undefined` only for undefined itself (or a `toJSON` that returned it), which the caller drops or refuses. */
function write(value: unknown, name: string, state: State): string | undefined {
  if (++state.values > MAX_JSON_VALUES) throw new CoreError("json_too_long", `more than ${MAX_JSON_VALUES} values`);
  switch (typeof value) {
    case "undefined":
      return undefined;
    case "object":
      return value === null ? count("null", state) : writeObject(value, name, state);
    case "string":
      return count(canonicalString(value), state);
    case "number":
      return count(writeNumber(value), state);
    case "boolean":
      return count(value ? "true" : "false", state);
    case "bigint":
      return count(`"${value.toString()}"`, state);
    case "function":
    case "symbol":
    default:
      throw new CoreError("json_unsupported", `a ${typeof value} has no JSON form`);
  }
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new CoreError("json_number", `${value} has no JSON form`);
  // String(-0) is "0", as RFC 8785 wants.
  return String(value);
}

function writeObject(value: object, name: string, state: State): string | undefined {
  const primitive = primitiveOf(value);
  if (primitive !== undefined) return write(primitive, name, state);
  const toJson: unknown = Reflect.get(value, "toJSON");
  if (typeof toJson !== "function") return nest(value, state);
  if (state.ancestors.has(value)) throw new CoreError("json_cycle", "a value contains itself");
  // On the path while its replacement is written, so that a toJSON that returns its own holder ends as a cycle.
  state.ancestors.add(value);
  checkDepth(state);
  const replacement: unknown = toJson.call(value, name);
  const text = replacement === value ? writeMembers(value, state) : writeReplacement(replacement, name, state);
  state.ancestors.delete(value);
  return text;
}

/** Like JSON.stringify: `toJSON` of the replacement itself is not called again, that of its members is. */
function writeReplacement(value: unknown, name: string, state: State): string | undefined {
  if (typeof value !== "object" || value === null) return write(value, name, state);
  const primitive = primitiveOf(value);
  return primitive === undefined ? nest(value, state) : write(primitive, name, state);
}

function nest(value: object, state: State): string {
  if (state.ancestors.has(value)) throw new CoreError("json_cycle", "a value contains itself");
  state.ancestors.add(value);
  checkDepth(state);
  const text = writeMembers(value, state);
  state.ancestors.delete(value);
  return text;
}

function checkDepth(state: State): void {
  if (state.ancestors.size > MAX_JSON_DEPTH) {
    throw new CoreError("json_too_deep", `more than ${MAX_JSON_DEPTH} levels of objects and arrays`);
  }
}

function writeMembers(value: object, state: State): string {
  count("[]", state);
  if (Array.isArray(value)) return writeArray(value, state);
  if (!isPlain(value)) {
    const constructor: unknown = Reflect.get(value, "constructor");
    const type = typeof constructor === "function" ? constructor.name : "unknown class";
    throw new CoreError(
      "json_unsupported",
      `an instance of ${type} has no JSON form: give a plain object, or a toJSON`,
    );
  }
  if (Object.getOwnPropertySymbols(value).some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))) {
    throw new CoreError("json_unsupported", "a member whose name is a symbol has no JSON form");
  }
  let text = "";
  // The default order of sort is that of UTF-16 code units.
  for (const name of Object.keys(value).toSorted()) {
    const member = write(Reflect.get(value, name), name, state);
    if (member === undefined) continue;
    text += `${text === "" ? "" : ","}${count(`${canonicalString(name)}:`, state)}${member}`;
  }
  return `{${text}}`;
}

function writeArray(value: readonly unknown[], state: State): string {
  // Also tells holes: an index without a value is no key. Named members (a RegExp match has some) would be lost.
  if (Object.keys(value).length !== value.length) {
    throw new CoreError("json_unsupported", "an array with holes or with named members has no JSON form");
  }
  let text = "";
  for (const [index, element] of value.entries()) {
    const member = write(element, String(index), state);
    if (member === undefined) throw new CoreError("json_unsupported", "undefined in an array has no JSON form");
    text += index === 0 ? member : `,${member}`;
  }
  return `[${text}]`;
}

/** Adds a piece, and the comma that may follow it, to the length so far. */
function count(piece: string, state: State): string {
  state.chars += piece.length + 1;
  if (state.chars > MAX_CANONICAL_CHARS) {
    throw new CoreError("json_too_long", `more than ${MAX_CANONICAL_CHARS} characters`);
  }
  return piece;
}

/** An object literal, of any realm, or one without a prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  return (
    typeof prototype === "object" &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, "isPrototypeOf") &&
    Object.prototype.toString.call(value) === "[object Object]"
  );
}
