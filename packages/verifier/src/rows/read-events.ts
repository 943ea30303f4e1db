import type { Micros } from "@scidex/audit-core";
import { Cursor, eachTuple, type IsOurs, type Lane, type Relation, type Sorter } from "@scidex/audit-reader";
import { epochsAfter } from "../coverage/key-epochs.ts";
import type { KeyEvent } from "./key-group.ts";
import { textOf } from "./record-text.ts";

/** An event in the order of kind, epoch and key. `kind` and `key` are those of the row that it is about. */
export interface KeyedEvent extends KeyEvent {
  readonly kind: string;
  /** How many epochs of keys come after that of the event: 0 for rows that are keyed as they are now. */
  readonly epoch: number;
  readonly key: string;
}

/** Which events are read. */
export interface EventsWanted {
  readonly chain: Relation;
  /** Null where pending is left out. */
  readonly pending: Relation | null;
  /** Kinds of tables, of whose rows there can be changes. */
  readonly tableKinds: readonly string[];
  /** Whether other kinds are wanted too. */
  readonly others: boolean;
  /** Which kinds are wanted at all. */
  readonly isOurs: IsOurs;
  /** Where the epochs of a kind but the first begin, oldest first, for kinds that have several. */
  readonly epochs: ReadonlyMap<string, readonly bigint[]>;
}

/** What an event can be. */
const OPS = ["event", "insert", "update", "delete", "retire", "erase", "restore", "record"] as const;
/** What can be staged; what stands in pending as anything else counts as `event`. Rows are recorded anew at once. */
const STAGED_OPS = OPS.slice(0, 7);

/**
 * The chain, and what is to be linked, in the order of kind, epoch, key and seq. Events of one row stand together, its
 * changes included: the key of a change ends in `@` and the change's own seq.
 *
 * @param sorter an empty one, which the caller closes when all has been read
 */
export async function readEventsByKey(lane: Lane, wanted: EventsWanted, sorter: Sorter): Promise<Cursor<KeyedEvent>> {
  const { chain, pending, tableKinds, others, isOurs, epochs } = wanted;
  const of = (kind: string, op: number) => ({ kind: Buffer.from(kind), op, starts: epochs.get(kind) });
  const tables = new Map(tableKinds.map((kind) => [kind, of(kind, 0)]));
  for (const kind of tableKinds)
    for (const [op, name] of OPS.entries()) if (op > 0) tables.set(`${kind}:${name}`, of(kind, op));
  const kindLengths = others ? undefined : lengthsOf([...tables.keys()]);
  const columns = ["seq", "event_kind", "event_pk", "payload_hash", "before_hash", "appended_at"];
  await eachTuple(await lane.scan(chain, columns, "binary", { kindLengths }), columns.length, (fields) => {
    const [seq, kind, pk = NOTHING, hash] = fields.map((field) => field ?? NOTHING);
    if (!isOurs(kind ?? NOTHING)) return;
    const table = tables.get(kind?.toString() ?? "");
    if (table === undefined && !others) return;
    // Cut off at the last @, and compared with the seq afterwards: a copy of a change stands beside what it is a copy of.
    const cut = table === undefined || table.op === 0 ? -1 : pk.lastIndexOf("@");
    const key = cut === -1 ? pk : pk.subarray(0, cut);
    const epoch = table?.starts === undefined ? 0 : epochsAfter(table.starts, seqOf(seq));
    const rest = pk.subarray(key.length);
    const [, , , , before, time] = fields;
    sorter.add(...recordOf({ kind, op: 0, ...table, epoch, key, rest, seq, hash, before, time }));
  });
  if (pending === null) return Cursor.sorted(sorter.records(), eventOf);
  const kinds = new Set(tableKinds);
  const staged = ["id", "op", "event_kind", "event_pk", "payload_hash", "conflict"];
  await eachTuple(await lane.scan(pending, staged, "binary"), staged.length, (fields) => {
    if (fields[5] !== null) return;
    const [id, name, kind, key, hash] = fields.map((field) => field ?? NOTHING);
    if (!isOurs(kind ?? NOTHING) || (!others && !kinds.has(kind?.toString() ?? ""))) return;
    const op = Math.max(
      STAGED_OPS.findIndex((one) => one === name?.toString()),
      0,
    );
    sorter.add(...recordOf({ kind, epoch: 0, op, key, id, hash }));
  });
  return Cursor.sorted(sorter.records(), eventOf);
}

/** The lengths of kinds in characters; undefined where the server may count otherwise. */
function lengthsOf(kinds: readonly string[]): number[] | undefined {
  if (!kinds.every((kind) => /^[\0-\x7f]*$/u.test(kind))) return undefined;
  return [...new Set(kinds.map((kind) => kind.length))];
}

const seqOf = (bytes: Buffer | undefined): bigint | null => (bytes?.length === 8 ? bytes.readBigInt64BE() : null);

interface EventParts {
  readonly kind: Uint8Array | undefined;
  /** Up to 255: who has more is not an honest one. */
  readonly epoch: number;
  readonly key: Uint8Array | undefined;
  /** An index of `OPS`. */
  readonly op: number;
  /** What follows the key of the row in the event's. */
  readonly rest?: Uint8Array;
  /** 8 bytes; empty for one that is not linked, or has none. */
  readonly seq?: Uint8Array | undefined;
  /** 8 bytes: in which order what is not linked was staged. */
  readonly id?: Uint8Array | undefined;
  readonly hash: Uint8Array | undefined;
  readonly before?: Uint8Array | null | undefined;
  /** 8 bytes. */
  readonly time?: Uint8Array | null | undefined;
}

const NOTHING = Buffer.alloc(0);
const NUL = Buffer.alloc(1);
const NOW = Buffer.alloc(2);
/** No honest hash is longer than 32 bytes; of one that is, enough is kept to be shown. */
const MAX_HASH_BYTES = 2048;
/** In the place of a length, where there is no hash. */
const NO_HASH = 0xffff;

/**
 * The event as a record that sorts by kind, epoch, key, seq and id. PostgreSQL's texts have no NUL.
 *
 *     kind 00 epoch (1) key 00 seq (8, as a sortable number) id (8) op (1) length of payload_hash (2) that of before_hash (2)
 *     time (8, as PostgreSQL has it), the two hashes, rest of the event's key
 */
function recordOf(parts: EventParts): Uint8Array[] {
  const { kind = NOTHING, epoch, key = NOTHING, op, rest = NOTHING, seq, id, hash = NOTHING, before, time } = parts;
  const numbers = NUMBERS.fill(0);
  sortable(seq, numbers, 0);
  if (id?.length === 8) sortable(id, numbers, 8);
  numbers[16] = op;
  const hashes = [hash.subarray(0, MAX_HASH_BYTES), before?.subarray(0, MAX_HASH_BYTES)];
  numbers.writeUInt16BE(hashes[0]?.length ?? 0, 17);
  numbers.writeUInt16BE(hashes[1]?.length ?? NO_HASH, 19);
  if (time?.length === 8) numbers.set(time, 21);
  else numbers.writeBigInt64BE(NO_TIME, 21);
  const mark = epoch === 0 ? NOW : Buffer.of(0, Math.min(epoch, 0xff));
  return [kind, mark, key, NUL, numbers, hashes[0] ?? NOTHING, hashes[1] ?? NOTHING, rest];
}

const NUMBERS_BYTES = 29;
/** Infinity, as PostgreSQL has it. */
const NO_TIME = 2n ** 63n - 1n;
/** Microseconds from the Unix epoch to that of PostgreSQL. */
const POSTGRES_EPOCH = 946_684_800_000_000n;
/** Used again for each record: the sorter copies what it is given. */
const NUMBERS = Buffer.alloc(NUMBERS_BYTES);

/** Negative numbers before others; no number comes last. */
function sortable(bytes: Uint8Array | undefined, to: Buffer, at: number): void {
  if (bytes?.length !== 8) to.fill(0xff, at, at + 8);
  else {
    to.set(bytes, at);
    to[at] = (bytes[0] ?? 0) ^ 0x80;
  }
}

function eventOf(record: string): KeyedEvent {
  const kindEnd = record.indexOf("\0");
  const keyEnd = record.indexOf("\0", kindEnd + 2);
  const kind = textOf(record.slice(0, kindEnd));
  const key = textOf(record.slice(kindEnd + 2, keyEnd));
  const bytes = Buffer.from(record.slice(keyEnd + 1), "latin1");
  const order = bytes.readBigUInt64BE(0);
  const seq = order === 2n ** 64n - 1n ? null : order - 2n ** 63n;
  const op = OPS[bytes[16] ?? 0] ?? "event";
  const hashEnd = NUMBERS_BYTES + bytes.readUInt16BE(17);
  const before = bytes.readUInt16BE(19);
  const beforeEnd = before === NO_HASH ? hashEnd : hashEnd + before;
  return {
    seq,
    eventKind: seq === null || op === "event" ? kind : `${kind}:${op}`,
    eventPk: `${key}${bytes.toString("utf8", beforeEnd)}`,
    payloadHash: bytes.subarray(NUMBERS_BYTES, hashEnd),
    beforeHash: before === NO_HASH ? null : bytes.subarray(hashEnd, beforeEnd),
    op,
    kind,
    epoch: record.charCodeAt(kindEnd + 1),
    key,
    appendedAt: timeOf(bytes.readBigInt64BE(21)),
  };
}

const timeOf = (time: bigint): Micros | null =>
  time === NO_TIME || time === -NO_TIME - 1n ? null : time + POSTGRES_EPOCH;
