import type { FoundObject } from "./found-object.ts";

/**
 * What is another than before, by what it is, as what it was found; missing things as the empty text. The beginnings `the
 * owner of `, `missing rights on ` and `the role ` are for what a restore leaves out: the verifier asks nobody to approve
 * those.
 */
export function mendedBetween(
  before: readonly FoundObject[],
  after: readonly FoundObject[],
): ReadonlyMap<string, string> {
  const was = new Map(before.map((object) => [object.name, object]));
  const mended = new Map<string, string>();
  for (const now of after) {
    const old = was.get(now.name);
    was.delete(now.name);
    if (old === undefined) mended.set(now.name, "");
    else for (const [what, found] of differences(old, now)) mended.set(what, found);
  }
  // What is gone was dropped to be made anew under another name or signature.
  for (const old of was.values()) mended.set(old.name, old.definition);
  return mended;
}

function differences(old: FoundObject, now: FoundObject): [string, string][] {
  const { name } = now;
  const found: [string, string][] = [];
  if (old.definition !== now.definition) found.push([name, old.definition]);
  if (old.owner !== now.owner) found.push([`the owner of ${bare(name)}`, old.owner ?? ""]);
  const had = old.rights ?? [];
  const has = now.rights ?? [];
  const missing = has.filter((right) => !had.includes(right));
  // Rights of which nothing was ever written down let everyone call a function: that is what a restore leaves.
  if (missing.length > 0 || (old.rights === null && now.rights !== null))
    found.push([`missing rights on ${bare(name)}`, old.rights === null ? "none" : had.join(", ")]);
  const more = had.filter((right) => !has.includes(right) && !right.startsWith(`${now.owner} `));
  if (more.length > 0) found.push([`additional rights on ${bare(name)}`, more.join(", ")]);
  return found;
}

const bare = (name: string): string => name.replace(/^the (?:function|table) /, "");
