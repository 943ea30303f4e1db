import type { EmbeddedServer } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ON_BUILTIN } from "./builtin-attacks.ts";
import { differencesAfter, MAJORS, said, startMajor } from "./builtin-servers.ts";

const FOUND = ON_BUILTIN.flatMap(({ what, sql, found }) =>
  typeof found === "string" ? [[what, sql, found] as const] : [],
);
/** Where the plan reader refuses what is to be compared. */
const REFUSED = ON_BUILTIN.flatMap(({ what, sql, found }) =>
  typeof found === "string" ? [] : [[what, sql, found] as const],
);

describe.each(MAJORS)("an attack on PostgreSQL %i's own rows is found", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  test.each(REFUSED)("%s", async (_, sql, found) => {
    await expect(differencesAfter(server, [sql])).rejects.toThrow(found);
  });

  test.each(FOUND)("%s", async (_, sql, found) => {
    const differences = await differencesAfter(server, [sql]);
    const sentences = differences.map(said);
    expect(
      sentences.find((sentence) => sentence.startsWith(found)),
      sentences.join("\n"),
    ).toBeDefined();
    // And nothing that was not touched: a view or a table has a row for each of its columns.
    expect(sentences.length).toBeLessThan(20);
  });
});
