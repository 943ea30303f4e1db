import { setImmediate } from "node:timers/promises";
import { CHAIN_COLUMNS, type ChainRow, decodeChainRow } from "./chain-row.ts";
import { COPY_HEADER, COPY_TRAILER, type Field } from "./copy-binary.ts";
import { Cursor, eachTuple } from "./cursor.ts";
import type { Relation } from "./database/relation.ts";
import type { Chunks, Lane } from "./snapshot.ts";
import type { Sorter } from "./sorter.ts";
import type { TakeRecord } from "./spill.ts";

const NAMES = CHAIN_COLUMNS.map(([name]) => name);

/** What the seqs of a chain are like, as the rows stand in the table. */
export interface Survey {
  /** The highest seq; 0 for an empty chain. */
  readonly length: bigint;
  /** Whether each seq is higher than the one before, as it is where one process after another has appended. */
  readonly isSorted: boolean;
}

/** Reads all seqs of the chain, and nothing else. */
export async function surveyChain(lane: Lane, chain: Relation): Promise<Survey> {
  let length = 0n;
  let isSorted = true;
  await eachTuple(await lane.scan(chain, ["seq"], "binary"), 1, ([seq]) => {
    const value = seq?.length === 8 ? seq.readBigInt64BE(0) : null;
    if (value === null || value <= length) isSorted = false;
    if (value !== null && value > length) length = value;
  });
  return { length, isSorted };
}

/** Which links are read. */
export interface LinkRange {
  /** First seq; null for the beginning, with rows whose seq is not one (NULL, zero, negative). */
  readonly from: bigint | null;
  /** Last seq; undefined for the end. */
  readonly to: bigint | undefined;
}

/** The links of a range, as the bytes of a binary COPY, in the order in which they stand in the table. */
export async function streamLinks(lane: Lane, chain: Relation, { from, to }: LinkRange): Promise<Chunks> {
  return await lane.scan(chain, NAMES, "binary", { from: from ?? undefined, to });
}

/**
 * The same in the order of seq, a row without one first; where one is there twice, always in the same order.
 *
 * @param sorter an empty one, which the caller closes when all has been read
 */
export async function sortLinks(lane: Lane, chain: Relation, range: LinkRange, sorter: Sorter): Promise<Chunks> {
  await eachTuple(await streamLinks(lane, chain, range), NAMES.length, (fields) => {
    sorter.add(sortKey(fields[0] ?? null), ...tupleOf(fields));
  });
  return copyOf(sorter.records());
}

/** Links in the order of seq, one by one. */
export async function readLinks(
  lane: Lane,
  chain: Relation,
  range: LinkRange,
  { isSorted }: Survey,
  sorter: Sorter,
): Promise<Cursor<ChainRow>> {
  const stream = isSorted ? await streamLinks(lane, chain, range) : await sortLinks(lane, chain, range, sorter);
  return Cursor.binary(stream, NAMES.length, decodeChainRow);
}

/** Bytes that sort as the seq does; none for NULL, which comes first. Always followed by a tuple, which begins with 0. */
const SORT_KEY_BYTES = 9;

function sortKey(seq: Field): Uint8Array {
  const key = Buffer.alloc(SORT_KEY_BYTES);
  if (seq?.length !== 8) return key;
  key[0] = 1;
  // Shifted, so that negative ones come before.
  key.writeBigUInt64BE(BigInt.asUintN(64, seq.readBigInt64BE(0) + 2n ** 63n), 1);
  return key;
}

/** A tuple as the COPY has it. */
function tupleOf(fields: readonly Field[]): Uint8Array[] {
  const count = Buffer.alloc(2);
  count.writeInt16BE(fields.length);
  return [count, ...fields.flatMap((field) => (field === null ? [int32(-1)] : [int32(field.length), field]))];
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Bytes that are handed on at once. */
const PIECE_BYTES = 2 ** 16;

/** A binary COPY of tuples that stand behind their sort keys. */
async function* copyOf(take: TakeRecord): AsyncGenerator<Buffer, undefined> {
  yield COPY_HEADER;
  let tuples: string[] = [];
  let length = 0;
  for (let record = take(); record !== undefined; record = take()) {
    tuples.push(record.slice(SORT_KEY_BYTES));
    length += record.length;
    if (length < PIECE_BYTES) continue;
    yield Buffer.from(tuples.join(""), "latin1");
    tuples = [];
    length = 0;
    await setImmediate();
  }
  yield Buffer.concat([Buffer.from(tuples.join(""), "latin1"), COPY_TRAILER]);
  return undefined;
}
