import { setImmediate } from "node:timers/promises";
import { CHAIN_COLUMNS, type ChainRow, decodeChainRow } from "./chain-row.ts";
import { COPY_HEADER, type Field } from "../database/copy/copy-binary.ts";
import { COPY_TRAILER } from "../database/copy/copy-binary.ts";
import { Cursor, eachTuple } from "../database/copy/cursor.ts";
import type { Relation } from "../database/relation.ts";
import type { Chunks } from "../database/copy/open-copy.ts";
import type { Lane } from "../database/lane.ts";
import type { Sorter } from "../database/copy/sorter.ts";
import type { TakeRecord } from "../database/copy/spill.ts";

const NAMES = CHAIN_COLUMNS.map(([name]) => name);

/** What the seqs of a chain are like, as the rows stand in the table. */
export interface Survey {
  /** The highest seq; 0 for an empty chain. */
  readonly length: bigint;
  /** The number of rows: another one where links are missing or there twice. */
  readonly rows: bigint;
  /** Whether each seq is higher than the one before, as it is where one process after another has appended. */
  readonly isSorted: boolean;
}

/** Reads all seqs of the chain, and nothing else. */
export async function surveyChain(lane: Lane, chain: Relation): Promise<Survey> {
  let length = 0n;
  let rows = 0n;
  let isSorted = true;
  await eachTuple(await lane.scan(chain, ["seq"], "binary"), 1, ([seq]) => {
    const value = seq?.length === 8 ? seq.readBigInt64BE(0) : null;
    rows++;
    if (value === null || value <= length) isSorted = false;
    if (value !== null && value > length) length = value;
  });
  return { length, rows, isSorted };
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
    sorter.add(...recordOf(fields));
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

/** Bytes that sort as the seq does, all 0 for NULL, which comes first. A tuple follows. */
const SORT_KEY_BYTES = 9;

/** Used again for each record, which the sorter copies: the sort key, the number of fields, and the length of each. */
const NUMBERS = Buffer.alloc(SORT_KEY_BYTES + 2 + 4 * NAMES.length);

/** A tuple as the COPY has it, behind its sort key. */
function recordOf(fields: readonly Field[]): Uint8Array[] {
  const [seq = null] = fields;
  NUMBERS.fill(0, 0, SORT_KEY_BYTES);
  if (seq?.length === 8) {
    NUMBERS[0] = 1;
    NUMBERS.set(seq, 1);
    // Turned over, so that negative ones come before.
    NUMBERS[1] = (seq[0] ?? 0) ^ 0x80;
  }
  let at = NUMBERS.writeInt16BE(fields.length, SORT_KEY_BYTES);
  const parts: Uint8Array[] = [NUMBERS.subarray(0, at)];
  for (const field of fields) {
    const length = NUMBERS.subarray(at, at + 4);
    at = NUMBERS.writeInt32BE(field?.length ?? -1, at);
    parts.push(length);
    if (field !== null) parts.push(field);
  }
  return parts;
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
