/** The field that a file is for, by what it holds. What it is not is refused when it is checked. */
export function belongsTo(bytes: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 100_000));
  if (text.startsWith("c2sp.org/tlog-proof@")) return "proof";
  if (/^[^\s+{["]+\+[\da-f]{8}\+\S+/u.test(text)) return "keys";
  if (/^[\t ]*(?:quorum|witness|group|log)[\t ]/mu.test(text) && !/^\s*[{["]/u.test(text)) return "witnesses";
  return /"retired_keys"\s*:/u.test(text) ? "policy" : "payload";
}
