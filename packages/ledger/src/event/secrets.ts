import type { KeyObject } from "node:crypto";
import { LedgerError } from "../errors.ts";
import { deriveKey } from "./key.ts";

/** The keys that the secrets give: rows are signed with the first, and valid under any. */
export interface LedgerKeys {
  readonly signing: KeyObject;
  readonly accepted: readonly KeyObject[];
}

/**
 * The ledger's secrets, held so that printing, serialising or logging the object shows nothing.
 *
 * New rows are signed with the current secret. A row that fits the current or any previous secret is valid. So a secret
 * that has leaked must not stay among the previous ones: whoever has it can write valid rows.
 */
export class LedgerSecrets {
  readonly #secrets: readonly [string, ...string[]];

  /** @throws {LedgerError} `no_secret` if the current secret, or one of the previous, is empty */
  constructor(current: string, previous: readonly string[] = []) {
    if (current === "") throw new LedgerError("no_secret", "the ledger's secret is empty: set AUDIT_LEDGER_SALT");
    if (previous.includes(""))
      throw new LedgerError("no_secret", "a previous secret is empty: see AUDIT_LEDGER_SALT_PREVIOUS");
    this.#secrets = [current, ...previous];
  }

  /**
   * From `AUDIT_LEDGER_SALT` and `AUDIT_LEDGER_SALT_PREVIOUS` (one secret a line, since a secret may hold a comma).
   *
   * @throws {LedgerError} `no_secret` if `AUDIT_LEDGER_SALT` is not set or empty
   */
  static fromEnvironment(env: Readonly<Record<string, string | undefined>>): LedgerSecrets {
    const current = env["AUDIT_LEDGER_SALT"] ?? "";
    if (current === "")
      throw new LedgerError(
        "no_secret",
        "AUDIT_LEDGER_SALT is not set: it must hold the secret that the ledger's rows are signed with",
      );
    const previous = (env["AUDIT_LEDGER_SALT_PREVIOUS"] ?? "").split(/\r?\n/);
    return new LedgerSecrets(
      current,
      previous.filter((secret) => secret !== ""),
    );
  }

  /** Derives the keys, once per secret and process. */
  async keys(): Promise<LedgerKeys> {
    const [signing, ...older] = await Promise.all([
      deriveKey(this.#secrets[0]),
      ...this.#secrets.slice(1).map(deriveKey),
    ]);
    return { signing, accepted: [signing, ...older] };
  }
}
