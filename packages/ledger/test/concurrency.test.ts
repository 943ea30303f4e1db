import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { appendEvent, type LedgerEvent, openLedger, verifyChain } from "../src/index.ts";
import { decodeRow } from "../src/event/event.ts";
import { DIALECTS, newLedger, pythonLedger, type TestLedger } from "./databases.ts";
import { AGENTS, SECRET, secrets } from "./vectors.ts";

const open: TestLedger[] = [];
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

const script = fileURLToPath(new URL("processes/append-many.ts", import.meta.url));

/** Runs a process that appends, and fails with what it printed if it does not end well. */
async function appendMany(location: string, agent: string, count: number, atOnce = 1): Promise<void> {
  const child = spawn(
    process.execPath,
    ["--conditions=source", script, location, agent, String(count), String(atOnce)],
    { env: { ...process.env, AUDIT_LEDGER_SALT: SECRET }, stdio: ["ignore", "ignore", "pipe"] },
  );
  let printed = "";
  child.stderr.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  expect({ code, printed }).toEqual({ code: 0, printed: "" });
}

async function eventsOf(made: TestLedger, agent: string): Promise<LedgerEvent[]> {
  const events: LedgerEvent[] = [];
  await made.ledger.store.scan({ agent_id: agent }, (row) => {
    const event = decodeRow(row);
    if (event !== null) events.push(event);
  });
  return events;
}

/** What the Python verifier asks for: in the order of their times, each row names the one before. */
function expectInOrderOfTime(events: readonly LedgerEvent[]): void {
  const ordered = events.toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
  let before: LedgerEvent | undefined;
  for (const event of ordered) {
    expect(event.prev_hmac).toBe(before?.hmac ?? null);
    expect(event.timestamp > (before?.timestamp ?? "")).toBe(true);
    before = event;
  }
}

describe.each(DIALECTS)("on %s", (dialect) => {
  test(
    "16 processes that append 200 events each for one agent make one chain of 3,200",
    { timeout: 300_000 },
    async () => {
      const made = await newLedger(dialect);
      open.push(made);
      await Promise.all(Array.from({ length: 16 }, () => appendMany(made.location, "one agent", 200)));
      const report = await verifyChain(made.ledger, "one agent", { secrets });
      expect(report).toMatchObject({ valid: true, events: 3200 });
      expectInOrderOfTime(await eventsOf(made, "one agent"));
    },
  );

  test("many appends at once in one process, for several agents, make one chain each", async () => {
    const made = await newLedger(dialect);
    open.push(made);
    const agents = ["a", "b", "c"];
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        appendEvent(
          made.ledger,
          { agent_id: agents[n % 3] ?? "a", session_id: "s", operation: "tool_call" },
          // A clock that stands still: the times must move on all the same.
          { secrets, clock: () => 1_776_000_000_000_000n },
        ),
      ),
    );
    for (const agent of agents) {
      expect(await verifyChain(made.ledger, agent, { secrets })).toMatchObject({ valid: true, events: 20 });
      expectInOrderOfTime(await eventsOf(made, agent));
    }
  });

  test("a writer that takes no lock cannot fork a chain", async () => {
    const made = await newLedger(dialect);
    open.push(made);
    const append = () =>
      appendEvent(made.ledger, { agent_id: "a", session_id: "s", operation: "llm_call" }, { secrets });
    const first = await append();
    await append();
    const again = `INSERT INTO audit_events SELECT 'forged', "timestamp", agent_id, session_id, operation, input_hash,
      output_hash, model_used, human_oversight_flag, risk_flag, prev_hmac, 'other' FROM audit_events WHERE id = ?`;
    await expect(made.attack(again, first.id)).rejects.toThrow(/unique/i);
    expect(await verifyChain(made.ledger, "a", { secrets })).toMatchObject({ valid: true, events: 2 });
  });

  test("chains that Python began go on, also for two handles in one process", async () => {
    const made = await pythonLedger(dialect);
    open.push(made);
    const second = openLedger(made.location);
    for (const agent_id of AGENTS) {
      const before = await eventsOf(made, agent_id);
      // A clock that is far behind Python's.
      const clock = () => 1_700_000_000_000_000n;
      for (const ledger of [made.ledger, second, made.ledger])
        await appendEvent(ledger, { agent_id, session_id: "s", operation: "task_end" }, { secrets, clock });
      const report = await verifyChain(made.ledger, agent_id, { secrets });
      expect(report).toMatchObject({ valid: true, events: before.length + 3 });
      expectInOrderOfTime(await eventsOf(made, agent_id));
    }
    await second.close();
  });

  test("rows that share a time, and rows of a clock that stepped back, verify and are continued at their end", async () => {
    const made = await newLedger(dialect);
    open.push(made);
    const written: LedgerEvent[] = [];
    for (let n = 0; n < 6; n += 1)
      written.push(
        await appendEvent(
          made.ledger,
          { agent_id: "a", session_id: "s", operation: "llm_call" },
          { secrets, clock: () => 1_700_000_000_500_000n },
        ),
      );
    // Parts of a second are not signed, so a writer without our rule can leave these times behind.
    const times = ["10.900000", "10.100000", "10.100000", "10.100000", "10.000001", "10.000000"];
    for (const [n, event] of written.entries())
      await made.attack(
        `UPDATE audit_events SET "timestamp" = '2023-11-14 22:13:2${times[n]?.slice(1)}${dialect === "sqlite" ? "" : "+00"}' WHERE id = ?`,
        event.id,
      );
    expect(await verifyChain(made.ledger, "a", { secrets })).toMatchObject({ valid: true, events: 6 });
    const next = await appendEvent(
      made.ledger,
      { agent_id: "a", session_id: "s", operation: "task_end" },
      { secrets, clock: () => 0n },
    );
    expect(next.prev_hmac).toBe(written.at(-1)?.hmac);
    expect(next.timestamp).toBe("2023-11-14T22:13:20.900001Z");
    expect(await verifyChain(made.ledger, "a", { secrets })).toMatchObject({ valid: true, events: 7 });
  });
});
