import type { SumText } from "../../report/shard-sums.ts";
import type { KeySum, KindSum } from "../kernel.ts";

/** What both kinds of sums have. Halves are added modulo 2^64, as the kernel does. */
export type Sum = KeySum;

export const NO_SUM: Sum = { count: 0n, sum0: 0n, sum1: 0n };

const combined = (a: Sum, b: Sum, sign: bigint): Sum => ({
  count: a.count + sign * b.count,
  sum0: BigInt.asUintN(64, a.sum0 + sign * b.sum0),
  sum1: BigInt.asUintN(64, a.sum1 + sign * b.sum1),
});

export const plus = (a: Sum, b: Sum): Sum => combined(a, b, 1n);
export const minus = (a: Sum, b: Sum): Sum => combined(a, b, -1n);
export const isSame = (a: Sum, b: Sum): boolean => a.count === b.count && a.sum0 === b.sum0 && a.sum1 === b.sum1;

/** By kind, without those that nothing is left of. */
export function withoutNewer(sums: readonly KindSum[], newer: ReadonlyMap<string, Sum>): KindSum[] {
  const left = sums.map(({ kind, ...sum }) => ({ kind, ...minus(sum, newer.get(kind) ?? NO_SUM) }));
  return left.filter((sum) => !isSame(sum, NO_SUM));
}

/** As a report has it. */
export const textOf = ({ count, sum0, sum1 }: Sum): SumText => ({
  count: Number(count),
  sum: [sum0, sum1].map((half) => half.toString(16).padStart(16, "0")).join(""),
});

/** As it was before `textOf`. */
export const sumOf = ({ count, sum }: SumText): Sum => ({
  count: BigInt(count),
  sum0: BigInt(`0x${sum.slice(0, 16)}`),
  sum1: BigInt(`0x${sum.slice(16)}`),
});
