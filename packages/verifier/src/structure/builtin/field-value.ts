import { createHash } from "node:crypto";
import type { Field } from "@scidex/audit-reader";

/** Of a longer text, the length and a hash are said. Names fit. */
const LONGEST = 64;
const MOST_ELEMENTS = 16;

/** A field of type oid, regproc and the like. */
export const oidOf = (field: Field | undefined): number => (field?.length === 4 ? field.readUInt32BE(0) : 0);

/** A field of a binary COPY in words, for messages: bounded, whatever an attacker has put there. */
export function fieldValue(field: Field | undefined, type: string): string {
  if (field === undefined || field === null) return "none";
  if (type.startsWith("_") || type.endsWith("vector")) return arrayValue(field);
  return scalarValue(field, type);
}

function scalarValue(field: Buffer, type: string): string {
  switch (type) {
    case "bool":
      return field[0] === 1 ? "t" : "f";
    case "int2":
      return field.length === 2 ? String(field.readInt16BE(0)) : bytes(field);
    case "int4":
      return field.length === 4 ? String(field.readInt32BE(0)) : bytes(field);
    case "oid":
    case "regproc":
      return field.length === 4 ? String(field.readUInt32BE(0)) : bytes(field);
    default: {
      const text = field.toString("utf8", 0, 4 * LONGEST + 1);
      return text.length <= LONGEST ? text : bytes(field);
    }
  }
}

const bytes = (field: Buffer): string =>
  `(${field.length} bytes, SHA-256 ${createHash("sha256").update(field).digest("hex").slice(0, 16)}…)`;

/** Types of elements, by OID, that arrays of the catalogs have. */
const ELEMENTS: Readonly<Record<number, string>> = { 18: "char", 19: "name", 21: "int2", 25: "text", 26: "oid" };

/** An array of one dimension: 32-bit numbers of dimensions, flags, element type, length, lower bound; then the elements. */
function arrayValue(field: Buffer): string {
  if (field.length === 12) return "{}";
  if (field.length < 20 || field.readInt32BE(0) !== 1) return bytes(field);
  const type = ELEMENTS[field.readUInt32BE(8)] ?? "text";
  const length = field.readInt32BE(12);
  if (length > MOST_ELEMENTS) return bytes(field);
  const values: string[] = [];
  let at = 20;
  for (let i = 0; i < length && at + 4 <= field.length; i++) {
    const size = field.readInt32BE(at);
    at += 4;
    values.push(size < 0 ? "none" : scalarValue(field.subarray(at, at + size), type));
    at += Math.max(size, 0);
  }
  return `{${values.join(", ")}}`;
}
