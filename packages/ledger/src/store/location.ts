import { LedgerError } from "../errors.ts";

/** Where the ledger is when `AUDIT_LEDGER_DB` is not set. */
export const DEFAULT_LOCATION = "/var/log/molecule/audit_ledger.db";

export type LedgerLocation =
  | { readonly dialect: "sqlite"; readonly path: string }
  | { readonly dialect: "postgresql"; readonly url: string };

/**
 * Reads the forms of `AUDIT_LEDGER_DB`: a path (`/a/b.db`), `sqlite:///relative`, `sqlite:////absolute`, `postgres://…` or
 * `postgresql://…`. A database in memory is refused: a ledger that nobody can read afterwards records nothing.
 *
 * @throws {LedgerError} `database_url`; the message does not repeat the value, which may hold a password
 */
export function parseLocation(text: string): LedgerLocation {
  if (/^postgres(?:ql)?:\/\//.test(text)) return { dialect: "postgresql", url: text };
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1];
  let path = text;
  if (text.startsWith("sqlite:///")) path = text.slice("sqlite:///".length);
  else if (scheme !== undefined && (scheme.length > 1 || text.startsWith(`${scheme}://`)))
    throw refused(`begins with ${scheme}:, which is not a ledger's database`);
  if (path === "" || path === "/") throw refused("names no file");
  if (path.startsWith(":memory:")) throw refused("is in memory, where nobody can read it afterwards");
  if (path.includes("\0")) throw refused("holds a NUL character");
  if (path !== text && path.includes("?")) throw refused("has options after a ?, which are not supported");
  return { dialect: "sqlite", path };
}

function refused(why: string): LedgerError {
  return new LedgerError(
    "database_url",
    `AUDIT_LEDGER_DB ${why}: give a path, sqlite:///relative, sqlite:////absolute or postgresql://host/database`,
  );
}
