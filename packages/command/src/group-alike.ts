/** Messages that differ in names and numbers only: the first one, and all of them. */
export interface Alike<T> {
  readonly first: T;
  readonly all: readonly T[];
}

/** Words that a name follows in messages. */
const NAMED = /\b(column|key|role|extension|trigger|rule|index|constraint|table|kind|session) (?:"(?:[^"]|"")*"|\S+)/gu;
/** Names of a relation, in quotes where they need them; or a word with a digit or an underscore. */
const NAME = /(?:"(?:[^"]|"")*"|[\w$]+)(?:\.(?:"(?:[^"]|"")*"|[\w$]+))+|"(?:[^"]|"")*"|[\w$]*[\d_][\w$]*/gu;

/**
 * Puts messages together that differ in names and numbers only, in the order of the first of each: of hundreds of tables
 * nobody reads one sentence hundreds of times. For people alone: two messages that look alike may still differ.
 */
export function groupAlike<T>(items: readonly T[], messageOf: (item: T) => string): Alike<T>[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const form = messageOf(item).replaceAll(NAMED, "$1 …").replaceAll(NAME, "…");
    const group = groups.get(form);
    if (group === undefined) groups.set(form, [item]);
    else group.push(item);
  }
  return [...groups.values()].flatMap((all) => {
    const [first] = all;
    return first === undefined ? [] : [{ first, all }];
  });
}

/** So many alike are still shown one by one. */
export const FEW = 3;

/** Messages for a person, one by one where there are few that are alike; else one of them and how many there are. */
export function briefly(messages: readonly string[]): string[] {
  return groupAlike(messages, (message) => message).flatMap(({ first, all }) =>
    all.length <= FEW ? all : [`${first} (and ${all.length - 1} more like this; --json lists all)`],
  );
}
