import { type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Attack, ON_CATALOG, ON_FUNCTIONS, ON_RELATIONS, ON_TRIGGERS } from "./structure-attacks.ts";
import { lookAtStructure, openAudited, said } from "../structure-database.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

const named = (attacks: readonly Attack[]) => attacks.map((attack): [string, Attack] => [attack.what, attack]);

async function expectFound(attack: Attack): Promise<void> {
  await using database = await openAudited(server);
  await database.sql.unsafe(attack.sql);
  const looked = await lookAtStructure(database.sql);
  const found = looked.findings.filter(({ check, message }) => check === attack.check && attack.where.test(message));
  expect(found, said(looked).join("\n")).toHaveLength(1);
  expect(found[0]?.expected).not.toBe(found[0]?.actual);
  expect(found[0]?.eventKind).toBe(attack.kind ?? found[0]?.eventKind);
}

describe("an attack on a trigger is found", () => {
  test.each(named(ON_TRIGGERS))("%s", async (_, attack) => await expectFound(attack));
});

describe("an attack on a function is found", () => {
  test.each(named(ON_FUNCTIONS))("%s", async (_, attack) => await expectFound(attack));
});

describe("an attack on a relation is found", () => {
  test.each(named(ON_RELATIONS))("%s", async (_, attack) => await expectFound(attack));
});

describe("an attack on the catalog is found", () => {
  test.each(named(ON_CATALOG))("%s", async (_, attack) => await expectFound(attack));
});
