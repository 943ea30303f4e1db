import type { Seq } from "@scidex/audit-core";
import { SALT_FORM, saltOf } from "@scidex/audit-report";
import { InvalidArgumentError } from "commander";

/** The seq of an option. */
export function parseSeq(text: string): Seq {
  if (!/^[1-9]\d{0,18}$/u.test(text)) throw new InvalidArgumentError("expected a whole number from 1 on.");
  return BigInt(text);
}

/** The salt of an option, as hex. */
export function parseSalt(text: string): Uint8Array {
  const salt = saltOf(text);
  if (salt === undefined) throw new InvalidArgumentError(SALT_FORM);
  return salt;
}
