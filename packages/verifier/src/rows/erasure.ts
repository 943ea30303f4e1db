import { type Erasure, type Seconds, type Seq, toHex } from "@scidex/audit-core";
import { eachTuple, type Lane, type PublishedHeads, type Relation } from "@scidex/audit-reader";
import type { Policy } from "../coverage/policy.ts";
import type { KeyEvent } from "./key-group.ts";

/** A row that has been erased, by a statement that the policy allows. */
export interface ErasedRow {
  readonly kind: string;
  readonly pk: string;
  readonly seq: Seq;
  readonly reason: string;
  /** When it was signed, by whoever has signed it. */
  readonly at: Seconds;
  /** Name and ID of the key that has. */
  readonly by: string;
}

/** How many rows of a kind have been erased. */
export interface ErasedCount {
  readonly kind: string;
  readonly rows: number;
}

/** Rows that may be missing since they were erased, by the seq of the event that records it. */
export type ErasedRows = ReadonlyMap<Seq, ErasedRow>;

const NONE_ERASED: ErasedRows = new Map();

/**
 * Holds the statements of erasures in the sinks against the policy and the chain: each must be signed by a key that the
 * policy has for the table, be of this log, and name the event as the chain has it. One that does not is as if it were not
 * there.
 *
 * @param origins names that the log may have in statements
 */
export async function readErasures(
  lane: Lane,
  chain: Relation,
  { erasures, origins }: Pick<PublishedHeads, "erasures" | "origins">,
  policy: Policy | null,
): Promise<ErasedRows> {
  const allowed = erasures.filter((one) => origins.has(one.origin) && mayErase(policy, one));
  if (allowed.length === 0) return NONE_ERASED;
  const bySeq = Map.groupBy(allowed, ({ event }) => event.seq);
  const rows = new Map<Seq, ErasedRow>();
  const from = [...bySeq.keys()].reduce((least, seq) => (seq < least ? seq : least));
  const columns = ["seq", "chain_hash", "event_kind", "event_pk"];
  await eachTuple(await lane.scan(chain, columns, "binary", { from }), columns.length, (fields) => {
    const [number, chainHash, kind, pk] = fields;
    if (number?.length !== 8 || chainHash == null || kind == null || pk == null) return;
    const seq = number.readBigInt64BE(0);
    const stated = bySeq
      .get(seq)
      ?.find(
        (one) =>
          toHex(one.event.chainHash) === toHex(chainHash) &&
          kind.toString() === `${one.kind}:erase` &&
          pk.toString() === `${one.pk}@${seq}`,
      );
    if (stated !== undefined) rows.set(seq, rowOf(stated));
  });
  return rows;
}

const mayErase = (policy: Policy | null, { kind, key }: Erasure): boolean =>
  [...(policy?.tables.values() ?? [])].some((table) => table.kind === kind && table.erasure?.includes(key) === true);

const rowOf = ({ kind, pk, event, reason, at, key }: Erasure): ErasedRow => ({
  kind,
  pk,
  seq: event.seq,
  reason,
  at,
  by: key.split("+", 2).join("+"),
});

/** Whether an event says that its row was erased, and somebody has stated so who may. */
export const isErased = (erased: ErasedRows | null, event: KeyEvent | undefined): boolean =>
  event?.op === "erase" && event.seq !== null && erased?.has(event.seq) === true;
