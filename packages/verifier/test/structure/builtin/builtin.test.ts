import type { EmbeddedServer } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ON_BUILTIN } from "./builtin-attacks.ts";
import { differencesAfter, MAJORS, said, startMajor } from "./builtin-servers.ts";

describe.each(MAJORS)("an attack on PostgreSQL %i's own rows is found", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startMajor(major);
  });
  afterAll(async () => await server.stop());

  test.each(ON_BUILTIN.map((attack) => [attack.what, attack] as const))("%s", async (_, { sql, found }) => {
    if (typeof found !== "string") {
      await expect(differencesAfter(server, [sql])).rejects.toThrow(found);
      return;
    }
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
