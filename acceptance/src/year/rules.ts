import { readFileSync, writeFileSync } from "node:fs";
import { auditChain, expectExit } from "./commands.ts";
import type { Platform } from "./platform.ts";

/** What the auditor has decided before anything happens: his rules stand in the first policy. */
export async function writeRules({ policyFile, privacyKey }: Platform): Promise<void> {
  const made = await auditChain(["keygen", "--erasure", "--name", "privacy.example.org", "--out", privacyKey], {});
  const vkey = expectExit("keygen", made, 0).stdout.trim();
  const policy = JSON.parse(readFileSync(policyFile, "utf8")) as { tables: Record<string, object> };
  const { "desk.letters": letters, "desk.persons": persons } = policy.tables;
  const tables = {
    ...policy.tables,
    "desk.letters": { ...letters, retention: "PT1S" },
    "desk.persons": { ...persons, erasure: [vkey] },
  };
  writeFileSync(policyFile, JSON.stringify({ ...policy, tables }));
}
