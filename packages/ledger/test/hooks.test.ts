import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { hashAnyContent, hashContent, LedgerHooks, openLedger, verifyChain } from "../src/index.ts";
import { decodeRow } from "../src/event/event.ts";
import { newFolder, secrets } from "./vectors.ts";

let path: string;
let log: string[];
const options = () => ({
  agent_id: "a",
  session_id: "s",
  db: path,
  secrets,
  log: (message: string) => void log.push(message),
});

beforeEach(() => {
  path = join(newFolder(), "ledger.db");
  log = [];
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function recorded(): Promise<string[]> {
  const ledger = openLedger(path, { access: "read" });
  const found: string[] = [];
  await ledger.store.scan({}, (row) => {
    const event = decodeRow(row);
    found.push(`${event?.operation} ${event?.model_used}`);
  });
  expect(await verifyChain(ledger, "a", { secrets })).toMatchObject({ valid: true, events: found.length });
  await ledger.close();
  return found;
}

describe("hooks", () => {
  test("record the steps of a task in the order of the calls, awaited or not", async () => {
    const hooks = new LedgerHooks(options());
    void hooks.onTaskStart({ input: "the task" });
    void hooks.onLlmCall({ input: [{ role: "user", content: "hello" }], output: "hi", model_used: "m" });
    void hooks.onToolCall({ input: { q: 1 }, output: new Uint8Array([1]), model_used: "search" });
    const end = await hooks.onTaskEnd({ output: "done", human_oversight_flag: true, risk_flag: true });
    expect(end).toMatchObject({
      human_oversight_flag: true,
      risk_flag: true,
      output_hash: hashContent("done"),
      input_hash: null,
    });
    expect({ recorded: hooks.recorded, failures: hooks.failures, log }).toEqual({ recorded: 4, failures: 0, log: [] });
    await hooks.close();
    expect(await recorded()).toEqual(["task_start null", "llm_call m", "tool_call search", "task_end null"]);
  });

  test("never throw by default: a failure is told and counted, and the next event is not lost with it", async () => {
    const hooks = new LedgerHooks(options());
    const results = await Promise.all([
      hooks.onTaskStart(),
      hooks.onLlmCall({ agent_id: "" }),
      hooks.onLlmCall({ session_id: "\ud800" }),
      hooks.onToolCall({ model_used: "after" }),
    ]);
    expect(results.map((event) => event?.operation ?? null)).toEqual(["task_start", null, null, "tool_call"]);
    expect({ recorded: hooks.recorded, failures: hooks.failures }).toEqual({ recorded: 2, failures: 2 });
    expect(log[0]).toMatch(/llm_call was not recorded: agent_id must not be empty/);
    await hooks.close();
    expect(await recorded()).toEqual(["task_start null", "tool_call after"]);
  });

  test("go on when a ledger that could not be opened can be opened again", async () => {
    // A file where the folder should be.
    const blocked = join(newFolder(), "blocked");
    writeFileSync(blocked, "");
    path = join(blocked, "ledger.db");
    const hooks = new LedgerHooks(options());
    expect(await hooks.onTaskStart()).toBeNull();
    rmSync(blocked);
    expect(await hooks.onTaskEnd()).toMatchObject({ operation: "task_end" });
    expect(hooks.failures).toBe(1);
    await hooks.close();
    expect(await recorded()).toEqual(["task_end null"]);
  });

  test("with failClosed throw what went wrong, and still record the next event", async () => {
    const hooks = new LedgerHooks({ ...options(), failClosed: true });
    await expect(hooks.onLlmCall({ agent_id: "" })).rejects.toMatchObject({ code: "invalid_event" });
    await hooks.onTaskEnd();
    expect({ recorded: hooks.recorded, failures: hooks.failures, log }).toEqual({ recorded: 1, failures: 1, log: [] });
    await hooks.close();
  });

  test("without a secret fail like with anything else, also where the log itself throws", async () => {
    vi.stubEnv("AUDIT_LEDGER_SALT", "");
    const hooks = new LedgerHooks({
      agent_id: "a",
      db: path,
      log: (message) => {
        log.push(message);
        throw new Error("the log is full");
      },
    });
    expect(await hooks.onTaskStart()).toBeNull();
    expect(log[0]).toMatch(/AUDIT_LEDGER_SALT is not set/);
    await hooks.close();
  });

  test("take any input and hash it before the runtime can change it", async () => {
    const circle: Record<string, unknown> = { name: "circle" };
    circle["self"] = circle;
    const hostile = {
      get trap(): string {
        throw new Error("a getter");
      },
    };
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const inputs: unknown[] = [
      undefined,
      null,
      "",
      "\ud800",
      0,
      Number.NaN,
      1n,
      true,
      Symbol("s"),
      () => 1,
      new Map([[1, 2]]),
      new Date(Number.NaN),
      circle,
      hostile,
      revoked.proxy,
      new Error("e"),
      [undefined],
      new ArrayBuffer(3),
      new DataView(new ArrayBuffer(2)),
    ];
    const hooks = new LedgerHooks(options());
    for (const input of inputs) await hooks.onLlmCall({ input, output: input });
    expect({ recorded: hooks.recorded, failures: hooks.failures, log }).toEqual({
      recorded: inputs.length,
      failures: 0,
      log: [],
    });
    const messages = ["one"];
    const pending = hooks.onLlmCall({ input: messages });
    messages.push("two");
    expect((await pending)?.input_hash).toBe(hashContent('["one"]'));
    await hooks.close();
  });
});

test("objects are hashed as canonical JSON, whatever the order of their members", () => {
  expect(hashAnyContent({ b: 1, a: "ü" })).toBe(hashContent('{"a":"ü","b":1}'));
  expect(hashAnyContent(undefined)).toBeNull();
  expect(hashAnyContent(Buffer.from("abc"))).toBe(hashContent("abc"));
});
