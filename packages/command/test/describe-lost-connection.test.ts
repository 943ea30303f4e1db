import { expect, it } from "vitest";
import { describeLostConnection } from "../src/index.ts";

const error = (members: object): Error => Object.assign(new Error("it failed"), members);

it.each(["57P01", "CONNECTION_CLOSED", "ECONNRESET", "COPY_IN_PROGRESS"])("%s is told as a lost connection", (code) => {
  expect(describeLostConnection(error({ code }))).toMatch(/^the connection to the database was lost \(it failed\)/);
});

it.each([
  ["a connection that was refused", { code: "ECONNREFUSED" }],
  ["a loss of the server's own connection to another", { code: "08006", severity: "ERROR" }],
  ["a missing right", { code: "42501", severity: "ERROR" }],
  ["an error without a code", {}],
])("%s is told as it is", (_what, members) => {
  expect(describeLostConnection(error(members))).toBeUndefined();
});
