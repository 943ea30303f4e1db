/**
 * `cidr` in `inet`. The bytes stay, but a `cidr` prints the length of its mask always, and an `inet` leaves it out where it
 * is that of a single host (`network_out` in `utils/adt/network.c`):
 *
 *     cidr 10.1.0.0/16    10.1.2.3/32    ::1/128
 *     inet 10.1.0.0/16    10.1.2.3       ::1
 *
 * A `cidr` has no bit set behind its mask (`addressOK`).
 */
import { one, type Reading } from "./reading.ts";

/** A `cidr` that became `inet`. */
export const networkReading: Reading = one((live) => {
  const parts = /^([0-9a-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/u.exec(live);
  const address = parts === null ? undefined : bitsOf(parts[1] ?? "");
  if (address === undefined) return undefined;
  const mask = parts?.[2];
  if (mask === undefined) return `${live}/${address.length}`;
  return Number(mask) < address.length && !address.slice(Number(mask)).includes("1") ? live : undefined;
});

/** An address as its 32 or 128 bits. */
function bitsOf(address: string): string | undefined {
  if (!address.includes(":")) return bytesBits(address);
  // The last 32 bits of an IPv6 address may be written as those of IPv4.
  const tail = /[^:]+\.[^:]+$/u.exec(address)?.[0];
  const tailBits = tail === undefined ? "" : bytesBits(tail);
  if (tailBits === undefined) return undefined;
  const groups = tail === undefined ? address : `${address.slice(0, -tail.length)}${hexOf(tailBits)}`;
  const [head = "", rest, ...others] = groups.split("::");
  if (others.length > 0) return undefined;
  const [left, right] = [groupBits(head), groupBits(rest ?? "")];
  if (left === undefined || right === undefined) return undefined;
  const missing = 128 - left.length - right.length;
  return missing >= 0 && (rest !== undefined || missing === 0) ? left + "0".repeat(missing) + right : undefined;
}

function bytesBits(address: string): string | undefined {
  const bytes = address.split(".");
  const isAddress =
    bytes.length === 4 && bytes.every((byte) => /^(?:0|[1-9]\d{0,2})$/u.test(byte) && Number(byte) < 256);
  return isAddress ? bytes.map((byte) => Number(byte).toString(2).padStart(8, "0")).join("") : undefined;
}

function groupBits(text: string): string | undefined {
  const groups = text === "" ? [] : text.split(":");
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/u.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0")).join("");
}

/** 32 bits as two groups of an IPv6 address. */
const hexOf = (bits: string): string =>
  [bits.slice(0, 16), bits.slice(16)].map((half) => Number.parseInt(half, 2).toString(16)).join(":");
