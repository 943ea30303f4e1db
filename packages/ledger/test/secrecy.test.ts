import { inspect } from "node:util";
import { expect, test, vi } from "vitest";
import { appendEvent, createAuditHandler, LedgerHooks, LedgerSecrets, openLedger, verifyChain } from "../src/index.ts";
import { join } from "node:path";
import { LedgerSpanProcessor } from "../src/otel.ts";
import { newLedger } from "./databases.ts";
import { auditLedger } from "./run-cli.ts";
import { newFolder } from "./vectors.ts";

// Each call of the command is a process of its own, and loading it takes seconds on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const SECRET = "correct horse battery staple";
const PASSWORD = "a-password-of-the-database";

/** Everything that a log or a dump would show of a value. */
function shown(value: unknown): string {
  const parts = [
    inspect(value, { depth: 30, showHidden: true, getters: true }),
    String(value),
    JSON.stringify(value) ?? "",
  ];
  if (value instanceof Error) parts.push(value.stack ?? "", shown(value.cause ?? ""));
  return parts.join("\n");
}

function expectNothingIn(text: string, key: string): void {
  for (const secret of [
    SECRET,
    PASSWORD,
    key,
    Buffer.from(SECRET).toString("hex"),
    Buffer.from(SECRET).toString("base64"),
  ])
    expect(text.includes(secret)).toBe(false);
}

test("neither the secret, nor its key, nor a password is in any object, error or output", async () => {
  const secrets = new LedgerSecrets(SECRET, [`${SECRET} before`]);
  const { signing } = await secrets.keys();
  const key = signing.export().toString("hex");
  const made = await newLedger("sqlite");
  const unreachable = openLedger(`postgres://user:${PASSWORD}@127.0.0.1:1/none`);
  const told: unknown[] = [];
  const options = { agent_id: "a", db: unreachable, secrets, log: (...what: unknown[]) => void told.push(what) };
  const hooks = new LedgerHooks(options);
  const processor = new LedgerSpanProcessor({ agent_id: "a", db: made.ledger, secrets });
  await hooks.onLlmCall({ input: "the prompt itself" });
  const event = await appendEvent(made.ledger, { agent_id: "a", session_id: "s", operation: "llm_call" }, { secrets });
  const report = await verifyChain(made.ledger, "a", { secrets });
  const failure: unknown = await appendEvent(
    unreachable,
    { agent_id: "a", session_id: "s", operation: "llm_call" },
    { secrets },
  ).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  const handler = createAuditHandler({ db: made.ledger, secrets });
  const response = await handler(new Request("http://h/audit?agent_id=a"));
  for (const value of [
    secrets,
    await secrets.keys(),
    made.ledger,
    unreachable,
    hooks,
    processor,
    event,
    report,
    failure,
    told,
    await response.text(),
  ])
    expectNothingIn(shown(value), key);
  expect(shown(told)).not.toContain("the prompt itself");
  expect(JSON.stringify(made.ledger)).toBe('{"dialect":"sqlite"}');
  await hooks.close();
  await unreachable.close();
  const env = { AUDIT_LEDGER_SALT: SECRET, AUDIT_LEDGER_SALT_PREVIOUS: `${SECRET} before` };
  for (const args of [
    ["verify", "--json", "--db", made.location],
    ["verify", "--agent-id", "a", "--db", `postgres://user:${PASSWORD}@127.0.0.1:1/none`],
    ["verify", "--agent-id", "a", "--db", join(newFolder(), "none.db")],
    ["export", "--db", made.location],
    ["anchor", "--db", made.location, "--chain", `postgres://user:${PASSWORD}@127.0.0.1:1/none`],
  ]) {
    const { stdout, stderr } = await auditLedger(args, env);
    expectNothingIn(stdout + stderr, key);
  }
  await made.close();
});
