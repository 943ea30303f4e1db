import { createHmac, createSecretKey } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { hashContent, listAgents, signedText, verifyChain } from "../src/index.ts";
import { decodeRow } from "../src/event/event.ts";
import { sign } from "../src/event/hmac.ts";
import { deriveKey } from "../src/event/key.ts";
import { DIALECTS, pythonLedger, type TestLedger } from "./databases.ts";
import { AGENTS, asEvent, SECRET, secrets, vectors } from "./vectors.ts";

const open: TestLedger[] = [];
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

test("the key of the vectors is derived from their secret", async () => {
  const key = await deriveKey(SECRET);
  expect(key.export().toString("hex")).toBe(vectors.key_hex);
  expect(vectors.rows).toHaveLength(120);
});

test("each Python row's signed text and HMAC is reproduced byte for byte", () => {
  const key = createSecretKey(Buffer.from(vectors.key_hex, "hex"));
  for (const row of vectors.rows) {
    const text = signedText(asEvent(row));
    expect(Buffer.from(text)).toEqual(Buffer.from(row.canonical));
    expect(sign(key, text)).toBe(row.hmac);
    expect(createHmac("sha256", key).update(row.canonical).digest("hex")).toBe(row.hmac);
  }
});

test("content is hashed as text, as bytes, or not at all", () => {
  expect(hashContent("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(hashContent("ü")).toBe(hashContent(new Uint8Array([0xc3, 0xbc])));
  expect(hashContent(null)).toBeNull();
  expect(() => hashContent("\ud800")).toThrow(expect.objectContaining({ code: "invalid_event" }));
});

describe.each(DIALECTS)("on %s", (dialect) => {
  test("all 120 rows that Python wrote verify", async () => {
    const made = await pythonLedger(dialect);
    open.push(made);
    expect(new Set(await listAgents(made.ledger))).toEqual(new Set(AGENTS));
    let events = 0;
    for (const agent of AGENTS) {
      const report = await verifyChain(made.ledger, agent, { secrets });
      expect(report).toMatchObject({ valid: true, agent_id: agent });
      events += report.events;
    }
    expect(events).toBe(120);
  });

  test("each row is read exactly as Python wrote it", async () => {
    const made = await pythonLedger(dialect);
    open.push(made);
    const read = new Map<string, unknown>();
    await made.ledger.store.scan({}, (row) => {
      const event = decodeRow(row);
      if (event !== null) read.set(event.id, event);
    });
    for (const row of vectors.rows) expect(read.get(row.id)).toEqual(asEvent(row));
  });
});
