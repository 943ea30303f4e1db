import { describe, expect, it } from "vitest";
import { LEAD, MARKS, scaleOf, thin, thinPoints, WIDTH } from "../src/markup/scale.ts";
import { hourly, NOW } from "./sample.ts";

const sink = (...heads: (readonly [time: number, seq: number])[]) => ({
  name: "a",
  heads: heads.map(([time, seq]) => ({ signedTime: BigInt(time), seq: BigInt(seq) })),
});

describe("the scale of the time line", () => {
  it("is none where nothing was published", () => {
    expect(scaleOf([], NOW)).toBeNull();
    expect(scaleOf([sink()], NOW)).toBeNull();
  });

  it("reaches from the first signed time to now, with a lead for the links before", () => {
    const scale = scaleOf([sink([100, 10], [200, 30])], 300);
    expect([scale?.x(100), scale?.x(200), scale?.x(300)]).toEqual([LEAD, (LEAD + WIDTH) / 2, WIDTH]);
    expect([scale?.x(-1e9), scale?.x(1e9)]).toEqual([LEAD, WIDTH]);
  });

  it("has a place also where all happened in one second, or the clock is behind", () => {
    expect(scaleOf([sink([100, 10])], 100)?.x(100)).toBe(LEAD);
    expect(scaleOf([sink([100, 10], [110, 11])], 50)?.end).toBe(110);
  });

  it("finds the time of a link between two heads, and none later than its end", () => {
    const scale = scaleOf([sink([100, 10], [200, 30])], 300);
    expect([1, 10, 20, 30, 31].map((seq) => scale?.timeOf(seq))).toEqual([100, 100, 150, 200, 300]);
  });

  it("takes the longest of what the sinks hold, and no step back", () => {
    const scale = scaleOf([sink([100, 10], [200, 30]), sink([100, 12], [150, 5])], 300);
    expect(scale?.points.map(({ seq }) => seq)).toEqual([12, 30]);
  });

  it("draws no more marks for a hundred thousand heads than the eye can tell apart", () => {
    const scale = scaleOf([{ name: "a", heads: hourly(100_000) }], NOW);
    const { points, x } = scale ?? { points: [], x: () => 0 };
    const marks = thin(points.map(({ time }) => x(time)));
    expect(points).toHaveLength(100_000);
    expect(marks.length).toBeGreaterThan(MARKS / 2);
    expect(marks.length).toBeLessThanOrEqual(MARKS + 1);
    const line = thinPoints(points, x);
    expect(line.length).toBeLessThanOrEqual(MARKS + 2);
    expect([line[0], line.at(-1)]).toEqual([points[0], points.at(-1)]);
  });
});
