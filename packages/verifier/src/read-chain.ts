import { CHAIN_COLUMNS, type ChainRow, decodeChainRow } from "./chain-row.ts";
import { Cursor } from "./cursor.ts";
import type { KeyEvent } from "./key-group.ts";
import type { Lane } from "./snapshot.ts";
import { compareBytes } from "./byte-order.ts";
import type { Report } from "./finding.ts";

/** The name as an SQL identifier. */
const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;
/** The text as an SQL constant, whatever `standard_conforming_strings` says. */
const constant = (text: string) => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

/** What stands in the place of a table of the schema public. */
export interface TableShape {
  readonly relkind: string;
  readonly columns: ReadonlyMap<string, string>;
}

/** Columns and types of a relation as the catalog has them; null where there is none of that name. */
export async function readShape(lane: Lane, schema: string, name: string): Promise<TableShape | null> {
  const [relation] = await lane.query<{ oid: string; relkind: string }[]>`
    select c.oid::text as oid, c.relkind::text as relkind
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = ${schema} and c.relname = ${name}`;
  if (relation === undefined) return null;
  const columns = await lane.query<{ name: string; type: string }[]>`
    select a.attname::text as name, pg_catalog.format_type(a.atttypid, null) as type
      from pg_catalog.pg_attribute as a
     where a.attrelid = ${relation.oid}::oid and a.attnum > 0 and not a.attisdropped`;
  return { relkind: relation.relkind, columns: new Map(columns.map((c) => [c.name, c.type])) };
}

/** Whether a relation has the columns of the chain, with the types that are read. */
export function hasChainColumns(shape: TableShape): boolean {
  return CHAIN_COLUMNS.every(([name, type]) => shape.columns.get(name) === type);
}

/** The chain in the order of seq, from `from` on. */
export async function readLinks(lane: Lane, from: bigint, to: bigint | undefined): Promise<Cursor<ChainRow>> {
  const names = CHAIN_COLUMNS.map(([name]) => `c.${name}`).join(", ");
  const bounds = [...(from > 1n ? [`c.seq >= ${from}`] : []), ...(to === undefined ? [] : [`c.seq <= ${to}`])];
  const where = bounds.length === 0 ? "" : ` where ${bounds.join(" and ")}`;
  const query = `select ${names} from only public.audit_chain as c${where} order by c.seq`;
  return Cursor.binary(await lane.copy(query, "binary"), CHAIN_COLUMNS.length, decodeChainRow);
}

/** An event in the order of kind and key. `kind` and `key` are those of the row that it is about. */
export interface KeyedEvent extends KeyEvent {
  readonly kind: string;
  readonly key: string;
  /** `event`, `insert`, `update` or `delete`; empty for an event in the chain that is not a change. */
  readonly op: string;
}

const CHANGES = ["insert", "update", "delete"] as const;

/**
 * The chain, and with `pending` what is to be linked, in the order of kind, key and seq: events of one row stand
 * together, with its changes, whose key ends in `@` and their own seq.
 */
export async function readEventsByKey(
  lane: Lane,
  tableKinds: readonly string[],
  pending: boolean,
  report: Report,
): Promise<Cursor<KeyedEvent>> {
  const changeKinds = tableKinds.flatMap((kind) => CHANGES.map((change) => [`${kind}:${change}`, kind] as const));
  const kindOf = (column: string) =>
    changeKinds.length === 0
      ? column
      : `case ${column} ${changeKinds.map(([change, kind]) => `when ${constant(change)} then ${constant(kind)}`).join(" ")} else ${column} end`;
  const isChange = (column: string) =>
    changeKinds.length === 0 ? "false" : `${column} in (${changeKinds.map(([change]) => constant(change)).join(", ")})`;
  // The suffix is cut off by its length, and checked here afterwards.
  const keyOf = `case when ${isChange("c.event_kind")} then pg_catalog."left"(c.event_pk, - (pg_catalog.length(c.seq::text) + 1)) else c.event_pk end`;
  const chained = `select c.seq, c.event_kind, c.event_pk, c.payload_hash, (${kindOf("c.event_kind")}) collate "C" as kind, (${keyOf}) collate "C" as key, 0::bigint as id, null::text as op from only public.audit_chain as c`;
  const staged = `select null::bigint, p.event_kind, p.event_pk, p.payload_hash, p.event_kind, p.event_pk, p.id, p.op from only public.audit_chain_pending as p where p.conflict is null`;
  const query = `select * from (${chained}${pending ? ` union all ${staged}` : ""}) as e order by e.kind collate "C", e.key collate "C", e.seq nulls last, e.id`;
  const changes = new Map<string, string>(changeKinds);
  return Cursor.binary(await lane.copy(query, "binary"), 8, (f): KeyedEvent => {
    const text = (i: number) => f[i]?.toString("utf8") ?? "";
    const big = (i: number) => (f[i] != null && f[i]?.length === 8 ? (f[i]?.readBigInt64BE(0) ?? 0n) : null);
    const seq = big(0);
    const eventKind = text(1);
    const eventPk = text(2);
    const key = text(5);
    if (seq !== null && changes.has(eventKind) && eventPk !== `${key}@${seq}`) {
      report({
        check: "event_hash",
        seq,
        event_kind: eventKind,
        event_pk: eventPk,
        message: "the key of a change does not end in its own seq",
      });
    }
    const op = seq === null ? text(7) : eventKind.slice(text(4).length + 1);
    return {
      seq,
      eventKind,
      eventPk,
      payloadHash: f[3] == null ? new Uint8Array(0) : Uint8Array.prototype.slice.call(f[3]),
      isDelete: op === "delete",
      kind: text(4),
      key,
      op,
    };
  });
}

/** A row of an audited table: its key and the texts of the columns asked for. */
export interface SourceRow {
  readonly key: string;
  readonly texts: ReadonlyMap<string, string | null>;
}

/** The rows of a table in the order of their keys. `key` is the SQL expression of the key. */
export async function readSource(
  lane: Lane,
  table: { readonly schema: string; readonly name: string; readonly isPartitioned: boolean },
  key: string,
  columns: readonly string[],
): Promise<Cursor<SourceRow>> {
  const from = `${table.isPartitioned ? "" : "only "}${identifier(table.schema)}.${identifier(table.name)}`;
  const list = [`${key} collate "C"`, ...columns.map((column) => `t.${identifier(column)}`)].join(", ");
  const query = `select ${list} from ${from} as t order by 1`;
  return Cursor.text(await lane.copy(query, "text"), (fields) => ({
    key: fields[0] ?? "",
    texts: new Map(columns.map((column, i) => [column, fields[i + 1] ?? null])),
  }));
}

/** Whether what follows is in the order in which it was asked for. */
export function isInOrder(before: { kind?: string; key: string }, after: { kind?: string; key: string }): boolean {
  const kinds = compareBytes(before.kind ?? "", after.kind ?? "");
  return kinds < 0 || (kinds === 0 && compareBytes(before.key, after.key) <= 0);
}
