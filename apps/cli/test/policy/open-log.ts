import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { runCli } from "../run-cli.ts";

const ORIGIN = "example.org/orders";

/** A database with an empty chain, and a folder with a log's keys: for who publishes and for who verifies. */
export interface PolicyLog {
  readonly db: ChainDatabase;
  readonly folder: string;
  /** Where the policy shall be. */
  readonly file: string;
  readonly env: Record<string, string>;
  close(): Promise<void>;
}

/** @param sinks names of files in the folder */
export async function openLog(...sinks: readonly string[]): Promise<PolicyLog> {
  const db = await chainDatabase();
  const folder = await mkdtemp(join(tmpdir(), "audit-policy-"));
  const { stdout } = await runCli(["keygen", "--name", ORIGIN, "--out", join(folder, "key")]);
  await writeFile(join(folder, "vkeys"), stdout);
  return {
    db,
    folder,
    file: join(folder, "policy.json"),
    env: {
      AUDIT_ORIGIN: ORIGIN,
      AUDIT_SINKS: sinks.map((name) => `file:${join(folder, name)}`).join(","),
      AUDIT_VERIFIER_KEYS: join(folder, "vkeys"),
      AUDIT_SIGNING_KEY_FILE: join(folder, "key"),
    },
    close: async () => {
      await db.drop();
      await rm(folder, { recursive: true });
    },
  };
}
