import { expect, test } from "vitest";
import { anything } from "../../../src/database/plan/parts.ts";
import type { Form } from "../../../src/database/plan/parts.ts";
import { NoPlanError, PlanError } from "../../../src/database/plan/plan-error.ts";
import { UnreadablePlanError } from "../../../src/database/plan/plan-error.ts";
import { type NoticeFields, PlanReader } from "../../../src/database/plan/plan-reader.ts";

const FORM: Form = { statement: "select", plan: anything };
const PLAN: NoticeFields = {
  severity: "LOG",
  message: "plan:",
  routine: "elog_node_display",
  detail: "{PLANNEDSTMT :commandType 1}\n",
};

/** A reader that has read a plan, and expects one. */
function expecting(form: Form = FORM): PlanReader {
  const reader = new PlanReader(() => "UTF8");
  reader.expect(FORM);
  reader.take(PLAN);
  reader.check();
  reader.expect(form);
  return reader;
}

test("a plan that is as expected is believed", () => {
  const reader = expecting();
  reader.take(PLAN);
  expect(() => reader.check()).not.toThrow();
});

test.each<[string, readonly NoticeFields[]]>([
  ["none", []],
  ["two", [PLAN, PLAN]],
  ["one of a function", [{ ...PLAN, where: "PL/pgSQL function f() line 1 at PERFORM" }]],
  ["one that a function only talks about", [{ ...PLAN, routine: "exec_stmt_raise" }]],
  ["one of another severity", [{ ...PLAN, severity: "NOTICE" }]],
  ["a rewritten tree", [{ ...PLAN, message: "rewritten parse tree:" }]],
  ["one without a text", [{ severity: "LOG", message: "plan:", routine: "elog_node_display" }]],
])("%s is refused", (_, notices) => {
  const reader = expecting();
  for (const notice of notices) reader.take(notice);
  expect(() => reader.check()).toThrow(PlanError);
});

test("a plan that nobody has asked for is refused", () => {
  const reader = new PlanReader(() => "UTF8");
  reader.take(PLAN);
  expect(() => reader.checkNone()).toThrow(PlanError);
});

test("a session that has never sent a plan accuses nobody", () => {
  const reader = new PlanReader(() => "UTF8");
  reader.expect(FORM);
  expect(() => reader.check()).toThrow(NoPlanError);
});

test("a plan that cannot be read accuses nobody where others have given the names", () => {
  const unreadable = { ...PLAN, detail: `{A :b\n${"x".repeat(78)}\n1}\n` };
  const ours = expecting();
  ours.take(unreadable);
  expect(() => ours.check()).toThrow(PlanError);
  const theirs = expecting({ ...FORM, hasNames: true });
  theirs.take(unreadable);
  expect(() => theirs.check()).toThrow(UnreadablePlanError);
  expect(theirs.error).toBeNull();
});
