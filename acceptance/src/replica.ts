import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { onTestFinished } from "vitest";

/** A streaming replica of a server, made from a copy of its files while it is down for a moment. */
export async function startReplica(primary: EmbeddedServer): Promise<EmbeddedServer> {
  // Beside the primary's folder, which the account that runs PostgreSQL can reach.
  const folder = mkdtempSync(join(dirname(dirname(primary.dataDir)), "audit-acceptance-replica-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o711);
  const dataDir = join(folder, "data");
  await primary.shutdown();
  cpSync(primary.dataDir, dataDir, { recursive: true, preserveTimestamps: true });
  const { uid, gid } = statSync(primary.dataDir);
  await primary.start();
  const { password, port } = new URL(primary.url);
  writeFileSync(join(dataDir, "standby.signal"), "");
  for (const path of ["", ...readdirSync(dataDir, { recursive: true, encoding: "utf8" })])
    chownSync(join(dataDir, path), uid, gid);
  chmodSync(dataDir, 0o700);
  return await startEmbedded({
    dataDir,
    settings: { primary_conninfo: `host=127.0.0.1 port=${port} user=postgres password=${password}` },
  });
}
