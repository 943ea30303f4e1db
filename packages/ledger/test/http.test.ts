import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAuditHandler, type LedgerEvent } from "../src/index.ts";
import { DIALECTS, pythonLedger, type TestLedger } from "./databases.ts";
import { asEvent, newFolder, SECRET, secrets, vectors } from "./vectors.ts";

interface Body {
  readonly events: LedgerEvent[];
  readonly total: number;
  readonly chain_valid: boolean | null;
}

const mine = vectors.rows.filter((row) => row.agent_id === "agent-a").map(asEvent);

describe.each(DIALECTS)("GET …/audit on %s", (dialect) => {
  let made: TestLedger;
  let handler: (request: Request) => Promise<Response>;
  beforeEach(async () => {
    made = await pythonLedger(dialect);
    handler = createAuditHandler({ db: made.ledger, secrets });
  });
  afterEach(() => made.close());

  async function get(query: Record<string, string>): Promise<Body> {
    const response = await handler(new Request(`http://h/api/v1/audit?${new URLSearchParams(query).toString()}`));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    return (await response.json()) as Body;
  }

  test("gives an agent's events, how many there are, and whether its chain is valid", async () => {
    expect(await get({ agent_id: "agent-a" })).toEqual({ events: mine, total: mine.length, chain_valid: true });
    expect(await get({ agent_id: "nobody" })).toEqual({ events: [], total: 0, chain_valid: true });
  });

  test("filters by session and by time, from inclusive and to exclusive", async () => {
    const session = mine.filter((event) => event.session_id === "sess-1");
    expect(await get({ agent_id: "agent-a", session_id: "sess-1" })).toMatchObject({
      events: session,
      total: session.length,
    });
    const [from, to] = [mine[10]?.timestamp ?? "", mine[20]?.timestamp ?? ""];
    expect((await get({ agent_id: "agent-a", from, to })).events).toEqual(mine.slice(10, 20));
    // The same instants two hours to the east, and a bound between two microseconds.
    const east = (time: string) => time.replace("T08", "T10").replace("Z", "+02:00");
    expect((await get({ agent_id: "agent-a", from: east(from), to: east(to) })).events).toEqual(mine.slice(10, 20));
    const between = from.replace("Z", "1Z");
    expect((await get({ agent_id: "agent-a", from: between, to })).events).toEqual(mine.slice(11, 20));
  });

  test("pages with limit and offset: 100 by default, 500 at most", async () => {
    expect((await get({})).events).toHaveLength(100);
    expect((await get({ limit: "100000" })).events).toHaveLength(120);
    const page = await get({ agent_id: "agent-a", limit: "5", offset: "60" });
    expect(page).toEqual({ events: mine.slice(60, 65), total: mine.length, chain_valid: true });
  });

  test("judges the whole chain whatever page is shown", async () => {
    await made.attack(
      "UPDATE audit_events SET operation = 'tool_call', session_id = 'x' WHERE id = ?",
      mine[50]?.id ?? "",
    );
    expect((await get({ agent_id: "agent-a", limit: "1" })).chain_valid).toBe(false);
    expect((await get({ agent_id: "agent-a", session_id: "nothing" })).chain_valid).toBe(false);
    expect((await get({ agent_id: "研究-agent" })).chain_valid).toBe(true);
  });

  test("says null where validity cannot be judged: no agent, no secret", async () => {
    expect((await get({})).chain_valid).toBeNull();
    vi.stubEnv("AUDIT_LEDGER_SALT", "");
    handler = createAuditHandler({ db: made.ledger });
    expect((await get({ agent_id: "agent-a" })).chain_valid).toBeNull();
    vi.stubEnv("AUDIT_LEDGER_SALT", SECRET);
    expect((await get({ agent_id: "agent-a" })).chain_valid).toBe(true);
    vi.unstubAllEnvs();
  });

  test.each([
    "limit=0",
    "limit=-1",
    "limit=ten",
    "limit=1.5",
    "offset=-1",
    "offset=x",
    "from=yesterday",
    "from=2026-02-30T00:00:00Z",
    "from=2026-04-28",
    "to=2026-04-28T12:00:00",
    "agent_id=a&agent_id=b",
    "agent_id=%00",
    "unknown=1",
  ])("answers 400 to %s", async (query) => {
    const response = await handler(new Request(`http://h/audit?${query}`));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.any(String) as string });
  });
});

test("only GET and HEAD, only its own path, and only those who may", async () => {
  const handler = createAuditHandler({
    db: join(newFolder(), "none.db"),
    secrets,
    authorize: (request) => request.headers.has("x-key"),
  });
  const headers = { "x-key": "1" };
  expect((await handler(new Request("http://h/other"))).status).toBe(404);
  const post = await handler(new Request("http://h/audit", { method: "POST", body: "{}" }));
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  expect((await handler(new Request("http://h/audit"))).status).toBe(403);
  const missing = await handler(new Request("http://h/audit", { headers }));
  expect(missing.status).toBe(503);
  // Where the file would be is not the client's business.
  expect(await missing.json()).toEqual({ error: "the ledger cannot be read" });
});
