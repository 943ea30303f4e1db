import type { KeyedEvent } from "../read-events.ts";

/**
 * The names of one row's changes in the chain, in the order of seq: each must end in `@` and its own seq. One that ends
 * in the seq of a change of the same kind that stands there is a copy of it, which the unique key would have refused.
 * Holds a number for each change of the row.
 */
export class ChangeNames {
  readonly #seen = new Map<string, Set<bigint>>();

  /** Null for what is no change in the chain, or is named rightly; the seq of what it copies; else `misnamed`. */
  judge({ seq, op, key, eventKind, eventPk }: KeyedEvent): bigint | "misnamed" | null {
    if (seq === null || op === "event") return null;
    if (eventPk === `${key}@${seq}`) {
      const seen = this.#seen.get(eventKind);
      if (seen === undefined) this.#seen.set(eventKind, new Set([seq]));
      else seen.add(seq);
      return null;
    }
    const named = /@([1-9][0-9]{0,18})$/.exec(eventPk)?.[1];
    const copied = named === undefined ? null : BigInt(named);
    return copied !== null && this.#seen.get(eventKind)?.has(copied) === true ? copied : "misnamed";
  }
}
