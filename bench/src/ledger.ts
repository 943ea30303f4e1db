import { spawnSync } from "node:child_process";
import { createHmac, pbkdf2Sync, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { appendEvent, LedgerSecrets, openLedger, signedText, verifyChain } from "@scidex/audit-ledger";
import { type Measurement, median, milliseconds, ratioOf, rounds } from "./measure.ts";

const ROWS = 100_000;
const SECRET = "benchmark";
const AGENT = "agent-7";
const PYTHON = fileURLToPath(new URL("./ledger.py", import.meta.url));

/** One agent's chain on SQLite, against Python's standard library. */
export async function benchLedger(): Promise<Measurement[]> {
  const folder = await mkdtemp(join(tmpdir(), "audit-bench-"));
  try {
    const file = join(folder, "ledger.db");
    await fill(file);
    const figures = await rounds(3, {
      ours: async () =>
        await milliseconds(async () => {
          await using ledger = openLedger(file, { access: "read" });
          const report = await verifyChain(ledger, AGENT, { secrets: new LedgerSecrets(SECRET) });
          if (!report.valid || report.events !== ROWS)
            throw new Error(`the ledger is broken: ${JSON.stringify(report)}`);
        }),
      python: async () => {
        const { status, stdout, stderr } = spawnSync("python3", [PYTHON, file, SECRET, AGENT], { encoding: "utf8" });
        if (status !== 0) throw new Error(`python3 failed: ${stderr}`);
        return Number(stdout) * 1_000;
      },
    });
    return [
      {
        name: "ledger verify, SQLite, 100,000 rows",
        value: median(figures.ours),
        unit: "ms",
        against: { name: "Python's standard library", value: median(figures.python) },
        ratio: ratioOf(figures.python, figures.ours),
        target: { ratio: 3, is: "at least" },
        note: "times as fast",
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The first row through the door, which makes the table; the others by hand, in one transaction. */
async function fill(file: string): Promise<void> {
  const secrets = new LedgerSecrets(SECRET);
  const members = {
    agent_id: AGENT,
    session_id: "conversation-1",
    operation: "llm_call",
    model_used: "model-x",
  } as const;
  await using ledger = openLedger(file);
  let { hmac } = await appendEvent(ledger, members, { secrets, clock: () => 1_776_000_000_000_000n });
  const key = pbkdf2Sync(SECRET, "molecule-audit-ledger-v1", 210_000, 32, "sha256");
  const db = new DatabaseSync(file);
  const insert = db.prepare("insert into audit_events values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  db.exec("begin");
  for (let n = 1; n < ROWS; n++) {
    const at = new Date(1_776_000_000_000 + n * 10).toISOString();
    const row = {
      id: randomUUID(),
      timestamp: at,
      ...members,
      input_hash: "a".repeat(64),
      output_hash: null,
      human_oversight_flag: false,
      risk_flag: n % 7 === 0,
      prev_hmac: hmac,
    };
    hmac = createHmac("sha256", key).update(signedText(row)).digest("hex");
    const stored = `${at.slice(0, 10)} ${at.slice(11, 23)}000`;
    insert.run(
      row.id,
      stored,
      AGENT,
      row.session_id,
      row.operation,
      row.input_hash,
      null,
      row.model_used,
      0,
      row.risk_flag ? 1 : 0,
      row.prev_hmac,
      hmac,
    );
  }
  db.exec("commit");
  db.close();
}
