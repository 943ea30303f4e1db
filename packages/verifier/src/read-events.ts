import { compareBytes } from "./byte-order.ts";
import { Cursor } from "./cursor.ts";
import type { KeyEvent } from "./key-group.ts";
import type { Lane } from "./snapshot.ts";
import { constant, inByteOrder } from "./sql-text.ts";

/** An event in the order of kind and key. `kind` and `key` are those of the row that it is about. */
export interface KeyedEvent extends KeyEvent {
  readonly kind: string;
  readonly key: string;
}

const CHANGES = ["insert", "update", "delete"] as const;

/**
 * The chain, and with `pending` what is to be linked, in the order of kind, key and seq: events of one row stand
 * together, with its changes, whose key ends in `@` and their own seq.
 *
 * @param only kinds of tables whose events are wanted; null for all events there are
 */
export async function readEventsByKey(
  lane: Lane,
  tableKinds: readonly string[],
  pending: boolean,
  only: readonly string[] | null = null,
): Promise<Cursor<KeyedEvent>> {
  const changeKinds = tableKinds.flatMap((kind) => CHANGES.map((change) => [`${kind}:${change}`, kind] as const));
  const kindOf =
    changeKinds.length === 0
      ? "c.event_kind"
      : `case c.event_kind ${changeKinds.map(([change, kind]) => `when ${constant(change)} then ${constant(kind)}`).join(" ")} else c.event_kind end`;
  const isChange =
    changeKinds.length === 0
      ? "false"
      : `c.event_kind in (${changeKinds.map(([change]) => constant(change)).join(", ")})`;
  // Cut off at the last @, and compared with the seq afterwards: a copy of a change stands beside what it is a copy of.
  const keyOf = `case when ${isChange} then pg_catalog.regexp_replace(c.event_pk, '@[^@]*$', '') else c.event_pk end`;
  const wanted = only?.flatMap((kind) => [kind, ...CHANGES.map((change) => `${kind}:${change}`)]).map(constant);
  const isWanted = wanted === undefined ? "true" : `event_kind in (${wanted.join(", ")})`;
  const chained = `select c.seq, c.event_kind, c.event_pk, c.payload_hash, ${kindOf} as kind, ${keyOf} as key, 0::bigint as id, null::text as op from only public.audit_chain as c where ${isWanted}`;
  const staged = `select null::bigint, p.event_kind, p.event_pk, p.payload_hash, p.event_kind, p.event_pk, p.id, p.op from only public.audit_chain_pending as p where p.conflict is null and ${isWanted}`;
  const order = ["e.kind", "e.key"].map((column) => `${inByteOrder(column, lane.encoding)} nulls first`).join(", ");
  const query = `select e.* from (${chained}${pending ? ` union all ${staged}` : ""}) as e order by ${order}, e.seq nulls last, e.id`;
  const changes = new Map<string, string>(changeKinds);
  return Cursor.binary(await lane.copy(query, "binary"), 8, (f): KeyedEvent => {
    const text = (i: number) => f[i]?.toString("utf8") ?? "";
    const seq = f[0] != null && f[0].length === 8 ? f[0].readBigInt64BE(0) : null;
    const eventKind = text(1);
    const eventPk = text(2);
    const kind = text(4);
    const key = text(5);
    const op = seq === null ? text(7) : changes.has(eventKind) ? eventKind.slice(kind.length + 1) : "event";
    return {
      seq,
      eventKind,
      eventPk,
      payloadHash: f[3] == null ? new Uint8Array(0) : Uint8Array.prototype.slice.call(f[3]),
      op,
      kind,
      key,
    };
  });
}

/** Whether what follows is in the order in which it was asked for. */
export function isInOrder(
  before: { readonly kind?: string; readonly key: string },
  after: { readonly kind?: string; readonly key: string },
): boolean {
  const kinds = compareBytes(before.kind ?? "", after.kind ?? "");
  return kinds < 0 || (kinds === 0 && compareBytes(before.key, after.key) <= 0);
}
