import { attach, migrate } from "@scidex/audit-schema";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, test } from "vitest";
import { appendEvent, verifyChain } from "../src/index.ts";
import { newLedger } from "./databases.ts";
import { secrets } from "./vectors.ts";

test("a ledger on PostgreSQL can be attached: each event is then an event of the audit chain too", async () => {
  const made = await newLedger("postgresql");
  const client = postgres(made.location, { max: 2, onnotice: () => undefined });
  const db = drizzle(client);
  await migrate(db);
  const append = () => appendEvent(made.ledger, { agent_id: "a", session_id: "s", operation: "llm_call" }, { secrets });
  const before = await append();
  await attach(db, "audit_events", { mode: "strict" });
  const after = await Promise.all([append(), append(), append()]);
  const linked = await client<{ event_pk: string }[]>`
    SELECT event_pk FROM audit_chain WHERE event_kind = 'audit_events' ORDER BY seq`;
  expect(linked.map(({ event_pk }) => event_pk).toSorted()).toEqual(after.map(({ id }) => id).toSorted());
  expect(await verifyChain(made.ledger, "a", { secrets })).toMatchObject({ valid: true, events: 4 });
  await expect(client`DELETE FROM audit_events WHERE id = ${before.id}`).rejects.toMatchObject({ code: "AC004" });
  await client.end();
  await made.close();
});
