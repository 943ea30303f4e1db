import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/better-sqlite3";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { appendEvent, openLedger, verifyChain } from "../src/index.ts";
import { parseLocation } from "../src/store/location.ts";
import { newFolder, secrets } from "./vectors.ts";

const step = { agent_id: "a", session_id: "s", operation: "task_start" } as const;

describe("a ledger's location", () => {
  test.each([
    ["/a/b.db", "/a/b.db"],
    ["b.db", "b.db"],
    ["sqlite:///relative/b.db", "relative/b.db"],
    ["sqlite:////absolute/b.db", "/absolute/b.db"],
    ["/with spaces/100%/b?.db", "/with spaces/100%/b?.db"],
  ])("%s is the SQLite file %s", (text, path) => {
    expect(parseLocation(text)).toEqual({ dialect: "sqlite", path });
  });

  test.each(["postgres://u:p@h/d", "postgresql://h/d"])("%s is a PostgreSQL database", (url) => {
    expect(parseLocation(url)).toEqual({ dialect: "postgresql", url });
  });

  test.each([
    "",
    "/",
    ":memory:",
    "sqlite://",
    "sqlite:///",
    "sqlite:///:memory:",
    "mysql://u:hidden@h/d",
    "sqlite:///a?mode=ro",
    "a\0b",
  ])("%j is refused without repeating it", (text) => {
    expect(() => parseLocation(text)).toThrow(expect.objectContaining({ code: "database_url" }));
    expect(() => parseLocation(text)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("hidden") }),
    );
  });
});

test("parent folders are created at the first write, and reading creates nothing", async () => {
  const folder = newFolder();
  const path = join(folder, "deep", "er", "ledger.db");
  expect(() => openLedger(path, { access: "read" })).toThrow(expect.objectContaining({ code: "missing_database" }));
  expect(readdirSync(folder)).toEqual([]);
  const ledger = openLedger(path);
  await appendEvent(ledger, step, { secrets });
  await ledger.close();
  expect(existsSync(path)).toBe(true);
  // The existing implementation reads the same file: no journal of another kind stays beside it.
  expect(readdirSync(join(folder, "deep", "er"))).toEqual(["ledger.db"]);
});

test("a second database in one process is a second database", async () => {
  const one = openLedger(join(newFolder(), "one.db"));
  const two = openLedger(join(newFolder(), "two.db"));
  await appendEvent(one, step, { secrets });
  await appendEvent(one, step, { secrets });
  const first = await appendEvent(two, step, { secrets });
  expect(first.prev_hmac).toBeNull();
  expect((await verifyChain(one, "a", { secrets })).events).toBe(2);
  expect((await verifyChain(two, "a", { secrets })).events).toBe(1);
  await one.close();
  await two.close();
});

test("a database without the table is told apart from an agent without events", async () => {
  const path = join(newFolder(), "other.db");
  new Database(path).exec("CREATE TABLE other (id integer)").close();
  const ledger = openLedger(path, { access: "read" });
  await expect(verifyChain(ledger, "a", { secrets })).rejects.toMatchObject({ code: "missing_table" });
  await ledger.close();
  const writer = openLedger(path);
  await appendEvent(writer, step, { secrets });
  expect(await verifyChain(writer, "nobody", { secrets })).toMatchObject({ valid: true, events: 0, head: null });
  await writer.close();
});

test("a reader cannot write, a closed ledger does nothing, and a file that is no database is an error", async () => {
  const path = join(newFolder(), "ledger.db");
  const writer = openLedger(path);
  await appendEvent(writer, step, { secrets });
  await writer.close();
  await expect(appendEvent(writer, step, { secrets })).rejects.toMatchObject({ code: "closed" });
  const reader = openLedger(path, { access: "read" });
  await expect(appendEvent(reader, step, { secrets })).rejects.toMatchObject({ code: "unreachable" });
  await reader.close();
  const other = openLedger(import.meta.filename, { access: "read" });
  await expect(verifyChain(other, "a", { secrets })).rejects.toMatchObject({ code: "unreachable" });
  await other.close();
});

test("a caller's own drizzle database and transaction can be written to", async () => {
  const client = new Database(join(newFolder(), "ledger.db"));
  const db = drizzle(client);
  const first = await appendEvent(db, step, { secrets });
  const second = await appendEvent(db, step, { secrets });
  expect(second.prev_hmac).toBe(first.hmac);
  expect(await verifyChain(db, "a", { secrets })).toMatchObject({ valid: true, events: 2 });
  client.close();
});
