import { afterEach, describe, expect, test } from "vitest";
import { fits } from "../src/event/hmac.ts";
import { LedgerSecrets, signedText, verifyChain } from "../src/index.ts";
import { DIALECTS, pythonLedger, type TestLedger } from "./databases.ts";
import { asEvent, secrets, vectors, type VectorRow } from "./vectors.ts";

const open: TestLedger[] = [];
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

const AGENT = "agent-a";
const rows = vectors.rows.filter((row) => row.agent_id === AGENT);

function at(index: number): VectorRow {
  const row = rows.at(index);
  if (row === undefined) throw new Error(`the vectors have no row ${index}`);
  return row;
}

const TEXTS = [
  "id",
  "timestamp",
  "agent_id",
  "session_id",
  "operation",
  "input_hash",
  "output_hash",
  "model_used",
  "prev_hmac",
  "hmac",
] as const;
const FLAGS = ["human_oversight_flag", "risk_flag"] as const;

/** Every text that differs from `text` in one bit of its UTF-8 form, as bytes. */
function* bitFlips(text: string): Generator<Buffer> {
  const bytes = Buffer.from(text);
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield changed;
  }
}

test("no single-bit change of any signed text of any row fits its HMAC", async () => {
  const { accepted } = await secrets.keys();
  let changes = 0;
  const unseen: string[] = [];
  for (const row of vectors.rows.map(asEvent)) {
    for (const column of TEXTS) {
      const stored = row[column];
      if (stored === null || column === "hmac") continue;
      for (const bytes of bitFlips(column === "timestamp" ? stored.slice(0, 19) : stored)) {
        // What is no UTF-8 reads as another text in any case.
        const text = signedText({ ...row, [column]: bytes.toString("utf8") });
        changes += 1;
        if (fits(accepted, text, row.hmac)) unseen.push(`${row.id} ${column} ${bytes.toString("latin1")}`);
      }
    }
    for (const flag of FLAGS) expect(fits(accepted, signedText({ ...row, [flag]: !row[flag] }), row.hmac)).toBe(false);
    expect(fits(accepted, signedText(row), row.hmac)).toBe(true);
  }
  expect(unseen).toEqual([]);
  expect(changes).toBeGreaterThan(200_000);
});

describe.each(DIALECTS)("on %s", (dialect) => {
  async function ledger(): Promise<TestLedger> {
    const made = await pythonLedger(dialect);
    open.push(made);
    return made;
  }

  const judge = (made: TestLedger) => verifyChain(made.ledger, AGENT, { secrets });

  // The first, a middle and the last row: at the ends the links help less.
  test.each([0, 7, -1])("each single-bit change in a text of row %i is found at its event", async (index) => {
    const made = await ledger();
    const row = at(index);
    let changes = 0;
    for (const column of TEXTS) {
      const stored = column === "timestamp" ? row.timestamp.replace("T", " ") : row[column];
      if (stored === null) continue;
      let n = 0;
      for (const bytes of bitFlips(stored)) {
        n += 1;
        // On PostgreSQL a sample will do for the long ones: the judging is the same code.
        if (dialect === "postgresql" && n % 13 !== 1) continue;
        const value = bytes.toString("utf8");
        const faithful = Buffer.from(value).equals(bytes);
        if (column === "timestamp") {
          // Parts of a second are not signed: a change from digit to digit there is the one that cannot be seen.
          if (/^\d{6}$/.test(value.slice(20)) && value.slice(0, 20) === stored.slice(0, 20)) continue;
        }
        if (dialect === "postgresql") {
          // The database itself refuses bytes that are no text, NUL, and times that are none.
          if (!faithful || value.includes("\0") || column === "timestamp") continue;
          await made.attack(`UPDATE audit_events SET ${column} = ? WHERE hmac = ?`, value, row.hmac);
        } else {
          // By way of a blob, so that bytes that are no UTF-8 get in as well.
          await made.attack(`UPDATE audit_events SET ${column} = CAST(? AS TEXT) WHERE hmac = ?`, bytes, row.hmac);
        }
        const report = await judge(made);
        const found = column === "id" ? value : row.id;
        expect({ column, bytes, id: report.brokenAt?.id }).toEqual({ column, bytes, id: found });
        changes += 1;
        const key = column === "hmac" ? "id" : "hmac";
        await made.attack(`UPDATE audit_events SET ${column} = ? WHERE ${key} = ?`, stored, row[key]);
      }
    }
    expect(changes).toBeGreaterThan(100);
    expect((await judge(made)).valid).toBe(true);
  });

  test("a flag that is turned over, or is neither true nor false, is found at its event", async () => {
    const made = await ledger();
    // One of each: a reader that takes a 2 for true errs only where a 1 was signed.
    const cases = FLAGS.flatMap((column) =>
      [true, false].map((value) => ({ column, row: rows.find((row) => row[column] === value) ?? at(0) })),
    );
    for (const { column, row } of cases) {
      const stored = dialect === "sqlite" ? [0, 1] : ["false", "true"];
      const other = stored[row[column] ? 0 : 1];
      for (const value of dialect === "sqlite" ? [other, 2, 3, 9, 256, "'t'", "x'01'"] : [other]) {
        await made.attack(`UPDATE audit_events SET ${column} = ${value} WHERE id = ?`, row.id);
        const report = await judge(made);
        expect({ column, value, id: report.brokenAt?.id }).toEqual({ column, value, id: row.id });
      }
      await made.attack(`UPDATE audit_events SET ${column} = ${stored[row[column] ? 1 : 0]} WHERE id = ?`, row.id);
    }
    expect((await judge(made)).valid).toBe(true);
  });

  test("NULL in the place of a text, and a text in the place of NULL, are found", async () => {
    const made = await ledger();
    const row = rows.find((candidate) => candidate.model_used === null && candidate.input_hash !== null);
    if (row === undefined) throw new Error("the vectors have no such row");
    await made.attack("UPDATE audit_events SET model_used = '' WHERE id = ?", row.id);
    expect((await judge(made)).brokenAt).toEqual({ id: row.id, reason: "hmac" });
    await made.attack("UPDATE audit_events SET model_used = NULL, input_hash = NULL WHERE id = ?", row.id);
    expect((await judge(made)).brokenAt).toEqual({ id: row.id, reason: "hmac" });
  });

  test("a time moved by whole seconds is found, whatever form it is moved to", async () => {
    const made = await ledger();
    const row = at(3);
    const moved =
      dialect === "sqlite"
        ? ["2026-11-22 08:37:38.000000", "2026-11-22T08:37:37.809794", "2026-11-22 08:37:37", "1792000000", ""]
        : ["2026-11-22 08:37:36.5+00", "2026-11-22 08:37:37.5+01", "2026-11-22 08:37:37+00 BC", "infinity"];
    for (const time of moved) {
      await made.attack(`UPDATE audit_events SET "timestamp" = '${time}' WHERE id = ?`, row.id);
      expect({ time, id: (await judge(made)).brokenAt?.id }).toEqual({ time, id: row.id });
    }
  });

  test("a deleted row is found at the row after it, a deleted tail is not seen without an anchor", async () => {
    const made = await ledger();
    await made.attack("DELETE FROM audit_events WHERE id = ?", at(4).id);
    expect((await judge(made)).brokenAt).toEqual({ id: at(5).id, reason: "missing" });
    const other = await ledger();
    await other.attack("DELETE FROM audit_events WHERE id = ?", at(0).id);
    expect((await judge(other)).brokenAt).toEqual({ id: at(1).id, reason: "missing" });
    const tail = await ledger();
    await tail.attack("DELETE FROM audit_events WHERE id = ?", at(-1).id);
    expect(await judge(tail)).toMatchObject({ valid: true, events: rows.length - 1 });
  });

  test.each([0, 6, -1])("row %i filed under another agent is found where it stands now", async (index) => {
    const made = await ledger();
    await made.attack("UPDATE audit_events SET agent_id = 'somebody' WHERE id = ?", at(index).id);
    expect((await judge(made)).brokenAt).toEqual({ id: at(index).id, reason: "wrong_agent" });
    expect((await verifyChain(made.ledger, "somebody", { secrets })).brokenAt?.id).toBe(at(index).id);
  });

  test("an HMAC with odd characters is broken and no crash", async () => {
    const made = await ledger();
    const row = at(2);
    for (const hmac of ["", "ü", "🔬".repeat(16), "Z".repeat(64), row.hmac.toUpperCase(), `${row.hmac}0`]) {
      await made.attack("UPDATE audit_events SET hmac = ? WHERE id = ?", hmac, row.id);
      expect((await judge(made)).brokenAt).toEqual({ id: row.id, reason: "hmac" });
    }
  });

  test("a copied row, a forged row and a row that names itself are found", async () => {
    const made = await ledger();
    const row = at(6);
    const copy = `INSERT INTO audit_events SELECT ?, "timestamp", agent_id, session_id, operation, input_hash, output_hash,
      model_used, human_oversight_flag, risk_flag, prev_hmac, hmac FROM audit_events WHERE id = ?`;
    await made.attack(copy, "00000000-0000-4000-8000-000000000000", row.id);
    expect((await judge(made)).brokenAt).toEqual({ id: "00000000-0000-4000-8000-000000000000", reason: "hmac" });
    await made.attack(
      "UPDATE audit_events SET hmac = ?, prev_hmac = ? WHERE id = ?",
      "ab".repeat(32),
      "ab".repeat(32),
      "00000000-0000-4000-8000-000000000000",
    );
    expect((await judge(made)).brokenAt).toEqual({ id: "00000000-0000-4000-8000-000000000000", reason: "hmac" });
  });

  test("two rows exchanged are found at the first of them", async () => {
    const made = await ledger();
    const [one, two] = [at(8), at(9)];
    await made.attack("UPDATE audit_events SET hmac = 'x' WHERE id = ?", one.id);
    await made.attack("UPDATE audit_events SET hmac = ?, prev_hmac = ? WHERE id = ?", one.hmac, one.prev_hmac, two.id);
    await made.attack("UPDATE audit_events SET hmac = ?, prev_hmac = ? WHERE id = ?", two.hmac, two.prev_hmac, one.id);
    const report = await judge(made);
    expect([one.id, two.id]).toContain(report.brokenAt?.id);
    expect(report.brokenAt?.reason).toBe("hmac");
  });

  test("under another secret nothing is valid; under several, what fits any of them is", async () => {
    const made = await ledger();
    const wrong = await verifyChain(made.ledger, AGENT, { secrets: new LedgerSecrets("another") });
    expect(wrong.brokenAt).toEqual({ id: at(0).id, reason: "hmac" });
    const rotated = new LedgerSecrets("another", ["test-salt"]);
    expect((await verifyChain(made.ledger, AGENT, { secrets: rotated })).valid).toBe(true);
  });
});
