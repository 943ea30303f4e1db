import type { Field } from "../copy/copy-binary.ts";

/**
 * A field of a binary COPY as the text that the type's output function would print: of the types that the catalogs have.
 * What has not the form of its type comes as hexadecimal bytes, which nothing honest is equal to.
 *
 * @param type as pg_type names it
 */
export function fieldText(field: Field, type: string): string | null {
  if (field === null) return null;
  if (type.endsWith("vector")) return elementsOf(field)?.join(" ") ?? bytes(field);
  if (type.startsWith("_")) return arrayText(field);
  return scalarText(field, type);
}

function scalarText(field: Buffer, type: string): string {
  const is = (length: number): boolean => field.length === length;
  switch (type) {
    case "bool":
      return is(1) ? (field[0] === 1 ? "t" : "f") : bytes(field);
    case "int2":
      return is(2) ? String(field.readInt16BE()) : bytes(field);
    case "int4":
      return is(4) ? String(field.readInt32BE()) : bytes(field);
    case "int8":
      return is(8) ? String(field.readBigInt64BE()) : bytes(field);
    case "oid":
    case "xid":
    case "cid":
      return is(4) ? String(field.readUInt32BE()) : bytes(field);
    case "bytea":
      return bytes(field);
    case "float4":
      return is(4) ? String(field.readFloatBE()) : bytes(field);
    default:
      if (type.startsWith("reg")) return is(4) ? String(field.readUInt32BE()) : bytes(field);
      return type === "char" && field.equals(Buffer.of(0)) ? "" : field.toString("utf8");
  }
}

const bytes = (field: Buffer): string => `\\x${field.toString("hex")}`;

/** Types of elements, by oid, that arrays of the catalogs have. */
const ELEMENTS: Readonly<Record<number, string>> = {
  18: "char",
  19: "name",
  21: "int2",
  23: "int4",
  24: "regproc",
  25: "text",
  26: "oid",
  700: "float4",
};

/**
 * The elements of an array of one dimension (`array_send` in arrayfuncs.c). It has 32-bit numbers of dimensions, flags
 * and element type, then the dimension's length and lower bound, then each element behind its length. Null for another
 * form.
 */
function elementsOf(field: Buffer): (string | null)[] | null {
  if (field.length === 12 && field.readInt32BE() === 0) return [];
  if (field.length < 20 || field.readInt32BE() !== 1) return null;
  const type = ELEMENTS[field.readUInt32BE(8)];
  if (type === undefined) return null;
  const elements: (string | null)[] = [];
  let at = 20;
  for (let i = field.readInt32BE(12); i > 0; i--) {
    if (at + 4 > field.length) return null;
    const length = field.readInt32BE(at);
    at += 4;
    if (length > field.length - at) return null;
    elements.push(length < 0 ? null : scalarText(field.subarray(at, at + length), type));
    at += Math.max(length, 0);
  }
  return elements;
}

function arrayText(field: Buffer): string {
  const elements = elementsOf(field);
  if (elements === null) return bytes(field);
  const quoted = elements.map((element) => {
    if (element === null) return "NULL";
    const isPlain = /^[^{}",\\\s]+$/u.test(element) && element.toUpperCase() !== "NULL";
    return isPlain ? element : `"${element.replaceAll(/["\\]/gu, String.raw`\$&`)}"`;
  });
  return `{${quoted.join(",")}}`;
}
