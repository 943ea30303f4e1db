import { createSecretKey, pbkdf2, type KeyObject } from "node:crypto";

/** The fixed salt of the derivation; the password is the operator's secret. */
export const KEY_SALT = "molecule-audit-ledger-v1";
export const KEY_ITERATIONS = 210_000;
export const KEY_BYTES = 32;

const derived = new Map<string, Promise<KeyObject>>();

/**
 * Derives the HMAC key: PBKDF2-HMAC-SHA256 (RFC 8018 section 5.2), password = the secret as UTF-8, salt `KEY_SALT`,
 * 210,000 iterations, 32 bytes. Takes about a tenth of a second, so each secret's key is kept for the process's life.
 * A KeyObject shows nothing of itself when it is printed or serialised.
 */
export function deriveKey(secret: string): Promise<KeyObject> {
  const known = derived.get(secret);
  if (known !== undefined) return known;
  const made = new Promise<KeyObject>((resolve, reject) => {
    pbkdf2(secret, KEY_SALT, KEY_ITERATIONS, KEY_BYTES, "sha256", (error, bytes) => {
      if (error === null) resolve(createSecretKey(bytes));
      else reject(error);
    });
  });
  derived.set(secret, made);
  return made;
}
