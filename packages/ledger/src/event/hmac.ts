import { createHmac, timingSafeEqual, type KeyObject } from "node:crypto";

const HMAC = /^[0-9a-f]{64}$/;

/** HMAC-SHA256 (RFC 2104) of the signed text, as 64 lower-case hex digits. */
export function sign(key: KeyObject, signedText: string): string {
  return createHmac("sha256", key).update(signedText, "utf8").digest("hex");
}

/**
 * Whether `hmac` is what one of the keys gives for the text. Compares in constant time; a stored value of another form
 * (upper case, other letters, another length) fits no key and is no error.
 */
export function fits(keys: readonly KeyObject[], signedText: string, hmac: string): boolean {
  if (!HMAC.test(hmac)) return false;
  const stored = Buffer.from(hmac, "hex");
  return keys.some((key) => timingSafeEqual(createHmac("sha256", key).update(signedText, "utf8").digest(), stored));
}
