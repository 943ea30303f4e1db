/** As much of Node's `Buffer` as core uses to check a proof. What it decodes leniently, core writes again and compares. */
type Encoding = "utf8" | "hex" | "base64" | "latin1";

class Bytes extends Uint8Array {
  override toString(encoding: Encoding = "utf8"): string {
    if (encoding === "utf8") return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this);
    if (encoding === "hex") return Array.from(this, (byte) => byte.toString(16).padStart(2, "0")).join("");
    let text = "";
    for (const byte of this) text += String.fromCharCode(byte);
    return encoding === "latin1" ? text : btoa(text);
  }
}

function from(data: string | ArrayLike<number> | ArrayBuffer, at?: Encoding | number, length?: number): Bytes {
  if (typeof data !== "string")
    return data instanceof ArrayBuffer ? new Bytes(data, Number(at ?? 0), length) : bytesOf(data);
  if (at === "hex") return bytesOf((data.match(/[\da-f]{2}/giu) ?? []).map((pair) => Number.parseInt(pair, 16)));
  if (at === "base64") return latin1(fromBase64(data));
  return at === "latin1" ? latin1(data) : new Bytes(new TextEncoder().encode(data));
}

const bytesOf = (data: ArrayLike<number>): Bytes => new Bytes(Array.from(data));

function fromBase64(text: string): string {
  try {
    return atob(text);
  } catch {
    return "";
  }
}

function latin1(text: string): Bytes {
  const bytes = new Bytes(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Bytes {
  const all = new Bytes(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

function compare(one: Uint8Array, other: Uint8Array): number {
  const at = one.findIndex((byte, i) => byte !== other[i]);
  return at === -1 ? one.byteLength - other.byteLength : (one[at] ?? 0) - (other[at] ?? -1);
}

const byteLength = (text: string): number => new TextEncoder().encode(text).byteLength;

/** Stands where core says `Buffer`. */
export const Buffer = { from, concat, compare, byteLength };
