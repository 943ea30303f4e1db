/**
 * JavaScript objects that stand for a single JSON value: dates, bytes and boxed primitives.
 *
 * They are told by their internal slots and not with instanceof. So a value from another realm (a vm context, as some
 * test runners use) counts too. An object that only pretends, through its prototype or Symbol.toStringTag, does not.
 */
import { CoreError } from "./errors.ts";
import { toHex } from "./hash.ts";

/**
 * What a date, bytes or a boxed primitive becomes in canonical JSON (canonical.ts); undefined for every other object.
 *
 * @throws {CoreError} `json_number` for an invalid Date; `json_unsupported` for a typed array with elements
 *   wider than a byte
 */
export function primitiveOf(value: object): string | number | boolean | bigint | undefined {
  if (ArrayBuffer.isView(value)) return bytesText(value);
  switch (Object.prototype.toString.call(value)) {
    case "[object ArrayBuffer]":
      return slot(() => bufferText(value, ArrayBuffer.prototype));
    case "[object SharedArrayBuffer]":
      return slot(() => bufferText(value, SharedArrayBuffer.prototype));
    case "[object Date]":
      return dateText(value);
    case "[object Number]":
      return slot(() => Number.prototype.valueOf.call(value));
    case "[object String]":
      return slot(() => String.prototype.valueOf.call(value));
    case "[object Boolean]":
      return slot(() => Boolean.prototype.valueOf.call(value));
    case "[object BigInt]":
      return slot(() => BigInt.prototype.valueOf.call(value));
    default:
      return undefined;
  }
}

/** The methods that read an internal slot throw a TypeError where there is none. */
function slot<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function dateText(value: object): string | undefined {
  const time = slot(() => Date.prototype.getTime.call(value));
  if (time === undefined) return undefined;
  if (Number.isNaN(time)) throw new CoreError("json_number", "an invalid Date has no JSON form");
  return new Date(time).toISOString();
}

/** The name of a typed array's class, from its internal slot; undefined for a DataView. */
const typedArrayName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);

function bytesText(view: ArrayBufferView): string {
  const type: unknown = typedArrayName?.get?.call(view);
  if (typeof type === "string" && type !== "Uint8Array" && type !== "Uint8ClampedArray") {
    throw new CoreError("json_unsupported", `a ${type} has no JSON form: its bytes depend on the machine`);
  }
  return hexText(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

function bufferText(value: object, prototype: ArrayBuffer | SharedArrayBuffer): string {
  // Throws unless it is one: an object that is not would be copied as if it were a list of numbers.
  Object.getOwnPropertyDescriptor(prototype, "byteLength")?.get?.call(value);
  return hexText(new Uint8Array(value as ArrayBuffer));
}

/** PostgreSQL's text form of bytea. */
function hexText(bytes: Uint8Array): string {
  return `\\x${toHex(bytes)}`;
}
