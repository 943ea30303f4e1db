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

/** A reader that has read a plan, and what it expects next. */
function expecting(form: Form = FORM) {
  const reader = new PlanReader(() => "UTF8");
  const before = reader.expect(FORM);
  reader.take(PLAN);
  before.check();
  reader.end(before);
  return { reader, expected: reader.expect(form) };
}

test("a plan that is as expected is believed", () => {
  const { reader, expected } = expecting();
  reader.take(PLAN);
  expect(() => expected.check()).not.toThrow();
  expect(reader.error).toBeNull();
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
  const { reader, expected } = expecting();
  for (const notice of notices) reader.take(notice);
  expect(() => expected.check()).toThrow(PlanError);
});

test("a plan that nobody has asked for is refused", () => {
  const reader = new PlanReader(() => "UTF8");
  reader.take(PLAN);
  expect(reader.error).toBeInstanceOf(PlanError);
});

test("a plan of a command is refused", () => {
  const reader = new PlanReader(() => "UTF8");
  reader.expect(null);
  reader.take(PLAN);
  expect(reader.error).toBeInstanceOf(PlanError);
});

const OTHER: Form = { statement: "select 2", plan: () => "another" };

test("plans of statements that were sent together belong to each in turn", () => {
  const reader = new PlanReader(() => "UTF8");
  const [command, first, second] = [reader.expect(null), reader.expect(FORM), reader.expect(OTHER)];
  reader.end(command);
  reader.take(PLAN);
  first.check();
  expect(reader.error).toBeNull();
  reader.end(first);
  reader.take(PLAN);
  expect(() => second.check()).toThrow(PlanError);
});

test("a second plan does not pass for that of the statement behind", () => {
  const reader = new PlanReader(() => "UTF8");
  const [first, second] = [reader.expect(FORM), reader.expect(FORM)];
  reader.take(PLAN);
  reader.take(PLAN);
  expect(reader.error).toBeInstanceOf(PlanError);
  expect(() => first.check()).toThrow(PlanError);
  reader.end(first);
  expect(() => second.check()).toThrow(PlanError);
});

test("a session that has never sent a plan accuses nobody", () => {
  const expected = new PlanReader(() => "UTF8").expect(FORM);
  expect(() => expected.check()).toThrow(NoPlanError);
});

test("a plan that cannot be read accuses nobody where others have given the names", () => {
  const unreadable = { ...PLAN, detail: `{A :b\n${"x".repeat(78)}\n1}\n` };
  const ours = expecting();
  ours.reader.take(unreadable);
  expect(() => ours.expected.check()).toThrow(PlanError);
  const theirs = expecting({ ...FORM, hasNames: true });
  theirs.reader.take(unreadable);
  expect(() => theirs.expected.check()).toThrow(UnreadablePlanError);
  expect(theirs.reader.error).toBeNull();
});
