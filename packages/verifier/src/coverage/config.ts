import { type CaptureMode, isCaptureMode, type PayloadShape } from "@scidex/audit-core";
import { parseArrayText } from "@scidex/audit-reader";
import { parseIsoDuration } from "./iso-duration.ts";
import { CONFIG_SHAPE } from "./shape.ts";

/** A row of `audit_chain_config`: what is covered, since the link that records it. */
export interface Config extends PayloadShape {
  readonly id: bigint;
  /** Seq of the row's own link; null for a row that has none, which is a finding of its own and has no effect. */
  readonly seq: bigint | null;
  readonly action: "attach" | "detach" | "complete" | "readmit" | "repair";
  readonly kind: string;
  /** Schema and name, each quoted where SQL needs it. */
  readonly relation: string;
  readonly keyColumns: readonly string[];
  readonly columnTypes: readonly string[];
  readonly excluded: readonly string[];
  readonly changes: "refuse" | "track";
  readonly mode: CaptureMode;
  readonly complete: boolean;
  /** Whether rows recorded before may have another value in a column that joined, and are to be recorded anew. */
  readonly recordAnew: boolean;
  /** Whether payloads are hashed with random bytes before them, which is not built yet: such rows cannot be recomputed. */
  readonly salt: boolean;
  /** Whether events are keyed by core's `blindKey` of the row's key. */
  readonly blindKey: boolean;
  /** How old rows must be for `audit_chain_retire` to let them go; null for none. The verifier holds to the policy's. */
  readonly retention: string | null;
  /** What was there at the attachment and would be an attack if it came later: see present.ts. */
  readonly present: readonly string[];
  /** Of a repair: by what was mended, as what it was found (repairs.ts). */
  readonly repaired: ReadonlyMap<string, string>;
  /** Who changed the configuration, as the database knew him. */
  readonly actor: string;
  /** When, as the database prints it in UTC. */
  readonly recordedAt: string;
}

/** The columns of the configuration that are read, in this order, as text. */
export const CONFIG_COLUMNS = CONFIG_SHAPE.map(([name]) => name);

/** Kind under which the configuration itself is chained, and its table's name. Built in: the database cannot say otherwise. */
export const CONFIG_KIND = "audit_chain_config";

const ACTIONS = ["attach", "detach", "complete", "readmit", "repair"] as const;
const isAction = (text: string | null | undefined): text is Config["action"] =>
  ACTIONS.some((action) => action === text);

const LARGEST_ID = 2n ** 63n - 1n;

/**
 * From the fields of a text COPY. Null for a row that no release can have written: the same rules as
 * `audit_chain_is_sound`, so that the database's doors believe no row that is left out here.
 */
export function decodeConfig(fields: readonly (string | null)[], seqOf: (id: string) => bigint | null): Config | null {
  const [id, action, kind, relation, keyColumns, columns, members, absent, columnTypes, ...rest] = fields;
  const [
    excluded,
    renamed,
    changes,
    mode,
    complete,
    recordAnew,
    salt,
    blindKey,
    retention,
    actor,
    recordedAt,
    present,
    repaired,
  ] = rest;
  if (id == null || !/^[1-9]\d{0,18}$/u.test(id) || BigInt(id) > LARGEST_ID || !isAction(action)) return null;
  if (kind == null || kind === "" || Buffer.byteLength(kind) > 200) return null;
  if (relation == null || splitRelation(relation) === null) return null;
  if ((changes !== "refuse" && changes !== "track") || !isCaptureMode(mode)) return null;
  if ((complete !== "t" && complete !== "f") || (recordAnew !== "t" && recordAnew !== "f") || actor == null)
    return null;
  if (retention != null && parseIsoDuration(retention) === undefined) return null;
  if (recordedAt == null || recordedAt.endsWith("infinity")) return null;
  try {
    parseTexts(renamed ?? "");
    const config: Config = {
      id: BigInt(id),
      seq: seqOf(id),
      action,
      kind,
      relation,
      keyColumns: parseArrayText(keyColumns ?? ""),
      columns: parseArrayText(columns ?? ""),
      members: parseArrayText(members ?? ""),
      absent: parseTexts(absent ?? ""),
      columnTypes: parseArrayText(columnTypes ?? ""),
      excluded: parseArrayText(excluded ?? ""),
      changes,
      mode,
      complete: complete === "t",
      recordAnew: recordAnew === "t",
      salt: salt === "t",
      blindKey: blindKey === "t",
      retention: retention ?? null,
      present: parseArrayText(present ?? ""),
      repaired: parseTexts(repaired ?? ""),
      actor,
      recordedAt,
    };
    return isWhole(config) ? config : null;
  } catch {
    return null;
  }
}

function isWhole({ keyColumns, columns, members, absent, columnTypes }: Config): boolean {
  const names = new Set(members);
  const lists = [columnTypes, members, [...names]];
  return (
    keyColumns.length > 0 &&
    lists.every(({ length }) => length === columns.length) &&
    [...absent.keys()].every((member) => names.has(member))
  );
}

/** A map, because a column can be called `constructor`. @throws {Error} for anything but an object of texts */
function parseTexts(text: string): Map<string, string> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("not an object");
  return new Map(
    Object.entries(value).map(([member, text]): [string, string] => {
      if (typeof text !== "string") throw new TypeError("not a text");
      return [member, text];
    }),
  );
}

/** Whether it records that the table has been dropped: a detachment that covers no columns. */
export const isDropped = ({ action, columns }: Config): boolean => action === "detach" && columns.length === 0;

/** The newest configuration that covers columns: what capture was last made of. */
export const lastShape = ({ configs, current }: Pick<KindHistory, "configs" | "current">): Config =>
  configs.findLast((config) => !isDropped(config)) ?? current;

/** Members that joined when rows may have had other values in them than the one that is left out. */
export const joinedLate = (before: Config | undefined, { recordAnew, members }: Config): string[] =>
  recordAnew ? members.filter((member) => before?.members.includes(member) !== true) : [];

/** Whether the same row has the same payload under both: columns have joined at most, with the value that is left out. */
export function isSameShape(before: Config, config: Config): boolean {
  const types = new Map(config.members.map((member, i) => [member, config.columnTypes[i]]));
  return (
    joinedLate(before, config).length === 0 &&
    before.members.every((member, i) => types.get(member) === before.columnTypes[i])
  );
}

/** What a key is made of, whatever its columns are called: the names of its members, as one text. */
export const keyMembers = ({ keyColumns, columns, members }: Config): string =>
  keyColumns.map((column) => members[columns.indexOf(column)] ?? column).join("\0");

/** The configurations of one kind, oldest first. */
export interface KindHistory {
  readonly kind: string;
  readonly configs: readonly Config[];
  /** The newest one: in force now. */
  readonly current: Config;
}

/** Histories by kind; rows that are not in the chain are left out. */
export function historiesOf(configs: readonly Config[]): Map<string, KindHistory> {
  const byKind = new Map<string, Config[]>();
  const chained = configs
    .filter((config) => config.seq !== null)
    .toSorted((a, b) => ((a.seq ?? 0n) < (b.seq ?? 0n) ? -1 : 1));
  for (const config of chained) {
    const list = byKind.get(config.kind);
    if (list === undefined) byKind.set(config.kind, [config]);
    else list.push(config);
  }
  const histories = new Map<string, KindHistory>();
  for (const [kind, list] of byKind) {
    const current = list.at(-1);
    if (current !== undefined) histories.set(kind, { kind, configs: list, current });
  }
  return histories;
}

/** The newest of a list whose own link stands before `seq`: the configuration in force for that link. */
export function inForce<T extends { readonly seq: bigint | null }>(list: readonly T[], seq: bigint): T | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.seq ?? 0n) < seq) low = middle + 1;
    else high = middle;
  }
  // A row that was there before its table was attached is chained after the attachment; nothing stands before it.
  return list[low - 1] ?? list[0];
}

/** Schema and name of a relation that is written as `quote_ident` writes it, with a dot between. */
export function splitRelation(relation: string): { schema: string; name: string } | null {
  const match = /^("(?:[^"]|"")+"|[^".]+)\.("(?:[^"]|"")+"|[^".]+)$/u.exec(relation);
  const [, schema, name] = match ?? [];
  if (schema === undefined || name === undefined) return null;
  return { schema: unquote(schema), name: unquote(name) };
}

const unquote = (part: string) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part);
