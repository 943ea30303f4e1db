/**
 * Where everything lies in the kernel's memory. It never allocates: each instance works on one stream, in place.
 *
 * Written in AssemblyScript (TypeScript's syntax, WebAssembly's types). `usize` is an address, `v128` four 32-bit words.
 */

/** Messages to be hashed, one of four lanes each. The odd stride keeps the lanes out of each other's cache lines. */
export const LANE_BYTES: usize = 0x100000;
const LANE_STRIDE: usize = LANE_BYTES + 4160;
const LANES: usize = 0x10000;
/** Second and third message of a row of the chain, in the same lane. */
export const CHAIN_MESSAGE: usize = 0x8000;
export const LEAF_MESSAGE: usize = 0x10000;

/** Rows of a call: one leaf hash (32 bytes) and one tag (8 bytes) is kept for each. */
export const MAX_ROWS: i32 = 4096;
export const LEAVES: usize = 0x420000;
export const TAGS: usize = 0x440000;

/** Kinds of events that are added up, 256 bytes each: see kinds.ts. */
export const MAX_KINDS: i32 = 1024;
export const KINDS: usize = 0x450000;

/** Names of the members of a row's payload, as JSON, 256 columns at most are written by the fast path. */
export const MEMBERS: usize = 0x490000;
export const MEMBERS_BYTES: usize = 0x10000;

/** The stream, up to 4 MiB at a time. */
export const INPUT: usize = 0x4a0000;
export const INPUT_BYTES: usize = 0x400000;

/** The filter of tags, as long as the host asks for. */
export const FILTER: usize = 0x8b0000;

export function lane(i: i32): usize {
  return LANES + <usize>i * LANE_STRIDE;
}
