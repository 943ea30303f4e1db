import { type Beginning, formatSeconds, sameBytes, type Seconds, type Statement } from "@scidex/audit-core";
import type { Finding } from "../finding/finding.ts";
import type { PublishedHead } from "./published-head.ts";

/** What is wrong with a genuine line behind the one before it and the last head before it. */
export function misplacement(
  one: PublishedHead | Statement | Beginning,
  before: PublishedHead | Statement | Beginning | undefined,
  last: PublishedHead | undefined,
  where: string,
): Finding | undefined {
  if (before === undefined) return undefined;
  const head = "note" in one ? undefined : one;
  const check = "sink_signature";
  if (one.signedTime < before.signedTime || (head && last && head.seq < last.seq))
    return {
      check,
      expected: `not before ${placeOf(before.signedTime, head && last)}`,
      actual: placeOf(one.signedTime, head),
      message: `${where} is a genuine ${head ? "head" : "statement"}, but older than the line before it: it was put there again`,
    };
  if (head && last && head.seq === last.seq && !sameBytes(head.root, last.root))
    return { check, message: `${where} signs another tree of ${head.seq} links than the head before it` };
  return undefined;
}

const placeOf = (signedTime: Seconds, head: PublishedHead | undefined): string =>
  `${formatSeconds(signedTime)}${head === undefined ? "" : ` and seq ${head.seq}`}`;
