import { CoreError, fromHex, SALT_BYTES, type Seq } from "@scidex/audit-core";
import { InvalidArgumentError } from "commander";

/** The seq of an option. */
export function parseSeq(text: string): Seq {
  if (!/^[1-9]\d{0,18}$/u.test(text)) throw new InvalidArgumentError("expected a whole number from 1 on.");
  return BigInt(text);
}

/** The salt of an option, as hex. */
export function parseSalt(text: string): Uint8Array {
  try {
    const salt = fromHex(text);
    if (salt.length === SALT_BYTES) return salt;
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
  }
  throw new InvalidArgumentError(`expected ${SALT_BYTES} bytes as ${2 * SALT_BYTES} digits of lower-case hex.`);
}
