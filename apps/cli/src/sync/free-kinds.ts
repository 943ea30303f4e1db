/**
 * The kind that a new table gets where it should have a certain one: that one, unless it was that of a table that has been
 * dropped. Then it is `kind#2`, `kind#3` …, as attach chooses where it is given none.
 */
export function freeKinds(dropped: readonly string[]): (kind: string) => string {
  const taken = new Set(dropped);
  return (kind) => {
    let free = kind;
    for (let suffix = 2; taken.has(free); suffix++) free = `${kind}#${suffix}`;
    return free;
  };
}
