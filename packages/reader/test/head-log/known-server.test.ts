import { expect, test } from "vitest";
import { isNamedOtherwise, isOtherCluster, type KnownServer, parseServer, writtenServer } from "../../src/index.ts";

const KNOWN: KnownServer = { systemIdentifier: "7", database: "d" };

test("a server is read as it is written, and refused where it is not one", () => {
  for (const server of [KNOWN, { ...KNOWN, systemIdentifier: null }])
    expect(parseServer(JSON.parse(JSON.stringify(writtenServer(server))))).toEqual(server);
  for (const odd of [null, undefined, "d", [], {}, { database: "d" }, { system_identifier: 7, database: "d" }])
    expect(parseServer(odd)).toBeUndefined();
  expect(parseServer({ system_identifier: "7", database: null })).toBeUndefined();
});

test("a cluster is another one only where both say which they are", () => {
  expect(isOtherCluster(KNOWN, { ...KNOWN, systemIdentifier: "8" })).toBe(true);
  expect(isOtherCluster(KNOWN, { ...KNOWN, database: "e" })).toBe(false);
  expect(isOtherCluster(KNOWN, { ...KNOWN, systemIdentifier: null })).toBe(false);
  expect(isOtherCluster({ ...KNOWN, systemIdentifier: null }, KNOWN)).toBe(false);
});

test("a database has another name by our URL alone", () => {
  expect(isNamedOtherwise(KNOWN, { ...KNOWN, systemIdentifier: "8" })).toBe(false);
  expect(isNamedOtherwise(KNOWN, { ...KNOWN, database: "e" })).toBe(true);
});
