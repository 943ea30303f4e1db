import { fromHex, toHex } from "@scidex/audit-core";
import type { KeyEvent } from "../key-group.ts";
import { textOf } from "../record-text.ts";

/**
 * A row whose events are looked for in one epoch of its keys after the other, the newest first: `open` until one is found that
 * tells what it must be. Where the first of these found a row there, that row has an event of an earlier epoch, too.
 */
export interface Traveller {
  /** Its key in the epoch at hand; null where that cannot be told. */
  readonly at: string | null;
  /** Its keys in the epochs before. */
  readonly earlier: readonly (string | null)[];
  /** Its key now. */
  readonly key: string | null;
  readonly hashes: readonly Uint8Array[];
  /** Null while it is open. */
  readonly begun: KeyEvent | null;
  /** What it has been recorded as already, with no statement for it. */
  readonly unstated: KeyEvent | undefined;
}

const NUL = Buffer.alloc(1);
const HAS_KEY = Buffer.from([1]);
const BEGUN = "1";

/** 01, the key, 00 (or 00 alone, without one), whether it has begun, and the rest as JSON. Rows that are open come first. */
export function travellerRecord({
  earlier: [at = null, ...earlier],
  key,
  hashes,
  begun,
  unstated,
}: Traveller): Uint8Array[] {
  const rest = {
    earlier,
    key,
    hashes: begun === null ? hashes.map((hash) => toHex(hash)) : [],
    begun: begun && packed(begun),
    unstated: unstated === undefined ? null : packed(unstated),
  };
  return [
    ...(at === null ? [] : [HAS_KEY, Buffer.from(at)]),
    NUL,
    Buffer.from(`${begun === null ? "0" : BEGUN}${JSON.stringify(rest)}`),
  ];
}

const packed = ({ seq, eventKind, eventPk, payloadHash, beforeHash, op, appendedAt }: KeyEvent) => ({
  seq: seq === null ? null : String(seq),
  eventKind,
  eventPk,
  payloadHash: toHex(payloadHash),
  beforeHash: beforeHash && toHex(beforeHash),
  op,
  appendedAt: appendedAt === null ? null : String(appendedAt),
});
type Packed = ReturnType<typeof packed>;

const unpacked = ({ seq, eventKind, eventPk, payloadHash, beforeHash, op, appendedAt }: Packed): KeyEvent => ({
  seq: seq === null ? null : BigInt(seq),
  eventKind,
  eventPk,
  payloadHash: fromHex(payloadHash),
  beforeHash: beforeHash === null ? null : fromHex(beforeHash),
  op,
  appendedAt: appendedAt === null ? null : BigInt(appendedAt),
});

export function travellerOf(record: string): Traveller {
  const end = record.indexOf("\0");
  const rest = JSON.parse(textOf(record.slice(end + 2))) as {
    readonly earlier: (string | null)[];
    readonly key: string | null;
    readonly hashes: readonly string[];
    readonly begun: Packed | null;
    readonly unstated: Packed | null;
  };
  return {
    at: end === 0 ? null : textOf(record.slice(1, end)),
    earlier: rest.earlier,
    key: rest.key,
    hashes: rest.hashes.map((hash) => fromHex(hash)),
    begun: rest.begun && unpacked(rest.begun),
    unstated: rest.unstated === null ? undefined : unpacked(rest.unstated),
  };
}
