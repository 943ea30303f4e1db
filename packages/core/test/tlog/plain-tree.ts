import { type LeafRange, leafHash, sha256 } from "../../src/index.ts";

const known = new Map<string, Uint8Array>();

/** The hash of the leaf `leaf N`, as in vectors/merkle.json. */
export const leafAt = (index: number): Uint8Array => leafHash(`leaf ${index}`);

/** The tree hash of the leaves `leaf FROM` … by the words of RFC 6962, section 2.1, and nothing else. */
export function rootOf(from: number, to: number): Uint8Array {
  const key = `${from} ${to}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const root = compute(from, to);
  known.set(key, root);
  return root;
}

function compute(from: number, to: number): Uint8Array {
  if (to === from) return sha256("");
  if (to - from === 1) return leafAt(from);
  const k = largestBelow(to - from);
  return sha256(Buffer.concat([Uint8Array.of(1), rootOf(from, from + k), rootOf(from + k, to)]));
}

function largestBelow(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** PATH(m, D[n]) of section 2.1.1, for the leaves from `from` on. */
export function pathOf(m: number, from: number, to: number): Uint8Array[] {
  if (to - from === 1) return [];
  const k = largestBelow(to - from);
  return m < k
    ? [...pathOf(m, from, from + k), rootOf(from + k, to)]
    : [...pathOf(m - k, from + k, to), rootOf(from, from + k)];
}

/** SUBPROOF(m, D[n], b) of section 2.1.2. */
export function subproofOf(m: number, from: number, to: number, isWhole: boolean): Uint8Array[] {
  if (m === to - from) return isWhole ? [] : [rootOf(from, to)];
  const k = largestBelow(to - from);
  return m <= k
    ? [...subproofOf(m, from, from + k, isWhole), rootOf(from + k, to)]
    : [...subproofOf(m - k, from + k, to, false), rootOf(from, from + k)];
}

export const rootsOf = (ranges: readonly LeafRange[]): Uint8Array[] =>
  ranges.map(({ from, to }) => rootOf(Number(from), Number(to)));

/** The hashes with one bit of one of them changed. */
export function flipped(hashes: readonly Uint8Array[], at: number, bit: number): Uint8Array[] {
  const changed = Uint8Array.from(hashes[at] ?? []);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return hashes.with(at, changed);
}
