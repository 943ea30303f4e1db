import {
  readingAfter,
  type PayloadShape,
  type Reading,
  sha256,
  textsThrough,
  textsWritten,
  type TypeChange,
} from "@scidex/audit-core";
import { type Config, joinedLate, type KindHistory } from "../coverage/config.ts";

/** A row's texts by column name, null for NULL. */
export type RowTexts = ReadonlyMap<string, string | null>;

/** How a table's rows are read as they were recorded. */
export interface RowReading extends PayloadShape {
  /** By member, how the text was before the column got another type. */
  readonly before: ReadonlyMap<string, Reading>;
}

const HASH_BYTES = 32;
/** In the place of a hash: no row of before can have become this one. An event can have such a hash: it is never compared. */
const NO_ROW = new Uint8Array(HASH_BYTES);
/** In the place of a hash: what the row was before cannot be told. */
const UNKNOWN_ROW = new Uint8Array(HASH_BYTES).fill(0xff);

export const isUnknownRow = (hash: Uint8Array): boolean => hash.every((byte) => byte === 0xff);

/** Whether it is the hash of a row's payload. */
export const isRowHash = (hash: Uint8Array): boolean => !isUnknownRow(hash) && hash.some((byte) => byte !== 0);

/**
 * A row's payload: canonical JSON of the texts of the columns, in the order of the members (that of RFC 8785). What is absent
 * is left out: NULL, or in a column that joined the value that older rows have in it. Where there is none, what stands in the
 * place of its hash.
 */
export function rowPayload(
  { columns, members, absent, before }: PayloadShape & Partial<RowReading>,
  row: RowTexts,
): string | Uint8Array {
  let text = "{";
  for (const [i, column] of columns.entries()) {
    const member = members[i] ?? column;
    let value = row.get(column) ?? null;
    const reading = before?.get(member);
    if (reading !== undefined && value !== null) {
      const texts = reading(value);
      // Several: a clock that was put back. Which one it was cannot be told.
      if (texts === null || texts.length > 1) return UNKNOWN_ROW;
      const [old] = texts;
      if (old === undefined) return NO_ROW;
      value = old;
    }
    if (value === (absent.get(member) ?? null)) continue;
    text += `${text.length > 1 ? "," : ""}${JSON.stringify(member)}:${value === null ? "null" : JSON.stringify(value)}`;
  }
  return `${text}}`;
}

/** Hash of a row's payload, which is not salted. */
export function rowPayloadHash(shape: PayloadShape & Partial<RowReading>, row: RowTexts): Uint8Array {
  const payload = rowPayload(shape, row);
  return typeof payload === "string" ? sha256(payload) : payload;
}

/** How a row that was captured under one configuration can be recomputed from the table as it is now. */
export interface Recomputation {
  /** Seq of the configuration. */
  readonly seq: bigint | null;
  readonly config: Config;
  /**
   * Which of the table's readings: first that of the columns as they are covered now; then, where a type was changed, that
   * of rows which were written before a configuration said so; then, where columns have joined after rows may have got
   * values in them, those without these.
   */
  readonly readings: readonly number[];
  /** How many of them, from the first, hold the whole row against its event. One that fits another alone is to be recorded anew. */
  readonly whole: number;
  /** Why a row that fits none of the readings may be an honest one: the schema changes since. */
  readonly excuse: string | null;
}

/** How rows of each configuration can be recomputed. */
export interface Recomputations {
  /** One for each configuration. */
  readonly ways: readonly Recomputation[];
  /** All readings that occur, each once: a row's hashes come in this order. */
  readonly readings: readonly RowReading[];
}

/** The columns that a table has now, with descriptions of their types as the configuration writes them. */
export type LiveColumns = ReadonlyMap<string, string>;

/**
 * Works out, for each configuration of a kind, how rows captured under it can be recomputed from the columns that the
 * table has now. A column has one member's name as long as it lives, and what older rows have in a column that joined is
 * left out: so rows of all configurations have the payload that the newest one gives them, but where the type of a column
 * has changed. There the old text is worked out from the new one, if it follows from it (core's `textsThrough`). What was
 * dropped, or has lost something with its type, cannot be recomputed; what was excluded later may have changed since.
 */
export function recomputations({ configs, current }: KindHistory, live: LiveColumns): Recomputations {
  const readings = new Map<string, { readonly reading: RowReading; readonly number: number }>();
  const numberOf = (
    config: Config,
    types: ReadonlyMap<string, readonly string[]>,
    late: ReadonlySet<string>,
    written: Retyped = new Map(),
  ) => {
    const isRead = (column: string, member: string) => live.has(column) && !late.has(member);
    const shape = part(withExcluded(current, config), isRead);
    const text = JSON.stringify([shape.members, ...types, "written", ...written]);
    const before = new Map([...types].flatMap(([member, path]) => readingOf(member, path)));
    for (const [member, change] of written) {
      const { reading } = textsWritten(change);
      const later = before.get(member);
      before.set(member, later === undefined ? reading : readingAfter(later, reading));
    }
    const known = readings.get(text) ?? { reading: { ...shape, before }, number: readings.size };
    readings.set(text, known);
    return known.number;
  };
  numberOf(current, new Map(), new Set());
  const ways = configs.map((config, i) => {
    const later = configs.slice(i + 1);
    const late = new Set(later.flatMap((next, n) => joinedLate(configs[i + n], next)));
    // Of columns that joined later too: what is left out of them is the text that they had then.
    const known = new Set([config, ...later].flatMap(({ members }) => members));
    const pathsFrom = (from: readonly Config[]) => new Map([...known].flatMap((member) => typePath(member, from)));
    const types = pathsFrom([config, ...later]);
    const [next] = later;
    const retyped: Retyped = next === undefined ? new Map() : changesOfType(config, next);
    const read = (without: ReadonlySet<string>): number[] => {
      const whole = numberOf(config, types, without);
      return retyped.size === 0 ? [whole] : [whole, numberOf(config, pathsFrom(later), without, retyped)];
    };
    const numbers = [...read(new Set()), ...(late.size === 0 ? [] : read(late))];
    const isCertain = [...retyped.values()].every((change) => textsWritten(change).isCertain);
    const whole = retyped.size > 0 && isCertain ? 2 : 1;
    const changes = [
      ...config.columns.flatMap((column, n) => changeOf(config, n, column, current, live, types)),
      ...retypedSince(config, current, types),
    ];
    return {
      seq: config.seq,
      config,
      readings: numbers,
      whole,
      excuse: changes.length === 0 ? null : changes.join(", "),
    };
  });
  return { ways, readings: [...readings.values()].map(({ reading }) => reading) };
}

/** What is covered now, and what an earlier configuration covered and is excluded now: it is still there to be read. */
function withExcluded(current: Config, config: Config): PayloadShape {
  const { columns, members } = config;
  const excluded = members.flatMap((member, i) => {
    const column = columns[i] ?? member;
    return !current.members.includes(member) && current.excluded.includes(column) ? [{ member, column }] : [];
  });
  if (excluded.length === 0) return current;
  const covered = current.members.map((member, i) => ({ member, column: current.columns[i] ?? member }));
  // RFC 8785 sorts by UTF-16 units, as JavaScript compares.
  const all = [...covered, ...excluded].toSorted((a, b) => (a.member < b.member ? -1 : 1));
  const kept = [...config.absent].filter(([member]) => excluded.some((one) => one.member === member));
  const absent = new Map([...current.absent, ...kept]);
  return { columns: all.map(({ column }) => column), members: all.map(({ member }) => member), absent };
}

/** The types of a member's column from one configuration on, where they have changed. */
function typePath(member: string, configs: readonly Config[]): [string, readonly string[]][] {
  const types = configs.flatMap(({ members, columnTypes }) => columnTypes[members.indexOf(member)] ?? []);
  return new Set(types).size > 1 ? [[member, types]] : [];
}

/** Changes of the types of columns, by member. */
type Retyped = ReadonlyMap<string, Pick<TypeChange, "before" | "now">>;

/** Of columns that both have: their types in the one and in the other, where they differ. */
function changesOfType(config: Config, next: Config): Retyped {
  return new Map(
    config.members.flatMap((member, i) => {
      const [before, now] = [config.columnTypes[i], next.columnTypes[next.members.indexOf(member)]];
      return before === undefined || now === undefined || before === now ? [] : [[member, { before, now }]];
    }),
  );
}

function readingOf(member: string, types: readonly string[]): [string, Reading][] {
  const reading = textsThrough(types);
  return reading === null ? [] : [[member, reading]];
}

function part({ columns, members, absent }: PayloadShape, isRead: (column: string, member: string) => boolean) {
  const read = columns.map((column, i) => ({ column, member: members[i] ?? column }));
  const kept = read.filter(({ column, member }) => isRead(column, member));
  return { columns: kept.map(({ column }) => column), members: kept.map(({ member }) => member), absent };
}

/** What became of a column since it was recorded that keeps its values from being recomputed. */
function changeOf(
  config: Config,
  n: number,
  column: string,
  current: Config,
  live: LiveColumns,
  types: ReadonlyMap<string, readonly string[]>,
): string[] {
  const member = config.members[n] ?? column;
  const at = current.members.indexOf(member);
  const now = current.columns[at];
  if (now === undefined) return [`${column} was ${current.excluded.includes(column) ? "excluded" : "dropped"}`];
  const typeNow = live.get(now);
  if (typeNow === undefined) return [`${column} was dropped`];
  const path = types.get(member) ?? [];
  // The configuration of the configuration names no types: its table's are built in (OWN_SHAPES).
  const hasType = current.columnTypes.length > 0;
  const isKnown =
    !hasType || (typeNow === current.columnTypes[at] && (path.length === 0 || textsThrough(path) !== null));
  return isKnown ? [] : [`the type of ${column} changed from ${config.columnTypes[n] ?? "none"} to ${typeNow}`];
}

/** Columns that joined later, of whose text then nothing can be told any more: whether it was the one that is left out. */
const retypedSince = (config: Config, current: Config, types: ReadonlyMap<string, readonly string[]>): string[] =>
  [...types].flatMap(([member, path]) => {
    const column = current.columns[current.members.indexOf(member)];
    const isTold = config.members.includes(member) || column === undefined || textsThrough(path) !== null;
    return isTold ? [] : [`the type of ${column} changed from ${path[0] ?? ""} to ${path.at(-1) ?? ""}`];
  });

/** The live columns whose texts these readings need. */
export function neededColumns(readings: readonly RowReading[]): string[] {
  return [...new Set(readings.flatMap(({ columns }) => columns))];
}
