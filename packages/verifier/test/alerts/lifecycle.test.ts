import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Divergence } from "@scidex/audit-reader";
import { describe, expect, it, onTestFinished } from "vitest";
import { appendAcknowledgement, readAcknowledgements } from "../../src/alerts/memory/acknowledgements.ts";
import { type AlertMemory, EMPTY_MEMORY, formatMemory, parseMemory } from "../../src/alerts/memory/alert-memory.ts";
import {
  dueAgain,
  type Found,
  isOver,
  needsSomebody,
  noteAcknowledged,
  noteDelivered,
  noteFindings,
  pendingOn,
} from "../../src/alerts/memory/lifecycle.ts";

const DAY = 86_400_000;
const at = (day: number): string => new Date(Date.UTC(2026, 10, day)).toISOString();

const edited: Divergence = { check: "source_edited", group: "sources", seq: 7n, message: "the row is another" };
const uncosigned: Divergence = { check: "witness_missing", group: "heads", message: "cosigned by nobody" };
const silent: Divergence = { check: "publisher_silent", group: "heads", message: "nothing was published" };

const CHECKED = { links: "ok", heads: "ok", sources: "ok", coverage: "ok", structure: "ok", access: "ok" } as const;

/** A run that checked everything. */
const run = (memory: AlertMemory, day: number, divergences: readonly Divergence[], other: Partial<Found> = {}) =>
  noteFindings(memory, {
    divergences,
    checks: CHECKED,
    asksWitnesses: true,
    isFull: true,
    channels: ["webhook"],
    now: at(day),
    ...other,
  });

const delivered = (memory: AlertMemory, day: number): AlertMemory =>
  noteDelivered(memory, "webhook", new Set(memory.alerts.map(({ fingerprint }) => fingerprint)), new Date(at(day)));

const acknowledged = (memory: AlertMemory, day: number): AlertMemory =>
  noteAcknowledged(
    memory,
    new Map(memory.alerts.map(({ fingerprint }) => [fingerprint, { by: "mira", at: at(day), reason: "INC-7" }])),
  );

describe("a finding of a row", () => {
  it("that is put back in time does not clear itself: somebody has to acknowledge it", () => {
    const begun = delivered(run(EMPTY_MEMORY, 1, [edited]).memory, 1);
    const gone = run(begun, 2, []).memory;
    expect(gone.alerts).toMatchObject([{ gone: at(2) }]);
    expect([gone.alerts.filter(isOver), gone.alerts.filter(needsSomebody).length]).toEqual([[], 1]);
    // And goes on being said.
    expect(dueAgain(gone, new Date(at(2)), DAY)).toHaveLength(1);
    expect(dueAgain(gone, new Date(Date.parse(at(2)) - 1), DAY)).toEqual([]);
    expect(acknowledged(gone, 2).alerts.filter(isOver)).toHaveLength(1);
  });

  it("that is acknowledged and still there is not over, and is not said again", () => {
    const begun = acknowledged(delivered(run(EMPTY_MEMORY, 1, [edited]).memory, 1), 1);
    const still = run(begun, 9, [edited]);
    expect([still.fresh, still.memory.alerts.filter(isOver)]).toEqual([0, []]);
    expect(dueAgain(still.memory, new Date(at(9)), DAY)).toEqual([]);
    // A receiver that forgets is told all the same.
    expect(dueAgain(still.memory, new Date(at(9)), null)).toHaveLength(1);
    expect(run(still.memory, 10, []).memory.alerts.filter(isOver)).toHaveLength(1);
  });

  it("that comes back is new, whatever was said of the first time", () => {
    const gone = acknowledged(run(delivered(run(EMPTY_MEMORY, 1, [edited]).memory, 1), 2, []).memory, 2);
    const back = run(gone, 3, [edited]);
    expect(back).toMatchObject({ fresh: 1, memory: { alerts: [{ since: at(3), gone: null, acknowledged: null }] } });
    expect(pendingOn(back.memory, "webhook")).toHaveLength(1);
    expect(acknowledged(back.memory, 2).alerts[0]?.acknowledged).toBe(null);
    expect(acknowledged(back.memory, 4).alerts[0]?.acknowledged).toMatchObject({ by: "mira" });
  });

  it.each([
    ["that saw only a part", { isFull: false }],
    ["that could not check the rows", { checks: { ...CHECKED, sources: "unproven" as const } }],
    ["that came to no report", { checks: null, isFull: false }],
  ])("is not gone after a run %s", (_, other) => {
    const begun = run(EMPTY_MEMORY, 1, [edited]).memory;
    expect(run(begun, 2, [], other).memory.alerts).toMatchObject([{ gone: null }]);
  });
});

describe("a publisher that was silent", () => {
  it("is over with the next publication", () => {
    const begun = run(EMPTY_MEMORY, 1, [silent]).memory;
    expect(run(begun, 2, [], { isFull: false }).memory.alerts.filter(isOver)).toHaveLength(1);
  });
});

describe("a head that its witnesses had not cosigned", () => {
  it("is over with one that they have, and not with a run that asks for none", () => {
    const begun = run(EMPTY_MEMORY, 1, [uncosigned]).memory;
    expect(run(begun, 2, [], { asksWitnesses: false }).memory.alerts).toMatchObject([{ gone: null }]);
    expect(run(begun, 2, [], { isFull: false }).memory.alerts.filter(isOver)).toHaveLength(1);
  });
});

describe("the memory", () => {
  it("is read as it was written", () => {
    const memory = acknowledged(run(EMPTY_MEMORY, 1, [edited, silent]).memory, 1);
    expect(parseMemory(formatMemory(memory))).toEqual(memory);
  });
});

describe("the file of acknowledgements", () => {
  it("has the latest word on each finding, and what is no such line acknowledges nothing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "audit-alerts-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const memory = join(folder, "alerts");
    const warnings: string[] = [];
    expect(await readAcknowledgements(memory, warnings)).toEqual(new Map());
    await appendAcknowledgement(memory, ["a", "b"], { by: "mira", at: at(1), reason: "one" });
    await appendAcknowledgement(memory, ["a"], { by: "joe", at: at(2), reason: "two" });
    const words = await readAcknowledgements(memory, warnings);
    expect([words.get("a")?.by, words.get("b")?.by, warnings]).toEqual(["joe", "mira", []]);
    writeFileSync(`${memory}.acknowledged`, '{"fingerprint":"a","by":"x","at":"never","reason":""}\n{"torn');
    expect(await readAcknowledgements(memory, warnings)).toEqual(new Map());
    expect(warnings).toEqual([expect.stringMatching(/line 1 is no/), expect.stringMatching(/line 2 is no/)]);
  });
});
