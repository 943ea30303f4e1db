/** It begins so, and names keys that were replaced, if any, behind all its tables. Compared as a record it would accuse somebody. */
const POLICY = /^\s*\{\s*(?:"origin"\s*:\s*"[^"]*"\s*,\s*)?"tables"\s*:\s*\{|"retired_keys"\s*:/u;

/** The field that a file is for, by what it holds. What it is not is refused when it is checked. */
export function belongsTo(bytes: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 100_000));
  if (text.startsWith("c2sp.org/tlog-proof@")) return "proof";
  if (/^[^\s+{["]+\+[\da-f]{8}\+\S+/u.test(text)) return "keys";
  if (/^[\t ]*(?:quorum|witness|group|log)[\t ]/mu.test(text) && !/^\s*[{["]/u.test(text)) return "witnesses";
  return POLICY.test(text) ? "policy" : "payload";
}
