import { arrayReading } from "./array.ts";
import { characters } from "./characters.ts";
import { type DescribedType, describedType } from "./described-type.ts";
import { type Reading, same, sameWhere } from "./reading.ts";
import type { TypeChange } from "./texts-before.ts";

/** How a text that was written after a change of its type is read. */
export interface WrittenTexts {
  /** The text itself, unless it was that of another value before: `t` of a `text` was `true` as a `boolean`. */
  readonly reading: Reading;
  /**
   * Whether all texts that were another value's before are known and left out. If not, a row that was recorded with just
   * this text may be another one.
   */
  readonly isCertain: boolean;
}

/**
 * A row that is written between a change of a type and the configuration that says so is recorded as a text of the new
 * type, under the old one. Most texts of the new type are none of the old one, or stand for the same value there: a live
 * value with just that text is then what was recorded.
 */
export function textsWritten(change: Pick<TypeChange, "before" | "now">): WrittenTexts {
  return between(describedType(change.before), describedType(change.now));
}

function between(before: DescribedType, now: DescribedType): WrittenTexts {
  if (before.kind === "array" && now.kind === "array") {
    const { reading, isCertain } = between(before.element, now.element);
    return { reading: reading === same ? same : arrayReading(reading), isCertain };
  }
  if (before.kind !== "builtin" || now.kind !== "builtin" || before.name === now.name) return ITSELF;
  if (before.name === "boolean") return certain((text) => text !== "t" && text !== "f");
  const [length = 1] = before.modifiers;
  if (before.name === "character") return certain((text) => characters(text) !== length);
  // 0.1 was a text of a real, and of another value.
  return before.name === "real" ? { reading: same, isCertain: false } : ITSELF;
}

const ITSELF: WrittenTexts = { reading: same, isCertain: true };

const certain = (isNoOldText: (text: string) => boolean): WrittenTexts => ({
  reading: sameWhere(isNoOldText),
  isCertain: true,
});
