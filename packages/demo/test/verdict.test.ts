import { describe, expect, it } from "vitest";
import { judgeAttack, judgeClean } from "../src/verdict.ts";

describe("the demo's verdicts", () => {
  const report = (status: string, divergences: object[]): string => JSON.stringify({ status, rows: 9, divergences });
  const edited = { check: "source_edited", seq: 7 };

  it("are wrong for a clean state that is not called intact", () => {
    expect(judgeClean({ exit: 0, stdout: report("intact", []) }).right).toBe(true);
    expect(judgeClean({ exit: 3, stdout: report("unproven", []) }).right).toBe(false);
    expect(judgeClean({ exit: 1, stdout: report("tampered", [edited]) }).right).toBe(false);
    expect(judgeClean({ exit: 0, stdout: report("tampered", [edited]) }).right).toBe(false);
  });

  it("are wrong for an attack that was missed, or found by another check or elsewhere", () => {
    const expected = { check: "source_edited", seq: 7 };
    expect(
      judgeAttack({ exit: 1, stdout: report("tampered", [{ check: "gap", seq: 2 }, edited]) }, expected).right,
    ).toBe(true);
    expect(judgeAttack({ exit: 0, stdout: report("intact", []) }, expected).right).toBe(false);
    expect(judgeAttack({ exit: 1, stdout: report("tampered", [{ check: "gap", seq: 7 }]) }, expected).right).toBe(
      false,
    );
    expect(judgeAttack({ exit: 1, stdout: report("tampered", [{ ...edited, seq: 8 }]) }, expected).right).toBe(false);
    expect(judgeAttack({ exit: 3, stdout: report("tampered", [edited]) }, expected).right).toBe(false);
  });
});
