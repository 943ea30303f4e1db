import { CommandError } from "./command-error.ts";

/**
 * Refuses members of a configuration's object that are not known, and says which may be meant.
 *
 * @param at the path before their names
 * @throws {CommandError} `configuration`
 */
export function requireKnown(object: object, known: readonly string[], at = ""): void {
  for (const name of Object.keys(object)) {
    if (known.includes(name)) continue;
    const meant = nearestName(name, known);
    const advice = meant === undefined ? `expected ${known.join(", ")}` : `did you mean ${meant}?`;
    throw new CommandError("configuration", `${at}${name} is not known; ${advice}`);
  }
}

/**
 * Of some names the one that was probably meant: at most a third of it, and two letters in a short one, must be changed,
 * added, left out or swapped with its neighbour. Undefined where none is that near.
 */
export function nearestName(text: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({ name, distance: distance(text.toLowerCase(), name.toLowerCase()) }))
    .filter((candidate) => candidate.distance <= Math.max(2, Math.floor(candidate.name.length / 3)))
    .filter((candidate) => candidate.distance < candidate.name.length);
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.name;
}

/** How many letters have to be changed, added, left out or swapped to make one text of another (optimal string alignment). */
function distance(a: string, b: string): number {
  let older: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(before, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? at(older, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(replaced, swapped, at(before, j) + 1, at(row, j - 1) + 1));
    }
    older = before;
    before = row;
  }
  return at(before, b.length);
}

const at = (row: readonly number[], j: number): number => row[j] ?? Number.POSITIVE_INFINITY;
