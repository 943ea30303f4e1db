import type { Seq } from "@scidex/audit-core";
import { InvalidArgumentError } from "commander";

/** The seq of an option. */
export function parseSeq(text: string): Seq {
  if (!/^[1-9]\d{0,18}$/u.test(text)) throw new InvalidArgumentError("expected a whole number from 1 on.");
  return BigInt(text);
}
