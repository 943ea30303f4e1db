import { createHash } from "node:crypto";
import { payloadHash } from "@scidex/audit-core";
import { migrate } from "@scidex/audit-schema";
import { createDatabase, createLogin, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  anchorAgent,
  anchorPk,
  appendEvent,
  LedgerSecrets,
  readAnchors,
  signedText,
  verifyChain,
} from "../src/index.ts";
import { anchorCount, anchorPkPrefix } from "../src/verify/anchor.ts";
import { DIALECTS, newLedger, pythonLedger, type TestLedger } from "./databases.ts";
import { auditLedger, type Ended } from "./run-cli.ts";
import { asEvent, SECRET, secrets, vectors } from "./vectors.ts";

// Each call of the command is a process of its own, and loading it takes seconds on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const AGENT = "agent-a";
const rows = vectors.rows.filter((row) => row.agent_id === AGENT).map(asEvent);

let chain: TestDatabase;
const open: TestLedger[] = [];
beforeEach(async () => {
  chain = await createDatabase();
  await migrate(drizzle(chain.sql));
});
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
  await chain.drop();
});

describe.each(DIALECTS)("anchors of a ledger on %s", (dialect) => {
  async function ledger(): Promise<TestLedger> {
    const made = await pythonLedger(dialect);
    open.push(made);
    return made;
  }

  const run = (made: TestLedger, ...args: string[]): Promise<Ended> =>
    auditLedger([...args, "--db", made.location], { AUDIT_DATABASE_URL: chain.url });

  test("a cut tail and an emptied agent are found, which the links alone cannot show", async () => {
    const made = await ledger();
    const anchored = await run(made, "anchor");
    expect(anchored).toMatchObject({ code: 0, stderr: "" });
    expect(anchored.stdout).toMatch(new RegExp(`^ANCHORED ${rows.length} events at seq \\d+ agent agent-a$`, "m"));
    const verify = ["verify", "--agent-id", AGENT];
    expect(await run(made, ...verify)).toMatchObject({ code: 0, stdout: `CHAIN VALID (${rows.length} events)\n` });

    await made.attack("DELETE FROM audit_events WHERE id = ?", rows.at(-1)?.id ?? "");
    expect(await run(made, ...verify, "--no-anchors")).toMatchObject({ code: 0 });
    expect(await run(made, ...verify)).toEqual({
      code: 1,
      stdout: `CHAIN BROKEN at event ${rows.at(-2)?.id} (truncated)\n`,
      stderr: "",
    });
    await made.attack("DELETE FROM audit_events WHERE agent_id = ?", AGENT);
    expect(await run(made, ...verify)).toMatchObject({ code: 1, stdout: "CHAIN BROKEN at event - (truncated)\n" });
    const all = await run(made, "verify");
    expect(all.code).toBe(1);
    expect(all.stdout).toContain("CHAIN BROKEN at event - (truncated) agent agent-a\n");
    expect(all.stdout.match(/CHAIN VALID/g)).toHaveLength(4);
    await made.attack("DROP TABLE audit_events");
    const dropped = await run(made, "verify");
    expect(dropped.code).toBe(1);
    expect(dropped.stdout.match(/truncated/g)).toHaveLength(5);
  });

  test("what a holder of the secret rewrites is found up to the anchor", async () => {
    const made = await ledger();
    expect((await run(made, "anchor", "--agent-id", AGENT)).code).toBe(0);
    // The last row again, under the secret, with another content.
    const last = rows.at(-1);
    if (last === undefined) throw new Error("no rows");
    await made.attack("DELETE FROM audit_events WHERE id = ?", last.id);
    const forged = await appendEvent(
      made.ledger,
      { agent_id: AGENT, session_id: "forged", operation: "task_end" },
      { secrets },
    );
    const verify = ["verify", "--agent-id", AGENT];
    expect(await run(made, ...verify, "--no-anchors")).toMatchObject({ code: 0 });
    expect(await run(made, ...verify)).toMatchObject({
      code: 1,
      stdout: `CHAIN BROKEN at event ${forged.id} (anchor)\n`,
    });
    // It is not anchored over, either.
    const again = await run(made, "anchor", "--agent-id", AGENT);
    expect(again).toMatchObject({ code: 1, stdout: `CHAIN BROKEN at event ${forged.id} (anchor) agent agent-a\n` });
  });

  test("an auditor without the secret can check the rows that are anchored, and is told which are not", async () => {
    const made = await ledger();
    expect((await run(made, "anchor")).code).toBe(0);
    const args = ["verify", "--agent-id", AGENT, "--without-secret", "--db", made.location];
    const env = { AUDIT_DATABASE_URL: chain.url, AUDIT_LEDGER_SALT: undefined };
    expect(await auditLedger(args, env)).toEqual({
      code: 0,
      stdout: `ANCHORS HOLD (${rows.length} of ${rows.length} events)\n`,
      stderr: "",
    });
    await appendEvent(made.ledger, { agent_id: AGENT, session_id: "s", operation: "task_end" }, { secrets });
    const more = await auditLedger(args, env);
    expect(more).toMatchObject({ code: 3, stdout: `ANCHORS HOLD (${rows.length} of ${rows.length + 1} events)\n` });
    await made.attack("UPDATE audit_events SET model_used = 'another' WHERE id = ?", rows[3]?.id ?? "");
    expect(await auditLedger(args, env)).toMatchObject({
      code: 1,
      stdout: `CHAIN BROKEN at event ${rows.at(-1)?.id} (anchor)\n`,
    });
  });

  test("anchoring is repeatable, grows with the chain, and keeps several ledgers apart by name", async () => {
    const made = await ledger();
    const options = { secrets };
    const first = await anchorAgent(made.ledger, chain.sql, AGENT, options);
    expect((await anchorAgent(made.ledger, chain.sql, AGENT, options)).seq).toBe(first.seq);
    await appendEvent(made.ledger, { agent_id: AGENT, session_id: "s", operation: "task_end" }, { secrets });
    const second = await anchorAgent(made.ledger, chain.sql, AGENT, options);
    expect(second).toMatchObject({ report: { valid: true, anchored: rows.length + 1 }, seq: (first.seq ?? 0n) + 1n });
    const anchors = await readAnchors(chain.sql, AGENT);
    expect(anchors.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([rows.length, rows.length + 1]);
    expect(await verifyChain(made.ledger, AGENT, { secrets, anchors })).toMatchObject({
      valid: true,
      anchored: rows.length + 1,
    });
    const other = await newLedger(dialect);
    open.push(other);
    await appendEvent(other.ledger, { agent_id: AGENT, session_id: "s", operation: "task_start" }, { secrets });
    const named = await anchorAgent(other.ledger, chain.sql, AGENT, { secrets, ledger: "other" });
    expect(named.report).toMatchObject({ valid: true, events: 1 });
    expect(await readAnchors(chain.sql, AGENT, "other")).toHaveLength(1);
    expect((await anchorAgent(other.ledger, chain.sql, "nobody", { secrets })).seq).toBeNull();
  });

  test("rows of a rotated secret, and agents with odd or long names, can be anchored", async () => {
    const made = await newLedger(dialect);
    open.push(made);
    const names = ['a","1"]', "ü研🔬", "\u0001".repeat(900), "%_", " "];
    const rotated = new LedgerSecrets("next", [SECRET]);
    for (const agent_id of names) {
      await appendEvent(made.ledger, { agent_id, session_id: "s", operation: "task_start" }, { secrets });
      await appendEvent(made.ledger, { agent_id, session_id: "s", operation: "task_end" }, { secrets: rotated });
      await anchorAgent(made.ledger, chain.sql, agent_id, { secrets: rotated });
    }
    for (const agent_id of names) {
      const anchors = await readAnchors(chain.sql, agent_id);
      expect(anchors).toHaveLength(1);
      expect(await verifyChain(made.ledger, agent_id, { secrets: rotated, anchors })).toMatchObject({
        valid: true,
        anchored: 2,
      });
    }
    await made.attack("DELETE FROM audit_events WHERE agent_id = ?", "%_");
    const all = await auditLedger(["verify", "--db", made.location], {
      AUDIT_DATABASE_URL: chain.url,
      AUDIT_LEDGER_SALT: "next",
      AUDIT_LEDGER_SALT_PREVIOUS: SECRET,
    });
    expect(all.stdout).toContain("CHAIN BROKEN at event - (truncated) agent %_\n");
  });
});

test("the anchored payload is what its description says", async () => {
  const made = await pythonLedger("sqlite");
  open.push(made);
  await anchorAgent(made.ledger, chain.sql, AGENT, { secrets });
  let digest = Buffer.alloc(32);
  for (const row of rows)
    digest = createHash("sha256")
      .update(digest)
      .update(createHash("sha256").update(signedText(row)).digest())
      .update(row.hmac)
      .digest();
  const [link] = await chain.sql<
    { event_kind: string; event_pk: string; payload_hash: Buffer }[]
  >`SELECT * FROM audit_chain`;
  expect(link).toMatchObject({ event_kind: "ledger_head", event_pk: `["default","agent-a","${rows.length}"]` });
  const payload = {
    agent_id: AGENT,
    count: String(rows.length),
    digest: digest.toString("hex"),
    last_hmac: rows.at(-1)?.hmac,
    ledger: "default",
  };
  expect(link?.payload_hash).toEqual(Buffer.from(payloadHash(payload)));
});

test("a key is read back only for the agent and the count that it was made of", () => {
  expect(anchorCount("default", "a", anchorPk("default", "a", 12))).toBe(12);
  for (const pk of [
    '["default","a","012"]',
    '["default","a","0"]',
    '["default","a","-1"]',
    '["default","a", "1"]',
    '["default","a","1","1"]',
    "a",
  ])
    expect(anchorCount("default", "a", pk)).toBeNull();
  expect(anchorPk("default", 'a","1', 2).startsWith(anchorPkPrefix("default", "a"))).toBe(false);
});

test("a database without an audit chain is said to have none", async () => {
  const none = await createDatabase();
  const made = await pythonLedger("sqlite");
  open.push(made);
  const verify = ["verify", "--agent-id", AGENT, "--db", made.location];
  const explicit = await auditLedger(verify, { AUDIT_DATABASE_URL: none.url });
  expect(explicit.code).toBe(3);
  expect(explicit.stderr).toMatch(/no audit chain/);
  // DATABASE_URL may be of an application that has nothing to do with it.
  const implicit = await auditLedger(verify, { DATABASE_URL: none.url });
  expect(implicit).toMatchObject({
    code: 0,
    stderr: "DATABASE_URL has no audit chain: nothing was compared with anchors\n",
  });
  expect((await auditLedger(["anchor", "--db", made.location])).code).toBe(2);
  await none.drop();
});

test("the writer's role is enough to anchor together with the read-only one, which is enough to compare", async () => {
  const made = await pythonLedger("sqlite");
  open.push(made);
  const writer = await createLogin(chain.sql, { grant: ["scidex_audit_writer", "scidex_audit_ro"] });
  const reader = await createLogin(chain.sql, { grant: ["scidex_audit_ro"] });
  const run = (command: string, url: string) =>
    auditLedger([command, "--agent-id", AGENT, "--db", made.location, "--chain", url]);
  expect((await run("anchor", reader.url)).code).toBe(3);
  expect((await run("anchor", writer.url)).code).toBe(0);
  expect((await run("verify", reader.url)).code).toBe(0);
  await made.attack("DELETE FROM audit_events WHERE id = ?", rows.at(-1)?.id ?? "");
  expect((await run("verify", reader.url)).code).toBe(1);
  await writer.drop();
  await reader.drop();
});
