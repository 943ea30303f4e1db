import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { appendEvent, exportEvents, hashContent, OPERATIONS } from "../../src/index.ts";
import { DIALECTS, newLedger, pythonLedger, type TestLedger } from "../databases.ts";
import { AGENTS, copyOfPythonFile, SECRET, secrets, vectors } from "../vectors.ts";

const script = fileURLToPath(new URL("../python/recompute.py", import.meta.url));

interface Recomputed {
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly (readonly [string, string])[];
}

/** What Python's standard library makes of the rows. */
function python(source: string, input = ""): Recomputed {
  const ended = spawnSync("python3", [script, source, SECRET], { input, encoding: "utf8" });
  if (ended.error !== undefined)
    throw new Error("these tests need python3: install it, or run only `test`", { cause: ended.error });
  if (ended.status !== 0) throw new Error(`python3 failed: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as Recomputed;
}

async function recompute(made: TestLedger): Promise<Recomputed> {
  if (made.ledger.dialect === "sqlite") return python(made.location);
  let lines = "";
  await exportEvents(made.ledger, "jsonl", {}, async (text) => {
    lines += text;
  });
  return python("-", lines);
}

test("the script agrees with the implementation that wrote the vectors", () => {
  const own = python(copyOfPythonFile());
  expect(own.faults).toEqual([]);
  expect(Object.keys(own.counts).toSorted()).toEqual(AGENTS.toSorted());
});

describe.each(DIALECTS)("rows written here on %s", (dialect) => {
  test("are recomputed by Python, whatever text is in them, also at a clock that stands still or steps back", async () => {
    const made = await newLedger(dialect);
    const texts = ["plain", "ü研🔬", "\u007f\u0080\u2028\uffff", '\u0001\b\t\n\f\r"\\/<&>', "", "'"];
    const agents = texts.filter((text) => text !== "");
    let tick = 0;
    for (let n = 0; n < 120; n += 1) {
      const text = texts[n % texts.length] ?? "";
      await appendEvent(
        made.ledger,
        {
          agent_id: agents[n % agents.length] ?? "a",
          session_id: text,
          operation: OPERATIONS[n % 4] ?? "llm_call",
          input_hash: n % 3 === 0 ? null : hashContent(text),
          output_hash: n % 5 === 0 ? null : hashContent(`${n}`),
          model_used: n % 2 === 0 ? null : text,
          human_oversight_flag: n % 7 === 0,
          risk_flag: n % 11 === 0,
        },
        { secrets, clock: () => 1_776_000_000_000_000n + BigInt([0, 0, 999_999, -5_000_000, 1][(tick += 1) % 5] ?? 0) },
      );
    }
    const found = await recompute(made);
    expect(found.faults).toEqual([]);
    expect(Object.values(found.counts).reduce((sum, n) => sum + n, 0)).toBe(120);
    const [row] = await made.attack("SELECT id FROM audit_events LIMIT 1");
    await made.attack("UPDATE audit_events SET operation = 'other' WHERE id = ?", String(row?.["id"]));
    expect((await recompute(made)).faults).toEqual([[row?.["id"], "hmac"]]);
    await made.close();
  });

  test("that continue the Python implementation's chains are recomputed with them", async () => {
    const made = await pythonLedger(dialect);
    for (const agent_id of AGENTS)
      for (let n = 0; n < 3; n += 1)
        await appendEvent(
          made.ledger,
          { agent_id, session_id: "s", operation: "llm_call" },
          { secrets, clock: () => 0n },
        );
    const found = await recompute(made);
    expect(found.faults).toEqual([]);
    expect(Object.values(found.counts).reduce((sum, n) => sum + n, 0)).toBe(vectors.rows.length + 3 * AGENTS.length);
    await made.close();
  });
});
