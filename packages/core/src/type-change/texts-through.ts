import { describedType } from "./described-type.ts";
import { after, type Reading, same } from "./reading.ts";
import { textsBefore, type TypeChange } from "./texts-before.ts";

/**
 * How the texts of a column are to be read after all changes of its type, one after another: null where its first texts do
 * not follow from those now.
 *
 * @param types descriptions of the column's type, oldest first; two that are equal are no change
 */
export function textsThrough(types: readonly string[]): Reading | null {
  let reading: Reading | null = same;
  for (const change of typeChanges(types)) {
    const isUnclear = mayBeRange(change.before) || mayBeRange(change.now) || mayBeReordered(change);
    const step = isUnclear ? null : textsBefore(change);
    reading = step === null || reading === null ? null : after(step, reading);
  }
  return reading;
}

/**
 * The changes of a column's type. Labels are matched by their places in the enum: ALTER TYPE leaves a renamed one where it
 * is. That is what the change is said to be, and no proof of it: the sentence has to be approved. Where a label stands at
 * another place, labels may have been swapped, or the enum made anew in another order: texts do not follow then.
 */
export function typeChanges(types: readonly string[]): TypeChange[] {
  return types.flatMap((now, i) => {
    const before = types[i - 1];
    if (before === undefined || before === now) return [];
    const labels = renamedLabels(before, now);
    return [labels.size === 0 ? { before, now } : { before, now, labels }];
  });
}

/** Whether one label is called as another one was. */
const mayBeReordered = ({ labels }: TypeChange): boolean =>
  labels !== undefined && [...labels.values()].some((label) => labels.has(label));

function renamedLabels(before: string, now: string): ReadonlyMap<string, string> {
  const [old, current] = [enumOf(before), enumOf(now)];
  if (old === null || current === null || old.name !== current.name) return new Map();
  if (old.labels.length !== current.labels.length) return new Map();
  return new Map(
    old.labels.flatMap((label, i): [string, string][] => {
      const called = current.labels[i];
      return called === undefined || called === label ? [] : [[label, called]];
    }),
  );
}

function enumOf(description: string) {
  const type = describedType(description);
  const element = type.kind === "array" ? type.element : type;
  return element.kind === "enum" ? element : null;
}

/** A range that somebody made is described as a domain is, and its texts are others. */
const mayBeRange = (description: string): boolean => /^"(?:[^"]|"")*"\."(?:[^"]|"")*"(?:\[\])?=/u.test(description);
