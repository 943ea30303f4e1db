import { createLogin } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterEach, describe, expect, test } from "vitest";
import { appendEvent, hashContent, LedgerSecrets, type NewEvent, verifyChain } from "../src/index.ts";
import { DIALECTS, newLedger, type TestLedger } from "./databases.ts";
import { SECRET, secrets } from "./vectors.ts";

const open: TestLedger[] = [];
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

async function ledger(dialect: (typeof DIALECTS)[number]): Promise<TestLedger> {
  const made = await newLedger(dialect);
  open.push(made);
  return made;
}

const step = { agent_id: "a", session_id: "s", operation: "task_start" } as const;

describe.each(DIALECTS)("on %s", (dialect) => {
  test("an event is written with the defaults of the contract", async () => {
    const made = await ledger(dialect);
    const event = await appendEvent(made.ledger, step, { secrets, clock: () => 1_776_000_000_123_456n });
    expect(event).toEqual({
      ...step,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/) as string,
      timestamp: "2026-04-12T13:20:00.123456Z",
      input_hash: null,
      output_hash: null,
      model_used: null,
      human_oversight_flag: false,
      risk_flag: false,
      prev_hmac: null,
      hmac: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const [stored] = await made.attack(
      dialect === "sqlite"
        ? `SELECT "timestamp", risk_flag, typeof("timestamp") || typeof(risk_flag) AS types FROM audit_events`
        : `SELECT to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS "timestamp", risk_flag,
             pg_typeof("timestamp")::text || pg_typeof(risk_flag)::text AS types FROM audit_events`,
    );
    expect(stored).toEqual(
      dialect === "sqlite"
        ? { timestamp: "2026-04-12 13:20:00.123456", risk_flag: 0, types: "textinteger" }
        : { timestamp: "2026-04-12 13:20:00.123456", risk_flag: false, types: "timestamp with time zoneboolean" },
    );
  });

  test("every kind of text comes back as it was written and signed", async () => {
    const made = await ledger(dialect);
    const texts = [
      "",
      " ",
      "\u0001\u001f\u007f\u0080\u2028",
      "'; DROP TABLE audit_events; --",
      "ü研🔬",
      '%s{}\\"',
      "x".repeat(50_000),
    ];
    for (const text of texts)
      await appendEvent(
        made.ledger,
        { ...step, session_id: text, model_used: text, output_hash: hashContent(text) },
        { secrets },
      );
    expect(await verifyChain(made.ledger, "a", { secrets })).toMatchObject({ valid: true, events: texts.length });
    for (const text of texts.filter((candidate) => candidate !== ""))
      await appendEvent(made.ledger, { ...step, agent_id: text.slice(0, 1000) }, { secrets });
    for (const text of texts.filter((candidate) => candidate !== ""))
      expect(await verifyChain(made.ledger, text.slice(0, 1000), { secrets })).toMatchObject({
        valid: true,
        events: 1,
      });
  });

  test("rows of a secret that was changed stay valid while it is among the previous ones", async () => {
    const made = await ledger(dialect);
    await appendEvent(made.ledger, step, { secrets });
    const rotated = new LedgerSecrets("the next secret", [SECRET]);
    await appendEvent(made.ledger, step, { secrets: rotated });
    expect(await verifyChain(made.ledger, "a", { secrets: rotated })).toMatchObject({ valid: true, events: 2 });
    const forgotten = await verifyChain(made.ledger, "a", { secrets: new LedgerSecrets("the next secret") });
    expect(forgotten.brokenAt?.reason).toBe("hmac");
    expect((await verifyChain(made.ledger, "a", { secrets })).brokenAt?.reason).toBe("hmac");
  });
});

test.each<[string, Partial<Record<keyof NewEvent, unknown>>]>([
  ["no agent", { agent_id: undefined }],
  ["an empty agent", { agent_id: "" }],
  ["an agent that is too long", { agent_id: "ü".repeat(501) }],
  ["half a surrogate pair", { agent_id: "a\ud800" }],
  ["NUL", { session_id: "a\0b" }],
  ["another operation", { operation: "delete" }],
  ["content in the place of a hash", { input_hash: "the prompt" }],
  ["a hash in capitals", { output_hash: "AB".repeat(32) }],
  ["a flag that is no boolean", { risk_flag: 1 }],
  ["a model that is no text", { model_used: 7 }],
])("an event with %s is refused and nothing is written", async (_name, wrong) => {
  const made = await ledger("sqlite");
  const event = { ...step, ...wrong } as NewEvent;
  await expect(appendEvent(made.ledger, event, { secrets })).rejects.toMatchObject({ code: "invalid_event" });
  expect(await made.ledger.store.hasTable()).toBe(false);
});

test("an empty secret is no secret", () => {
  const missing = expect.objectContaining({ code: "no_secret" }) as Error;
  expect(() => new LedgerSecrets("")).toThrow(missing);
  expect(() => LedgerSecrets.fromEnvironment({})).toThrow(missing);
  expect(() => LedgerSecrets.fromEnvironment({ AUDIT_LEDGER_SALT: "" })).toThrow(missing);
});

test("in a caller's PostgreSQL transaction the event is written or not with everything else in it", async () => {
  const made = await ledger("postgresql");
  const client = postgres(made.location, { max: 2 });
  const db = drizzle(client);
  await appendEvent(db, step, { secrets });
  await db.transaction(async (tx) => {
    await appendEvent(tx, step, { secrets });
    await appendEvent(tx, step, { secrets });
  });
  const failing = db.transaction(async (tx) => {
    await appendEvent(tx, step, { secrets });
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  const stale = db.transaction((tx) => appendEvent(tx, step, { secrets }), { isolationLevel: "repeatable read" });
  await expect(stale).rejects.toMatchObject({ code: "isolation" });
  expect(await verifyChain(made.ledger, "a", { secrets })).toMatchObject({ valid: true, events: 3 });
  await client.end();
});

test("a role that may only insert and select can go on with a table that somebody else made without indexes", async () => {
  const made = await ledger("postgresql");
  await appendEvent(made.ledger, step, { secrets });
  await made.attack("DROP INDEX audit_events_one_first");
  const admin = postgres(made.location, { max: 1, onnotice: () => undefined });
  const writer = await createLogin(admin);
  await made.attack(`GRANT SELECT, INSERT ON audit_events TO ${writer.name}`);
  const client = postgres(writer.url, { max: 1 });
  await appendEvent(drizzle(client), step, { secrets });
  await client.end();
  expect(await verifyChain(made.ledger, "a", { secrets })).toMatchObject({ valid: true, events: 2 });
  await writer.drop();
  await admin.end();
});
