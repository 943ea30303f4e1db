import { fromHex, type Link } from "../src/index.ts";

/** An entry of vectors/links.json. */
export interface LinkVector {
  readonly seq: number;
  readonly event_kind: string;
  readonly event_pk: string;
  readonly payload_hash: string;
  readonly before_hash: string | null;
  readonly event: string;
  readonly event_hash: string;
  readonly prev_hash: string;
  readonly chain_hash: string;
  readonly appended_at: string;
  readonly leaf: string;
  readonly leaf_hash: string;
  readonly root: string;
}

export function linkOf(vector: LinkVector): Link {
  return {
    seq: BigInt(vector.seq),
    eventKind: vector.event_kind,
    eventPk: vector.event_pk,
    payloadHash: fromHex(vector.payload_hash),
    eventHash: fromHex(vector.event_hash),
    prevHash: fromHex(vector.prev_hash),
    chainHash: fromHex(vector.chain_hash),
    beforeHash: vector.before_hash === null ? null : fromHex(vector.before_hash),
    appendedAt: vector.appended_at,
  };
}
