import type { Seq } from "@scidex/audit-core";
import { type Config, keyMembers, type KindHistory } from "./config.ts";

/**
 * A stretch of a kind's history in which the same row had the same key. Another key may be chosen, or its type printed in
 * another way: then events of before are about rows whose keys are others now.
 */
export interface KeyEpoch {
  /** The link of the configuration that begins it; its events stand behind. 0 for the first. */
  readonly since: Seq;
  /** The last configuration in it. */
  readonly config: Config;
}

/** The epochs of a kind, oldest first: one at least. */
export function keyEpochs({ configs, current }: Pick<KindHistory, "configs" | "current">): KeyEpoch[] {
  const epochs: KeyEpoch[] = [];
  for (const [i, config] of configs.entries()) {
    const before = configs[i - 1];
    if (before === undefined) epochs.push({ since: 0n, config });
    else if (isSameKey(before, config)) epochs.push({ since: epochs.pop()?.since ?? 0n, config });
    else epochs.push({ since: config.seq ?? 0n, config });
  }
  return epochs.length === 0 ? [{ since: 0n, config: current }] : epochs;
}

/** How many epochs of a kind come after that of a link; 0 for what is pending. */
export const epochsAfter = (starts: readonly Seq[], seq: Seq | null): number =>
  seq === null ? 0 : starts.filter((since) => seq <= since).length;

/** Where the epochs of a kind but the first begin, oldest first. */
export const epochStarts = (history: Pick<KindHistory, "configs" | "current">): Seq[] =>
  keyEpochs(history)
    .slice(1)
    .map(({ since }) => since);

/** Whether the same row has the same key under both. A key column that was only renamed is the same. */
export function isSameKey(before: Config, config: Config): boolean {
  if (keyMembers(before) !== keyMembers(config)) return false;
  const typeOf = ({ columns, columnTypes }: Config, column: string) => columnTypes[columns.indexOf(column)] ?? "";
  return config.keyColumns.every((column, i) =>
    keepsTexts(typeOf(before, before.keyColumns[i] ?? column), typeOf(config, column)),
  );
}

const INTEGERS = ["smallint", "integer", "bigint"];
const TEXTS = /^(?:text|character varying(?:\(\d+\))?)$/u;

/** Whether every value of the first type has the same text as one of the second: as `audit_chain_keyed_since` has it. */
export const keepsTexts = (before: string, now: string): boolean =>
  before === now ||
  (TEXTS.test(before) && TEXTS.test(now)) ||
  (INTEGERS.includes(before) && INTEGERS.includes(now)) ||
  (before.endsWith("}") && now.startsWith(`${before.slice(0, -1)},`));
