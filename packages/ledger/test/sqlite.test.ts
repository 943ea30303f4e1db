import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { appendEvent, listAgents, openLedger, verifyChain } from "../src/index.ts";
import { newFolder, secrets } from "./vectors.ts";

const step = { agent_id: "a", session_id: "s", operation: "llm_call", model_used: "m" } as const;

async function tampered(change: string): Promise<string> {
  const path = join(newFolder(), "ledger.db");
  const ledger = openLedger(path);
  await appendEvent(ledger, step, { secrets });
  await ledger.close();
  const other = new Database(path);
  other.exec(`UPDATE audit_events SET ${change}`);
  other.close();
  return path;
}

// Older releases of node:sqlite read a text up to its first NUL, and would take both for what was signed.
test.each(["session_id", "model_used", "hmac"])("what was put behind a NUL in %s is found", async (column) => {
  const ledger = openLedger(await tampered(`${column} = ${column} || char(0) || 'x'`), { access: "read" });
  expect(await verifyChain(ledger, "a", { secrets })).toMatchObject({
    valid: false,
    brokenAt: { reason: "malformed" },
  });
  await ledger.close();
});

test("an agent whose name goes on behind a NUL is listed as another", async () => {
  const ledger = openLedger(await tampered("agent_id = 'a' || char(0) || 'b'"), { access: "read" });
  expect(await listAgents(ledger)).toEqual(["a\0b"]);
  expect(await verifyChain(ledger, "a\0b", { secrets })).toMatchObject({ valid: false });
  await ledger.close();
});

test("an integer that no JavaScript number holds is malformed, and no error of the driver's", async () => {
  const ledger = openLedger(await tampered("risk_flag = 1152921504606846976"), { access: "read" });
  expect(await verifyChain(ledger, "a", { secrets })).toMatchObject({
    valid: false,
    brokenAt: { reason: "malformed" },
  });
  await ledger.close();
});

test("opening a ledger says nothing on stderr, and leaves other warnings to be heard", () => {
  const index = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const program = `
    const { openLedger } = await import(${JSON.stringify(index)});
    await openLedger(${JSON.stringify(join(newFolder(), "ledger.db"))}).close();
    process.emitWarning("heard");`;
  const args = ["--conditions=source", "--input-type=module", "--eval", program];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  expect(stderr).toMatch(/^\(node:\d+\) Warning: heard\n/);
  expect(stderr).not.toContain("SQLite");
});
