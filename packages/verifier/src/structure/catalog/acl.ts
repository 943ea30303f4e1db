import { parseArrayText } from "@scidex/audit-reader";

/** One entry of an access control list: what a role may do with an object. */
export interface Grant {
  /** The role's name; `PUBLIC` for everyone. */
  readonly grantee: string;
  /** PostgreSQL's letters (documentation, 5.8 "Privileges"), each followed by `*` where it may be passed on. */
  readonly privileges: readonly string[];
}

/** How everyone is called in grants and in findings. */
export const PUBLIC = "PUBLIC";

/**
 * Reads the text of an `aclitem[]`: `{owner=arwd/owner,"\"odd name\"=r/owner",=X/owner}`. Grants of one grantee by
 * several grantors are joined.
 *
 * @throws {VerifierError} `protocol` for a text that is not an array
 */
export function parseAcl(text: string): Grant[] {
  const byGrantee = new Map<string, Set<string>>();
  for (const item of parseArrayText(text)) {
    const { name, rest } = readName(item);
    const [, letters = ""] = /^=([A-Za-z*]*)/u.exec(rest) ?? [];
    const grantee = name === "" ? PUBLIC : name;
    const held = byGrantee.get(grantee) ?? new Set();
    for (const [letter] of letters.matchAll(/[A-Za-z]\*?/gu)) held.add(letter);
    byGrantee.set(grantee, held);
  }
  return [...byGrantee].map(([grantee, held]) => ({ grantee, privileges: [...held].toSorted() }));
}

/** A role's name at the beginning of an aclitem: in double quotes where it has anything but letters and digits. */
function readName(item: string): { name: string; rest: string } {
  const [whole = "", quoted] = /^"((?:[^"]|"")*)"/u.exec(item) ?? [];
  if (quoted !== undefined) return { name: quoted.replaceAll('""', '"'), rest: item.slice(whole.length) };
  const end = item.indexOf("=");
  return { name: item.slice(0, end), rest: item.slice(end) };
}

/** What a list that was never set means: everyone may call a function, and enter a database; else only the owner may. */
export const DEFAULT_FUNCTION_ACL: readonly Grant[] = [{ grantee: PUBLIC, privileges: ["X"] }];

const WORDS: Readonly<Record<string, string>> = {
  r: "SELECT",
  a: "INSERT",
  w: "UPDATE",
  d: "DELETE",
  D: "TRUNCATE",
  x: "REFERENCES",
  t: "TRIGGER",
  m: "MAINTAIN",
  X: "EXECUTE",
  U: "USAGE",
  C: "CREATE",
  c: "CONNECT",
  T: "TEMPORARY",
};

/** A privilege for people: `INSERT`, `SELECT WITH GRANT OPTION`. */
export function privilegeName(letter: string): string {
  const word = WORDS[letter.charAt(0)] ?? letter.charAt(0);
  return letter.endsWith("*") ? `${word} WITH GRANT OPTION` : word;
}
