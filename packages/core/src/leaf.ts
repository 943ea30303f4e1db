/**
 * Leaves: what the Merkle tree says of each link.
 *
 * Leaf `seq - 1` is the UTF-8 form of canonical JSON, in one line. Six members are always there;
 * `before_hash` is the link's, and left out where the link has none:
 *
 *     {"appended_at":"2026-04-28T12:00:01.000000Z","before_hash":"<64 hex>","chain_hash":"<64 hex>",
 *      "event_kind":"task_events:update","event_pk":"42@1042","payload_hash":"<64 hex>","seq":1042}
 *
 * `seq` is a JSON number, so a leaf's seq ends at 2^53 - 1, the last integer whose neighbours a double can tell apart.
 */
import { CoreError } from "./errors.ts";
import { checkLinkKind, checkLinkPk, MAX_LINK_KIND_BYTES, MAX_LINK_PK_BYTES } from "./event-key.ts";
import { checkHash, hashFromHex, toHex } from "./hash.ts";
import { beforeMember, type Link } from "./link.ts";
import { type JsonValue, parseJson } from "./parse-json.ts";
import { checkTime } from "./time.ts";

/** The members of a link that its leaf repeats. `chainHash` covers the others. */
export type Leaf = Pick<
  Link,
  "seq" | "eventKind" | "eventPk" | "payloadHash" | "beforeHash" | "chainHash" | "appendedAt"
>;

/** The highest seq of a leaf: 2^53 - 1. */
export const MAX_LEAF_SEQ: bigint = 2n ** 53n - 1n;

/** No leaf is longer, in UTF-16 code units: each byte of a label takes at most six when escaped (`\u0001`). */
export const MAX_LEAF_CHARS: number = 6 * (MAX_LINK_KIND_BYTES + MAX_LINK_PK_BYTES) + 400;

/**
 * The text of a link's leaf.
 *
 * @throws {CoreError} `seq_range`, `kind_malformed`, `pk_malformed`, `hash_length`, `time_malformed`, `time_range`
 */
export function leafText(link: Leaf): string {
  if (link.seq < 1n || link.seq > MAX_LEAF_SEQ)
    throw new CoreError("seq_range", `${link.seq} is outside 1 to 2^53 - 1`);
  checkTime(link.appendedAt);
  const before = beforeMember(link.beforeHash);
  const chain = toHex(checkHash(link.chainHash, "chain_hash"));
  const kind = JSON.stringify(checkLinkKind(link.eventKind));
  const pk = JSON.stringify(checkLinkPk(link.eventPk));
  const payload = toHex(checkHash(link.payloadHash, "payload_hash"));
  // Written directly, as in eventHash.
  return `{"appended_at":"${link.appendedAt}",${before}"chain_hash":"${chain}","event_kind":${kind},"event_pk":${pk},"payload_hash":"${payload}","seq":${link.seq}}`;
}

/**
 * The leaf of a text, which must be exactly what `leafText` writes.
 *
 * @throws {CoreError} `leaf_malformed`, with what was wrong as its cause
 */
export function parseLeaf(text: string): Leaf {
  if (text.length > MAX_LEAF_CHARS) throw new CoreError("leaf_malformed", `longer than ${MAX_LEAF_CHARS} characters`);
  let leaf: Leaf;
  let again: string;
  try {
    leaf = read(parseJson(text));
    again = leafText(leaf);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new CoreError("leaf_malformed", `not a leaf: ${cause.message}`, { cause });
  }
  // Members too many, in another order, white space, other escapes: all show here.
  if (again !== text) throw new CoreError("leaf_malformed", "a leaf that is not in its canonical form");
  return leaf;
}

function read(value: JsonValue): Leaf {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CoreError("leaf_malformed", "it is no JSON object");
  }
  const { seq } = value;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq))
    throw new CoreError("leaf_malformed", "seq is not an integer");
  return {
    seq: BigInt(seq),
    eventKind: text(value, "event_kind"),
    eventPk: text(value, "event_pk"),
    payloadHash: hashFromHex(text(value, "payload_hash")),
    beforeHash: Object.hasOwn(value, "before_hash") ? hashFromHex(text(value, "before_hash")) : null,
    chainHash: hashFromHex(text(value, "chain_hash")),
    appendedAt: text(value, "appended_at"),
  };
}

function text(object: { [name: string]: JsonValue }, name: string): string {
  const value = object[name];
  if (typeof value !== "string") throw new CoreError("leaf_malformed", `${name} is not a string`);
  return value;
}
