import { CHAIN_COLUMNS, type ChainRow, decodeChainRow } from "./chain-row.ts";
import { Cursor } from "./cursor.ts";
import type { Lane } from "./snapshot.ts";

/**
 * Links in the order of seq; where one is there twice, always in the same order. A row whose seq is not one (NULL, zero, negative) comes with those of the beginning.
 *
 * @param from first seq; null for the beginning
 * @param to last seq; undefined for the end
 */
export async function readLinks(lane: Lane, from: bigint | null, to: bigint | undefined): Promise<Cursor<ChainRow>> {
  const names = CHAIN_COLUMNS.map(([name]) => `c.${name}`).join(", ");
  const bounds = [
    ...(from === null ? [] : [`c.seq >= ${from}`]),
    ...(to === undefined ? [] : [from === null ? `(c.seq <= ${to} or c.seq is null)` : `c.seq <= ${to}`]),
  ];
  const where = bounds.length === 0 ? "" : ` where ${bounds.join(" and ")}`;
  const query = `select ${names} from only public.audit_chain as c${where} order by c.seq nulls first, c.chain_hash`;
  return Cursor.binary(await lane.copy(query, "binary"), CHAIN_COLUMNS.length, decodeChainRow);
}

/** Whether the chain goes on after a seq. */
export async function hasLinkAfter(lane: Lane, seq: bigint): Promise<boolean> {
  const rows = await lane.query.unsafe(`select 1 from only public.audit_chain as c where c.seq > ${seq} limit 1`);
  return rows.length > 0;
}

/** The highest seq; 0 for an empty chain. */
export async function readLength(lane: Lane): Promise<bigint> {
  const [row] = await lane.query<{ last: string }[]>`
    select pg_catalog.concat(pg_catalog.max(c.seq)) as last from only public.audit_chain as c`;
  return BigInt(row?.last ?? 0);
}
