/**
 * A strict reader of JSON text (RFC 8259), for text that will be hashed or that someone hostile may have written.
 *
 * It accepts the grammar of RFC 8259 and nothing more (no byte order mark, no comments), and refuses what two readers
 * could understand differently (I-JSON, RFC 7493):
 *
 * - the same member name twice in one object, compared after escapes are resolved: `{"a":1,"\u0061":2}`;
 * - a lone surrogate, raw or escaped: `"\ud800"`;
 * - a number whose decimal value changes when it is read as a double and written again in its shortest form.
 *   `1.0`, `1e2`, `0.1` and `-0` keep their value; `9007199254740993`, `1e400` and `0.30000000000000001` do not.
 *
 *     parseJson('{"a":[1.0,true,null]}')  → { a: [1, true, null] }
 *
 * Members become own properties of a plain object, `__proto__` too.
 */
import { MAX_JSON_DEPTH } from "./canonical.ts";
import { CoreError, quoted } from "./errors.ts";

/** The longest JSON text that is read, in UTF-16 code units: 64 Mi. */
export const MAX_JSON_CHARS = 64 * 1024 * 1024;

/** What JSON text can hold. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/**
 * The value of a JSON text of at most `MAX_JSON_CHARS` UTF-16 code units and `MAX_JSON_DEPTH` levels.
 *
 * @throws {CoreError} `json_syntax`, `json_duplicate_name`, `json_lossy_number`, `json_surrogate`, `json_too_deep`,
 *   `json_too_long`
 */
export function parseJson(text: string): JsonValue {
  if (text.length > MAX_JSON_CHARS) throw new CoreError("json_too_long", `more than ${MAX_JSON_CHARS} characters`);
  const reader: Reader = { text, at: 0, isExact: true, members: undefined };
  return readWhole(reader);
}

/**
 * The members of a JSON object, each with its value and the text of the value as it stands there. Numbers may have more
 * digits than a double: who asks takes their text. Undefined where the text is no object.
 *
 * @throws {CoreError} as `parseJson`, but not `json_lossy_number`
 */
export function parseMembers(text: string): ReadonlyMap<string, JsonMember> | undefined {
  if (text.length > MAX_JSON_CHARS) throw new CoreError("json_too_long", `more than ${MAX_JSON_CHARS} characters`);
  const members = new Map<string, JsonMember>();
  const value = readWhole({ text, at: 0, isExact: false, members });
  return typeof value === "object" && value !== null && !Array.isArray(value) ? members : undefined;
}

/** A member of a JSON object. */
export interface JsonMember {
  readonly value: JsonValue;
  /** The value's own text, without white space around it. */
  readonly text: string;
}

function readWhole(reader: Reader): JsonValue {
  const value = readValue(reader, 0);
  skipSpace(reader);
  if (reader.at < reader.text.length) throw syntax(reader, "the end of the text");
  return value;
}

interface Reader {
  readonly text: string;
  /** Whether a number must have a double of its value. */
  readonly isExact: boolean;
  /** Takes the members of the outermost object. */
  readonly members: Map<string, JsonMember> | undefined;
  /** Index of the next code unit. */
  at: number;
}

function syntax(reader: Reader, expected: string): CoreError {
  const found = reader.at < reader.text.length ? quoted(reader.text.slice(reader.at, reader.at + 10)) : "the end";
  return new CoreError("json_syntax", `expected ${expected} at character ${reader.at}, found ${found}`);
}

function skipSpace(reader: Reader): void {
  for (;;) {
    const unit = reader.text.charCodeAt(reader.at);
    // Space, tab, line feed, carriage return: RFC 8259, section 2. NaN at the end of the text.
    if (unit !== 0x20 && unit !== 0x09 && unit !== 0x0a && unit !== 0x0d) return;
    reader.at++;
  }
}

/** Reads the character if it comes next, after white space. */
function take(reader: Reader, character: string): boolean {
  skipSpace(reader);
  if (reader.text[reader.at] !== character) return false;
  reader.at++;
  return true;
}

function readValue(reader: Reader, depth: number): JsonValue {
  skipSpace(reader);
  switch (reader.text.charAt(reader.at)) {
    case "{":
      return readObject(reader, deeper(depth));
    case "[":
      return readArray(reader, deeper(depth));
    case '"':
      return readString(reader);
    case "t":
      return readWord(reader, "true", true);
    case "f":
      return readWord(reader, "false", false);
    case "n":
      return readWord(reader, "null", null);
    default:
      return readNumber(reader);
  }
}

function deeper(depth: number): number {
  if (depth < MAX_JSON_DEPTH) return depth + 1;
  throw new CoreError("json_too_deep", `more than ${MAX_JSON_DEPTH} levels of objects and arrays`);
}

function readWord<T>(reader: Reader, word: string, value: T): T {
  if (!reader.text.startsWith(word, reader.at)) throw syntax(reader, "a value");
  reader.at += word.length;
  return value;
}

function readObject(reader: Reader, depth: number): JsonValue {
  const object: { [name: string]: JsonValue } = {};
  reader.at++;
  if (take(reader, "}")) return object;
  do {
    skipSpace(reader);
    if (reader.text[reader.at] !== '"') throw syntax(reader, "a member name");
    const name = readString(reader);
    if (Object.hasOwn(object, name)) {
      throw new CoreError("json_duplicate_name", `the member ${quoted(name)} stands twice in one object`);
    }
    if (!take(reader, ":")) throw syntax(reader, '":"');
    skipSpace(reader);
    const from = reader.at;
    const value = readValue(reader, depth);
    if (depth === 1) reader.members?.set(name, { value, text: reader.text.slice(from, reader.at) });
    if (name === "__proto__") {
      // Plain assignment would set the prototype instead of a member.
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    } else {
      object[name] = value;
    }
  } while (take(reader, ","));
  if (!take(reader, "}")) throw syntax(reader, '"," or "}"');
  return object;
}

function readArray(reader: Reader, depth: number): JsonValue {
  const array: JsonValue[] = [];
  reader.at++;
  if (take(reader, "]")) return array;
  do array.push(readValue(reader, depth));
  while (take(reader, ","));
  if (!take(reader, "]")) throw syntax(reader, '"," or "]"');
  return array;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function readString(reader: Reader): string {
  const { text } = reader;
  let value = "";
  let from = ++reader.at;
  for (;;) {
    const unit = text.charCodeAt(reader.at);
    if (unit === 0x22) break;
    if (unit === 0x5c) {
      value += text.slice(from, reader.at) + readEscape(reader);
      from = reader.at;
    } else if (unit >= 0x20) {
      reader.at++;
    } else {
      // Control characters must be escaped (section 7); NaN, the end of the text, lands here too.
      throw syntax(reader, "a character of a string");
    }
  }
  value += text.slice(from, reader.at);
  reader.at++;
  // Checked on the whole, since the two halves of a pair may be escaped, raw, or one of each.
  if (!value.isWellFormed()) throw new CoreError("json_surrogate", "a string with a lone surrogate has no UTF-8 form");
  return value;
}

function readEscape(reader: Reader): string {
  const letter = reader.text[reader.at + 1] ?? "";
  if (letter === "u") {
    const digits = reader.text.slice(reader.at + 2, reader.at + 6);
    if (!/^[0-9a-fA-F]{4}$/u.test(digits)) throw syntax(reader, "an escape");
    reader.at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
  const value = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
  if (value === undefined) throw syntax(reader, "an escape");
  reader.at += 2;
  return value;
}

function readNumber(reader: Reader): number {
  const grammar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/uy;
  grammar.lastIndex = reader.at;
  const text = grammar.exec(reader.text)?.[0];
  if (text === undefined) throw syntax(reader, "a value");
  const value = Number(text);
  if (reader.isExact && (!Number.isFinite(value) || decimal(text) !== decimal(String(value)))) {
    throw new CoreError("json_lossy_number", `no double has the decimal value ${quoted(text)}`);
  }
  reader.at += text.length;
  return value;
}

/**
 * The one text of a decimal value: its digits without zeros at either end, and the power of ten that they are multiplied
 * by. "-12.50e3" → "-125e2"; every zero → "0". Loops instead of regular expressions, which take quadratic time on a
 * million zeros.
 */
function decimal(text: string): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.slice(sign.length).split(".");
  const digits = whole + fraction;
  let from = 0;
  while (digits[from] === "0") from++;
  if (from === digits.length) return "0";
  let to = digits.length;
  while (digits[to - 1] === "0") to--;
  // An exponent beyond 2^53 is rounded here, but then the value is infinite or 0, and equal to nothing that reaches this.
  return `${sign}${digits.slice(from, to)}e${Number(exponent) - fraction.length + digits.length - to}`;
}
