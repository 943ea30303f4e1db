import { copyFileSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LedgerSecrets, type LedgerEvent } from "../src/index.ts";

const folder = fileURLToPath(new URL("../../../vectors/ledger/", import.meta.url));

/** A row as Python printed it, with the text that it signed. Its timestamp has no offset. */
export type VectorRow = LedgerEvent & { readonly canonical: string };

export const vectors = JSON.parse(readFileSync(join(folder, "python-written.json"), "utf8")) as {
  readonly salt: string;
  readonly key_hex: string;
  readonly rows: readonly VectorRow[];
  readonly verify: Readonly<Record<string, boolean>>;
};

export const SECRET = vectors.salt;
export const secrets = new LedgerSecrets(SECRET);

export const AGENTS = Object.keys(vectors.verify);

/** A new folder for one test's files. */
export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "audit-ledger-"));
}

/** A copy of the SQLite file that Python wrote. */
export function copyOfPythonFile(): string {
  const copy = join(newFolder(), "python-written.sqlite");
  copyFileSync(join(folder, "python-written.sqlite"), copy);
  return copy;
}

/** The vector's row as an event. */
export function asEvent({ canonical: _canonical, ...row }: VectorRow): LedgerEvent {
  return { ...row, timestamp: `${row.timestamp}Z` };
}
