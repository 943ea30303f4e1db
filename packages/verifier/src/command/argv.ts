import { MAX_SEQ } from "@scidex/audit-core";
import { type CheckGroup, CHECK_GROUPS, type Shard } from "@scidex/audit-reader";
import { DEFAULT_CHECK_GROUPS } from "../verify-options.ts";
import { usage } from "./errors.ts";

/** More connections than that are for nobody's good; there is `--shard` for more machines. */
const MAX_JOBS = 64;

export function parseSeq(option: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,18}$/u.test(text) || BigInt(text) > MAX_SEQ)
    throw usage(`${option} is "${text}"; expected a seq, a whole number of at least 1`);
  return BigInt(text);
}

export function parseCheckGroups(text: string | undefined): readonly CheckGroup[] {
  if (text === undefined) return DEFAULT_CHECK_GROUPS;
  return text.split(",").map((word) => {
    const group = CHECK_GROUPS.find((name) => name === word.trim());
    if (group === undefined) throw usage(`--checks has "${word}"; the groups are ${CHECK_GROUPS.join(", ")}`);
    return group;
  });
}

export function parseShard(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined;
  const [, number, of] = /^([1-9]\d{0,5})\/([1-9]\d{0,5})$/u.exec(text) ?? [];
  if (number === undefined || Number(number) > Number(of))
    throw usage(`--shard is "${text}"; expected K/N, two whole numbers with K from 1 to N, for example 1/4`);
  return { number: Number(number), of: Number(of) };
}

export function parseJobs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d?$/u.test(text) || Number(text) > MAX_JOBS)
    throw usage(`--jobs is "${text}"; expected a whole number from 1 to ${MAX_JOBS}`);
  return Number(text);
}
