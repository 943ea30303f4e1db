/**
 * Enums. A value is printed as its label (`enum_out`), so that a text stays what it is unless a label was renamed:
 *
 *     {'open','done'}  →  {'open','closed','new'}   with done → closed:   closed reads as done, new as nothing
 *
 * Labels that were swapped by two renames fit every old text and mean the opposite. Which label became which is therefore
 * given by whoever approved it, and never guessed.
 */
import { one, type Reading } from "./reading.ts";

/**
 * An enum whose labels are others now, or whose values are of another enum.
 *
 * @param renamed the labels that are called otherwise now, old ones to new
 * @returns null unless each old label has a new one of its own
 */
export function labelsReading(
  before: readonly string[],
  now: readonly string[],
  renamed: ReadonlyMap<string, string> = new Map(),
): Reading | null {
  const olds = new Map(before.map((label) => [renamed.get(label) ?? label, label]));
  const isOneToOne = olds.size === before.length && [...olds.keys()].every((label) => now.includes(label));
  if (!isOneToOne || [...renamed.keys()].some((label) => !before.includes(label))) return null;
  return one((live) => olds.get(live));
}
