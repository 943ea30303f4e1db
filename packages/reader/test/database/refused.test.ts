import postgres from "postgres";
import { expect, it } from "vitest";
import { UnreadablePlanError } from "../../src/database/plan/plan-error.ts";
import { isRefused } from "../../src/database/refused.ts";

const said = (code: string, severity = "ERROR"): Error =>
  Object.assign(new postgres.PostgresError("it failed"), { code, severity });

it.each(["42501", "55P03", "57014", "XX001", "22P02"])("the server refuses one thing with %s", (code) => {
  expect(isRefused(said(code))).toBe(true);
});

it.each([
  ["08006", "FATAL"],
  ["25P04", "FATAL"],
  ["57P01", "FATAL"],
  ["28000", "FATAL"],
  ["3D000", "FATAL"],
  ["53100", "ERROR"],
  ["53200", "ERROR"],
  ["57P01", "ERROR"],
  ["F0000", "ERROR"],
])("the server cannot go on after %s with severity %s", (code, severity) => {
  expect(isRefused(said(code, severity))).toBe(false);
});

it("the server can go on where its own connection to another has ended", () => {
  expect(isRefused(said("08006", "ERROR"))).toBe(true);
});

it("an unreadable plan is refused, an error of a driver or of ours is not", () => {
  expect(isRefused(new UnreadablePlanError("it is cut short"))).toBe(true);
  expect(isRefused(Object.assign(new Error("gone"), { code: "CONNECTION_CLOSED" }))).toBe(false);
  expect(isRefused(new TypeError("not a function"))).toBe(false);
});
