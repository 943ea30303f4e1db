import type { Seconds, Seq, Statement } from "@scidex/audit-core";
import { type Config, isSameShape, type KindHistory } from "./config.ts";
import { isSameKey } from "./key-epochs.ts";

/**
 * A statement of the publisher that the chain bears out: that the rows of a table were compared with what was recorded of
 * them, and recorded anew as the table is now. What the chain says of that itself anyone could have written.
 */
export interface Generation {
  readonly statement: Statement;
  /** The link that records the statement's hash. */
  readonly seq: Seq;
}

/** The generations of each kind, oldest first. */
export type Generations = ReadonlyMap<string, readonly Generation[]>;

export const NO_GENERATIONS: Generations = new Map();

/** The newest configuration of a kind since which rows have other payloads or keys, or may have; undefined where none is. */
export const newestShapeChange = ({ configs }: Pick<KindHistory, "configs">): Config | undefined =>
  configs.findLast((config, i) => {
    const before = configs[i - 1];
    return before !== undefined && !(isSameShape(before, config) && isSameKey(before, config));
  });

/** Whether rows are still to be compared with what was recorded before the shape of their table changed. */
export function isOutstanding(history: KindHistory, generations: readonly Pick<Generation, "statement">[]): boolean {
  const changed = newestShapeChange(history)?.seq;
  if (changed == null || history.current.action === "detach") return false;
  return !isSettled(generations, changed);
}

/** Whether rows have been compared, and recorded anew, since a configuration came into force. */
export const isSettled = (generations: readonly Pick<Generation, "statement">[], since: Seq): boolean =>
  generations.some(({ statement }) => statement.configuration.seq >= since);

/** Whether a statement stands for an event of the role `record`. */
export const isStated = (generations: readonly Generation[], seq: Seq | null): boolean =>
  seq !== null &&
  generations.some(({ statement: { configuration, last } }) => configuration.seq < seq && seq <= last.seq);

/**
 * From where on an event is to be read: the shape that its table had when its rows were compared last, or when it was
 * recorded. What was recorded in another shape until then has got a newer event.
 */
export function readFrom(seq: Seq, generations: readonly Generation[]): Seq {
  return generations.reduce<Seq>(
    (from, { statement: { configuration, last } }) =>
      seq <= last.seq && configuration.seq >= from ? configuration.seq + 1n : from,
    seq,
  );
}

/** Up to which link changes that could not be compared with the event before them have been counted by a statement. */
export const statedTo = (generations: readonly Generation[]): Seq =>
  generations.reduce<Seq>((to, { statement: { last } }) => (last.seq > to ? last.seq : to), 0n);

/** The rows of a table that were recorded anew, as the publisher has stated it. */
export interface RecordedTable {
  /** The link that records the statement. */
  readonly seq: Seq;
  readonly signedTime: Seconds;
  readonly kind: string;
  /** Rows that were compared with what had been recorded of them. */
  readonly compared: number;
  /** Rows that could not be, and changes that could not be compared with the event before them. */
  readonly notCompared: number;
  readonly changesNotCompared: number;
}

/** All generations, in the order of the chain. */
export const recordedTables = (generations: Generations): RecordedTable[] =>
  [...generations.values()]
    .flat()
    .toSorted((a, b) => (a.seq < b.seq ? -1 : 1))
    .map(({ seq, statement: { signedTime, kind, compared, notCompared, changesNotCompared } }) => ({
      seq,
      signedTime,
      kind,
      compared,
      notCompared,
      changesNotCompared,
    }));
