import { type PayloadShape, sha256 } from "@scidex/audit-core";
import type { Config, KindHistory } from "../coverage/config.ts";

/** A row's texts by column name, null for NULL. */
export type RowTexts = ReadonlyMap<string, string | null>;

/**
 * Hash of a row's payload: canonical JSON of the texts of the columns, in the order of the members (that of RFC 8785). What
 * is absent is left out: NULL, or in a column that joined the value that older rows have in it.
 */
export function rowPayloadHash({ columns, members, absent }: PayloadShape, row: RowTexts): Uint8Array {
  let text = "{";
  for (const [i, column] of columns.entries()) {
    const member = members[i] ?? column;
    const value = row.get(column) ?? null;
    if (value === (absent.get(member) ?? null)) continue;
    text += `${text.length > 1 ? "," : ""}${JSON.stringify(member)}:${value === null ? "null" : JSON.stringify(value)}`;
  }
  return sha256(`${text}}`);
}

/** How a row that was captured under one configuration can be recomputed from the table as it is now. */
export interface Recomputation {
  /** Seq of the configuration. */
  readonly seq: bigint | null;
  readonly config: Config;
  /**
   * Which of the table's readings: first that of the columns as they are covered now; then, where columns have joined after
   * rows may have got values in them, that without these. A row that fits the second alone is to be recorded anew.
   */
  readonly readings: readonly number[];
  /** Why a row that fits none of the readings may be an honest one: the schema changes since. */
  readonly excuse: string | null;
}

/** How rows of each configuration can be recomputed. */
export interface Recomputations {
  /** One for each configuration. */
  readonly ways: readonly Recomputation[];
  /** All readings that occur, each once: a row's hashes come in this order. */
  readonly readings: readonly PayloadShape[];
}

/** The columns that a table has now, with descriptions of their types as the configuration writes them. */
export type LiveColumns = ReadonlyMap<string, string>;

/**
 * Works out, for each configuration of a kind, how rows captured under it can be recomputed from the columns that the
 * table has now. A column has one member's name as long as it lives, and what older rows have in a column that joined is
 * left out: so rows of all configurations have the payload that the newest one gives them. What was dropped or has
 * another type now cannot be recomputed, and what was excluded later may have changed since.
 */
export function recomputations({ configs, current }: KindHistory, live: LiveColumns): Recomputations {
  const readings = new Map<string, { readonly shape: PayloadShape; readonly number: number }>();
  const numberOf = (isRead: (column: string, member: string) => boolean): number => {
    const shape = part(current, isRead);
    const known = readings.get(shape.members.join("\0")) ?? { shape, number: readings.size };
    readings.set(shape.members.join("\0"), known);
    return known.number;
  };
  const plain = numberOf((column) => live.has(column));
  const ways = configs.map((config, i) => {
    const late = new Set(configs.slice(i + 1).flatMap((later, n) => joinedLate(configs[i + n], later)));
    const numbers =
      late.size === 0 ? [plain] : [plain, numberOf((column, member) => live.has(column) && !late.has(member))];
    const changes = config.columns.flatMap((column, n) => changeOf(config, n, column, current, live));
    return { seq: config.seq, config, readings: numbers, excuse: changes.length === 0 ? null : changes.join(", ") };
  });
  return { ways, readings: [...readings.values()].map(({ shape }) => shape) };
}

function part({ columns, members, absent }: PayloadShape, isRead: (column: string, member: string) => boolean) {
  const read = columns.map((column, i) => ({ column, member: members[i] ?? column }));
  const kept = read.filter(({ column, member }) => isRead(column, member));
  return { columns: kept.map(({ column }) => column), members: kept.map(({ member }) => member), absent };
}

/** Members that joined when rows may have had other values in them than the one that is left out. */
function joinedLate(before: Config | undefined, { recordAnew, members }: Config): string[] {
  return recordAnew ? members.filter((member) => before?.members.includes(member) !== true) : [];
}

/** What became of a column since it was recorded that keeps its values from being recomputed. */
function changeOf(config: Config, n: number, column: string, current: Config, live: LiveColumns): string[] {
  const at = current.members.indexOf(config.members[n] ?? column);
  const now = current.columns[at];
  if (now === undefined) return [`${column} was ${current.excluded.includes(column) ? "excluded" : "dropped"}`];
  const typeNow = live.get(now);
  if (typeNow === undefined) return [`${column} was dropped`];
  const type = config.columnTypes[n];
  return type === undefined || type === typeNow ? [] : [`the type of ${column} changed from ${type} to ${typeNow}`];
}

/** The live columns whose texts these readings need. */
export function neededColumns(readings: readonly PayloadShape[]): string[] {
  return [...new Set(readings.flatMap(({ columns }) => columns))];
}
