import { blindKey, canonicalJson, CoreError, sha256, toHex } from "@scidex/audit-core";
import { type Chunks, Cursor, eachLine, type Lane, type Relation, type Sorter } from "@scidex/audit-reader";
import { textOf } from "../record-text.ts";
import { neededColumns, rowPayload, rowPayloadHash, type RowReading, type RowTexts } from "../payload.ts";
import { addSalts, saltedParts, withSalts } from "./salted-rows.ts";

/** A row of an audited table. */
export interface SourceRow {
  /** Null where it can have none: a key column is NULL, which no honest row's is. */
  readonly key: string | null;
  /** What its key was in earlier epochs, as they were asked for. */
  readonly earlier: readonly (string | null)[];
  /** Hash of its payload in each reading. */
  readonly hashes: readonly Uint8Array[];
}

/** The rows of a table as a text COPY: the columns of the key, then those given. */
export async function streamSource(
  lane: Lane,
  table: Relation,
  keyColumns: readonly string[],
  columns: readonly string[],
): Promise<Chunks> {
  return await lane.scan(table, [...keyColumns, ...columns], "text");
}

/**
 * The rows of a table in the order of their keys' UTF-8 bytes, those without a key first. Of what stands in them only keys
 * and hashes are kept.
 *
 * @param table with what its keys are blinded with, and its kind where payloads are salted
 * @param earlier how keys of earlier epochs are read
 * @param sorter an empty one, which the caller closes when all has been read
 */
export async function readSource(
  lane: Lane,
  table: {
    readonly shape: Relation;
    readonly readings: readonly RowReading[];
    readonly secret: Uint8Array | null;
    readonly salted: string | null;
  },
  keyColumns: readonly string[],
  sorter: Sorter,
  earlier: readonly EarlierKey[] = [],
): Promise<Cursor<SourceRow>> {
  const { shape, readings, secret, salted } = table;
  const columns = [...new Set([...neededColumns(readings), ...earlier.flatMap((key) => key?.columns ?? [])])];
  await eachLine(await streamSource(lane, shape, keyColumns, columns), (fields) => {
    const texts = new Map(columns.map((column, i) => [column, fields[keyColumns.length + i] ?? null]));
    const key = keyOf(fields.slice(0, keyColumns.length), secret);
    const row =
      salted === null
        ? readings.map((reading) => rowPayloadHash(reading, texts))
        : saltedParts(readings.map((reading) => rowPayload(reading, texts)));
    sorter.add(...recordOf(key, row), ...earlierBytes(earlier, texts));
  });
  if (salted !== null) await addSalts(lane, salted, sorter);
  const records = sorter.records();
  const rows = salted === null ? records : withSalts(records, readings.length);
  return Cursor.sorted(rows, (record) => rowOf(record, readings.length, earlier.length > 0));
}

/** How a row's key of an earlier epoch is read; null where that cannot be told of any row. */
type EarlierKey = { readonly columns: readonly string[]; readonly keyOf: (row: RowTexts) => string | null } | null;

/** A JSON array and the number of its bytes (4); nothing where no keys are asked for. */
function earlierBytes(earlier: readonly EarlierKey[], texts: RowTexts): Uint8Array[] {
  if (earlier.length === 0) return [];
  const json = Buffer.from(JSON.stringify(earlier.map((key) => key?.keyOf(texts) ?? null)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return [json, length];
}

/**
 * The key of a row's event, from the texts of its key columns; null where one is NULL. It can be longer than an honest one.
 *
 * @param secret 32 bytes to blind it with; null where it stands in events as it is
 */
export function keyOf(texts: readonly (string | null)[], secret: Uint8Array | null): string | null {
  const known = texts.filter((text) => text !== null);
  const [first] = known;
  if (first === undefined || known.length < texts.length) return null;
  const key = texts.length === 1 ? first : canonicalJson(known);
  if (secret === null) return key;
  try {
    return blindKey(secret, key);
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    // Longer than a key can be: what stands for it is no event's key.
    return toHex(sha256(key.toWellFormed()));
  }
}

const HASH_BYTES = 32;
const NUL = Buffer.alloc(1);
const HAS_KEY = Buffer.from([1]);

/**
 * 01, the key, 00, the hashes (of salted rows what is to be hashed), earlier keys; without a key 00 and what follows.
 * PostgreSQL's texts have no NUL.
 */
function recordOf(key: string | null, row: readonly Uint8Array[]): Uint8Array[] {
  return key === null ? [NUL, ...row] : [HAS_KEY, Buffer.from(key), NUL, ...row];
}

function rowOf(record: string, hashes: number, hasEarlier: boolean): SourceRow {
  const end = hasEarlier ? record.length - 4 - Buffer.from(record.slice(-4), "latin1").readUInt32BE(0) : record.length;
  const earlier = hasEarlier ? (JSON.parse(textOf(record.slice(end, -4))) as (string | null)[]) : [];
  const start = end - HASH_BYTES * hashes;
  const key = record.startsWith("\0") ? null : textOf(record.slice(1, start - 1));
  const bytes = Buffer.from(record.slice(start, end), "latin1");
  return {
    key,
    earlier,
    hashes: Array.from({ length: hashes }, (_, i) => bytes.subarray(HASH_BYTES * i, HASH_BYTES * (i + 1))),
  };
}
