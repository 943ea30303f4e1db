import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { SchemaError } from "../errors.ts";

/** A numbered migration: its statements, and the SHA-256 (hex) of its whole text. */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sha256: string;
  readonly statements: readonly string[];
}

const BREAKPOINT = "--> statement-breakpoint";

/** The folder of numbered SQL: in `dist` in the published package, at the top of the repository in the source. */
function migrationsFolder(): URL {
  for (const place of ["./migrations/", "../../../../migrations/"]) {
    const folder = new URL(place, import.meta.url);
    if (existsSync(new URL("meta/_journal.json", folder))) return folder;
  }
  throw new SchemaError("migrations_missing", "The package's migrations folder is missing: install it again.");
}

function isJournal(value: unknown): value is { entries: { idx: number; tag: string }[] } {
  return typeof value === "object" && value !== null && "entries" in value && Array.isArray(value.entries);
}

/** The migrations that this release ships, in order. */
export function readMigrations(): Migration[] {
  const folder = migrationsFolder();
  const journal: unknown = JSON.parse(readFileSync(new URL("meta/_journal.json", folder), "utf8"));
  if (!isJournal(journal))
    throw new SchemaError("migrations_missing", "The package's migrations journal is not readable.");
  return journal.entries.map(({ idx, tag }) => {
    const text = readFileSync(new URL(`${tag}.sql`, folder), "utf8");
    return {
      id: idx,
      name: tag,
      sha256: createHash("sha256").update(text).digest("hex"),
      statements: text
        .split(BREAKPOINT)
        .map((statement) => statement.trim())
        .filter((statement) => statement !== ""),
    };
  });
}
