// Chains made up for the fast way, as a binary COPY of them.
import {
  appendLeaf,
  chainHash,
  emptyFrontier,
  eventHash,
  formatTime,
  type Frontier,
  frontierRoot,
  GENESIS_PREV_HASH,
  leafHash,
  leafText,
  sha256,
} from "@scidex/audit-core";
import type { ChainRow, PublishedHead } from "@scidex/audit-reader";
import { type LinksTask, LinkVoucher, type VouchedLinks } from "../../src/bulk/link-voucher.ts";

export const TAG_KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
export const POSTGRES_EPOCH = 946_684_800_000_000n;

function field(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

export const HEADER = Buffer.from("5047434f50590aff0d0a000000000000000000", "hex");

export function copyOf(rows: readonly ChainRow[]): Buffer {
  return Buffer.concat([
    HEADER,
    ...rows.map((row) =>
      Buffer.concat([
        Buffer.from([0, 9]),
        field(int64(row.seq)),
        ...[Buffer.from(row.eventKind), Buffer.from(row.eventPk)].map(field),
        ...[row.payloadHash, row.eventHash, row.prevHash, row.chainHash].map(field),
        row.beforeHash === null ? Buffer.from("ffffffff", "hex") : field(row.beforeHash),
        field(int64((row.appendedAt ?? 0n) - POSTGRES_EPOCH)),
      ]),
    ),
    Buffer.from([0xff, 0xff]),
  ]);
}

/** An event to be linked. Hashes that are not given are made up. */
export interface Event {
  readonly kind: string;
  readonly pk: string;
  readonly micros: bigint;
  readonly isChange: boolean;
  readonly payload?: Uint8Array;
  readonly before?: Uint8Array;
}

export function chainOf(list: readonly Event[]): ChainRow[] {
  const rows: ChainRow[] = [];
  for (const [i, { kind, pk, micros, isChange, ...hashes }] of list.entries()) {
    const prevHash = rows.at(-1)?.chainHash ?? GENESIS_PREV_HASH;
    const event = {
      eventKind: kind,
      eventPk: pk,
      payloadHash: hashes.payload ?? sha256(`${i}`),
      beforeHash: isChange ? (hashes.before ?? sha256(`before ${i}`)) : null,
      appendedAt: formatTime(micros),
    };
    const hash = eventHash(event);
    const seq = BigInt(i + 1);
    const chain = chainHash(prevHash, hash, seq);
    rows.push({ ...event, seq, eventHash: hash, prevHash, chainHash: chain, appendedAt: micros, isBroken: false });
  }
  return rows;
}

/** Heads after the numbers of rows given. */
export function headsOf(rows: readonly ChainRow[], seqs: ReadonlySet<number>): PublishedHead[] {
  let tree: Frontier = emptyFrontier;
  return rows.flatMap((row) => {
    tree = appendLeaf(tree, leafHash(leafText({ ...row, appendedAt: formatTime(row.appendedAt ?? 0n) })));
    const head = {
      seq: row.seq,
      chainHash: row.chainHash,
      root: frontierRoot(tree),
      appendedAt: "2000-01-01T00:00:00.000000Z",
      publishedAt: "",
      signedTime: 253_402_300_799n,
      subtrees: Buffer.concat(tree.hashes),
      logKeys: [],
    };
    return seqs.has(Number(row.seq)) ? [head] : [];
  });
}

export function taskOf(heads: readonly PublishedHead[] | null): LinksTask {
  const now = 253_402_300_799_999_999n;
  const lastSigned = new Map((heads ?? []).map(({ seq }) => [seq, 946_684_800n]));
  const misdated: LinksTask["misdated"] = [];
  return {
    from: 1n,
    to: undefined,
    heads,
    lastSigned,
    misdated,
    after: undefined,
    now,
    hashes: true,
    cuts: [],
    tagKey: TAG_KEY,
  };
}

/** What the fast way says, the stream being cut into pieces. */
export function vouch(copy: Uint8Array, task: LinksTask, piece: number): VouchedLinks | null {
  const voucher = new LinkVoucher(task, () => {});
  for (let at = 0; at < copy.length; at += piece) voucher.push(copy.subarray(at, at + piece));
  return voucher.finish();
}
