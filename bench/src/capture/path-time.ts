import { median } from "../measure.ts";
import type { CaptureProcess, PathTime } from "./capture-process.ts";

const PARTS = ["sender", "own", "door"] as const;

/** Processor time of the path from the log into the chain, round by round, in microseconds a row. */
export class PathTimes {
  readonly #rounds: PathTime[] = [];

  /** @param work brings rows into the chain, and returns how many @returns the time of one */
  async measure(capture: CaptureProcess, work: () => Promise<number>): Promise<number> {
    const before = await capture.processorTime();
    const rows = await work();
    const after = await capture.processorTime();
    const of = (part: keyof PathTime) => (after[part] - before[part]) / rows / 1_000;
    const round = { sender: of("sender"), own: of("own"), door: of("door") };
    this.#rounds.push(round);
    return round.sender + round.own + round.door;
  }

  /** Who took how much. */
  toString(): string {
    const [sender, own, door] = PARTS.map((part) => median(this.#rounds.map((round) => round[part])).toFixed(1));
    return `a row: sender ${sender} µs, capture process ${own} µs, door ${door} µs`;
  }
}
