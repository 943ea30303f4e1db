import { expect, it } from "vitest";
import { connectionLoss } from "../src/index.ts";

const error = (members: object, message = "it failed"): Error => Object.assign(new Error(message), members);

it.each(
  [
    "08000 08003 08006 08P01 25P03 25P04 57P01 57P02 57P03 57P04 57P05",
    "CONNECTION_CLOSED CONNECTION_DESTROYED CONNECTION_ENDED",
    "ECONNABORTED ECONNRESET EPIPE EHOSTUNREACH ENETUNREACH ETIMEDOUT",
  ].flatMap((codes) => codes.split(" ")),
)("%s says that the connection has ended", (code) => {
  expect(connectionLoss(error({ code }))).toBe("ended");
});

it.each(["CONNECT_TIMEOUT", "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"])("%s says that there never was one", (code) => {
  expect(connectionLoss(error({ code }))).toBe("not_made");
});

it("a system code of the call `connect` says that there never was one", () => {
  expect(connectionLoss(error({ code: "ETIMEDOUT", syscall: "connect" }))).toBe("not_made");
  expect(connectionLoss(error({ code: "ETIMEDOUT", syscall: "read" }))).toBe("ended");
});

it.each(["FATAL", "PANIC", "ВАЖНО"])("the server ends a session with severity %s", (severity) => {
  expect(connectionLoss(error({ code: "57P01", severity }))).toBe("ended");
});

it.each(["57P01", "08006"])("%s with severity ERROR is of the server's own connection to another", (code) => {
  expect(connectionLoss(error({ code, severity: "ERROR" }))).toBeUndefined();
});

it.each([
  ["Connection terminated unexpectedly", "ended"],
  ["Connection terminated", "ended"],
  ["Client has encountered a connection error and is not queryable", "ended"],
  ["Client was closed and is not queryable", "ended"],
  ["timeout expired", "not_made"],
  ["timeout exceeded when trying to connect", "not_made"],
] as const)("pg says “%s” without a code", (message, loss) => {
  expect(connectionLoss(error({}, message))).toBe(loss);
  expect(connectionLoss(error({ code: "other" }, message))).toBeUndefined();
});

it.each([
  ["a cancelled statement", error({ code: "57014", severity: "ERROR" })],
  ["a failed serialization", error({ code: "40001", severity: "ERROR" })],
  ["a refused login", error({ code: "28P01", severity: "FATAL" })],
  ["a code that only begins like one", error({ code: "080000" })],
  ["an error without a code", error({})],
  ["an error that a loss has caused", new Error("the page could not be had", { cause: error({ code: "EPIPE" }) })],
  ["what is no error", { code: "08006" }],
  ["nothing", undefined],
])("%s says nothing of the connection", (_what, other) => {
  expect(connectionLoss(other)).toBeUndefined();
});
