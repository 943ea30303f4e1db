import {
  formatSeconds,
  type Head,
  type HeadTrust,
  parseHeadLine,
  type PublisherKeys,
  type Seconds,
  signHead,
} from "@scidex/audit-core";
import type { Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { signing } from "../../state/signing.ts";
import type { Memory } from "../open-memory.ts";
import { before } from "./increment-walk.ts";
import type { Increment } from "./read-increment.ts";
import { flushWrites } from "../server.ts";

/** A head that was signed, and its line in the log. */
export interface SignedHead {
  readonly line: string;
  readonly head: Head;
}

/** Who signs. */
export interface Signer {
  readonly keys: PublisherKeys;
  /** Keys that take the place of those. */
  readonly next?: PublisherKeys | undefined;
  /** What trusts all of them. */
  readonly trust: HeadTrust;
}

/**
 * Signs the end of what the chain has gained; with nothing new, the last head again with a new time. What is signed is on
 * the server's disk when this returns.
 *
 * @returns undefined where there is no link yet
 * @throws {PublisherError} `clock` where our clock is behind the last signed time
 */
export async function signIncrement(
  sql: Sql,
  signer: Signer,
  signed: Pick<Memory, "last" | "newest">,
  increment: Increment,
): Promise<SignedHead | undefined> {
  const line = await signing(() => sign(signer, signed, increment));
  if (line === undefined) return undefined;
  await flushWrites(sql);
  return { line, head: parseHeadLine(line, signer.trust) };
}

function sign(
  { keys, next }: Signer,
  { last, newest }: Pick<Memory, "last" | "newest">,
  { end, timeMs }: Increment,
): string | undefined {
  const time: Seconds = BigInt(Math.floor(timeMs / 1_000));
  if (newest && time < newest.signedTime)
    throw new PublisherError(
      "clock",
      `our clock says ${new Date(Number(time) * 1_000).toISOString()}, but a ${"note" in newest ? "statement" : "head"} was signed at ${formatSeconds(newest.signedTime)}, later than that. Nothing is signed until the clock is right`,
    );
  if (end) return signHead({ keys, next, leaf: end.leaf, before: end.before, time });
  return last && signHead({ keys, next, leaf: last.leaf, before: before(last), time });
}
