import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { appendEvent, openLedger } from "../src/index.ts";
import { DIALECTS, newLedger, pythonLedger, type TestLedger } from "./databases.ts";
import { auditLedger } from "./run-cli.ts";
import { AGENTS, asEvent, copyOfPythonFile, newFolder, secrets, vectors } from "./vectors.ts";

// Each call of the command is a process of its own, and loading it takes seconds on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const open: TestLedger[] = [];
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

const count = vectors.rows.filter((row) => row.agent_id === "agent-a").length;

describe.each(DIALECTS)("audit-ledger on %s", (dialect) => {
  test("verify says whether an agent's chain is valid, and where it is broken", async () => {
    const made = await pythonLedger(dialect);
    open.push(made);
    const verify = ["verify", "--agent-id", "agent-a", "--db", made.location];
    expect(await auditLedger(verify)).toEqual({ code: 0, stdout: `CHAIN VALID (${count} events)\n`, stderr: "" });
    const [row] = vectors.rows;
    await made.attack("UPDATE audit_events SET session_id = 'other' WHERE id = ?", row?.id ?? "");
    expect(await auditLedger(verify)).toEqual({
      code: 1,
      stdout: `CHAIN BROKEN at event ${row?.id} (hmac)\n`,
      stderr: "",
    });
    const json = await auditLedger([...verify, "--json"]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: false,
      events: count,
      brokenAt: { id: row?.id, reason: "hmac" },
    });
  });

  test("verify judges every agent if none is named, and takes the ledger from AUDIT_LEDGER_DB", async () => {
    const made = await pythonLedger(dialect);
    open.push(made);
    const all = await auditLedger(["verify"], { AUDIT_LEDGER_DB: made.location });
    expect(all.code).toBe(0);
    expect(all.stdout.trimEnd().split("\n")).toHaveLength(AGENTS.length);
    // Names are escaped: U+007F must not reach a terminal.
    expect(all.stdout).toContain("agent agent-🔬\\u007f\n");
    const json = await auditLedger(["verify", "--json"], { AUDIT_LEDGER_DB: made.location });
    expect(JSON.parse(json.stdout)).toMatchObject({ valid: true, events: 120 });
  });

  test("an agent without events is valid with none, and said to have none", async () => {
    const made = await pythonLedger(dialect);
    open.push(made);
    expect(await auditLedger(["verify", "--agent-id", "nobody", "--db", made.location])).toEqual({
      code: 0,
      stdout: "CHAIN VALID (0 events)\n",
      stderr: "there are no events\n",
    });
  });

  test("export writes JSON lines or CSV, filtered by agent, session and time", async () => {
    const made = await pythonLedger(dialect);
    open.push(made);
    const lines = await auditLedger(["export", "--db", made.location], { AUDIT_LEDGER_SALT: undefined });
    expect({ code: lines.code, stderr: lines.stderr }).toEqual({ code: 0, stderr: "" });
    const events = lines.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string });
    expect(new Map(events.map((event) => [event.id, event]))).toEqual(
      new Map(vectors.rows.map((row) => [row.id, asEvent(row)])),
    );
    const some = vectors.rows.filter((row) => row.agent_id === "agent-a" && row.session_id === "sess-2");
    const [from, to] = [some[2]?.timestamp, some[5]?.timestamp];
    const csv = await auditLedger([
      "export",
      "--format",
      "csv",
      "--db",
      made.location,
      "--agent-id",
      "agent-a",
      "--session-id",
      "sess-2",
      "--from",
      `${from}Z`,
      "--to",
      `${to}+00:00`,
    ]);
    const [header, ...rows] = csv.stdout.trimEnd().split("\r\n");
    expect(header).toBe(
      "id,timestamp,agent_id,session_id,operation,input_hash,output_hash,model_used,human_oversight_flag,risk_flag,prev_hmac,hmac",
    );
    expect(rows.map((row) => row.split(",")[0])).toEqual(some.slice(2, 5).map((row) => row.id));
  });
});

describe("exit codes", () => {
  test("2 without a secret, with wrong usage and with a location that is none", async () => {
    const db = copyOfPythonFile();
    const missing = await auditLedger(["verify", "--agent-id", "agent-a", "--db", db], {
      AUDIT_LEDGER_SALT: undefined,
    });
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toMatch(/AUDIT_LEDGER_SALT is not set/);
    expect((await auditLedger(["verify", "--agent-id", "a", "--db", db], { AUDIT_LEDGER_SALT: "" })).code).toBe(2);
    expect((await auditLedger(["verify", "--bogus"])).code).toBe(2);
    expect((await auditLedger(["verify", "--agent-id", "a", "--db", "mysql://h/d"])).code).toBe(2);
    expect((await auditLedger(["export", "--db", db, "--from", "yesterday"])).code).toBe(2);
    expect((await auditLedger(["export", "--db", db, "--format", "xml"])).code).toBe(2);
    expect((await auditLedger(["verify", "--without-secret", "--db", db])).code).toBe(2);
  });

  test("3 without such a database, which is not created", async () => {
    const path = join(newFolder(), "deep", "ledger.db");
    for (const command of [["verify", "--agent-id", "a"], ["verify"], ["export"]]) {
      const ended = await auditLedger([...command, "--db", path]);
      expect(ended).toMatchObject({ code: 3, stdout: "" });
      expect(ended.stderr).toContain(`there is no ledger at ${path}`);
    }
    expect(existsSync(join(path, ".."))).toBe(false);
    const json = await auditLedger(["verify", "--json", "--agent-id", "a", "--db", path]);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: "missing_database" } });
  });

  test("3 without a table, and with a server that cannot be reached; no password is printed", async () => {
    const path = join(newFolder(), "empty.db");
    await openLedger(path).close();
    expect((await auditLedger(["verify", "--agent-id", "a", "--db", path])).code).toBe(3);
    const url = "postgres://user:hunter2@127.0.0.1:1/none";
    const ended = await auditLedger(["verify", "--agent-id", "a", "--db", url]);
    expect(ended).toMatchObject({ code: 3, stdout: "" });
    expect(ended.stderr).not.toContain("hunter2");
  });

  test("a secret that was changed is accepted from AUDIT_LEDGER_SALT_PREVIOUS, a line each", async () => {
    const verify = ["verify", "--agent-id", "agent-a", "--db", copyOfPythonFile()];
    expect((await auditLedger(verify, { AUDIT_LEDGER_SALT: "new" })).code).toBe(1);
    const env = { AUDIT_LEDGER_SALT: "new", AUDIT_LEDGER_SALT_PREVIOUS: "older, with a comma\ntest-salt\n" };
    expect((await auditLedger(verify, env)).code).toBe(0);
  });
});

test("CSV is safe to open in a spreadsheet and gives back what was recorded", async () => {
  const made = await newLedger("sqlite");
  open.push(made);
  const texts = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "'quoted",
    '"',
    "a,b",
    "line\r\nbreak",
    "",
    " ",
    "＝1",
    "plain",
  ];
  for (const text of texts)
    await appendEvent(made.ledger, { agent_id: "a", session_id: text, operation: "llm_call" }, { secrets });
  const { stdout } = await auditLedger(["export", "--format", "csv", "--db", made.location]);
  const records = parseCsv(stdout);
  expect(records).toHaveLength(texts.length + 1);
  for (const [n, text] of texts.entries()) {
    const field = records[n + 1]?.[3] ?? "";
    expect(field).not.toMatch(/^\s*[=+\-@＝]/);
    expect(field.replace(/^'/, "")).toBe(text);
  }
  // NULL is an empty field, an empty text is not.
  expect(stdout).toContain(',a,"",llm_call,,,,false,false,');
});

/** RFC 4180, just enough to read back what was written. */
function parseCsv(text: string): string[][] {
  return [...text.matchAll(/((?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\r\n]*))*)\r\n/g)].map(
    ([, line = ""]) =>
      [...`${line},`.matchAll(/("(?:[^"]|"")*"|[^",]*),/g)].map(([, field = ""]) =>
        field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field,
      ),
  );
}
