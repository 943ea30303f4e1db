import { CHAIN_COLUMNS, type ChainRow, decodeChainRow } from "./chain-row.ts";
import { Cursor } from "./cursor.ts";
import type { Chunks, Lane } from "./snapshot.ts";

/**
 * Links in the order of seq; where one is there twice, always in the same order. A row whose seq is not one (NULL, zero, negative) comes with those of the beginning.
 *
 * @param from first seq; null for the beginning
 * @param to last seq; undefined for the end
 */
export async function readLinks(lane: Lane, from: bigint | null, to: bigint | undefined): Promise<Cursor<ChainRow>> {
  return Cursor.binary(await streamLinks(lane, from, to), CHAIN_COLUMNS.length, decodeChainRow);
}

/**
 * The bytes of the same, as a binary COPY.
 *
 * @param isSorted false for the order in which the rows stand in the table, which costs the server nothing
 */
export async function streamLinks(
  lane: Lane,
  from: bigint | null,
  to: bigint | undefined,
  isSorted = true,
): Promise<Chunks> {
  const names = CHAIN_COLUMNS.map(([name]) => `c.${name}`).join(", ");
  const bounds = [
    ...(from === null ? [] : [`c.seq >= ${from}`]),
    ...(to === undefined ? [] : [from === null ? `(c.seq <= ${to} or c.seq is null)` : `c.seq <= ${to}`]),
  ];
  const where = bounds.length === 0 ? "" : ` where ${bounds.join(" and ")}`;
  const query = `select ${names} from only public.audit_chain as c${where}${isSorted ? " order by c.seq nulls first, c.chain_hash" : ""}`;
  // Several processes of the server would mix the rows.
  if (!isSorted) await lane.query.unsafe("set local max_parallel_workers_per_gather = 0");
  return await lane.copy(query, "binary");
}

/** Samples of the chain, in pages: how many, and how long. */
const SAMPLES = 16;
const SAMPLE_PAGES = 4;

/**
 * Whether samples of the chain stand in the table in the order of seq, as they do where one process after another has
 * appended: sorting takes the server a third longer. No more than a guess.
 */
export async function looksSorted(lane: Lane, pages: number): Promise<boolean> {
  const samples = await Promise.all(
    Array.from({ length: SAMPLES }, async (_, i) => {
      const page = Math.floor((pages * i) / SAMPLES);
      return await lane.query.unsafe<{ seq: string }[]>(
        `select pg_catalog.concat(c.seq) as seq from only public.audit_chain as c where c.ctid >= '(${page},0)'::pg_catalog.tid and c.ctid < '(${page + SAMPLE_PAGES},0)'::pg_catalog.tid`,
      );
    }),
  );
  return samples.every((rows) => rows.every(({ seq }, i) => i === 0 || Number(seq) === Number(rows[i - 1]?.seq) + 1));
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

/**
 * Pages of the chain, by the size of its file, which cannot be made to lie as easily as the server's statistics. Nothing
 * that is proved may depend on it all the same. It takes the table's lock.
 */
export async function countPages(lane: Lane): Promise<number> {
  const [row] = await lane.query<{ pages: string }[]>`
    select pg_catalog.concat(pg_catalog.pg_relation_size(c.oid, 'main') / pg_catalog.current_setting('block_size')::bigint) as pages
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relname = 'audit_chain'`;
  return Number(row?.pages) || 0;
}

/** Pages of a table as the server estimates them: takes no lock, and is no proof of anything. */
export async function estimatePages(lane: Lane, schema: string, name: string): Promise<number> {
  const [row] = await lane.query<{ pages: string }[]>`
    select pg_catalog.concat(c.relpages) as pages
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = ${schema} and c.relname = ${name}`;
  return Math.max(Number(row?.pages) || 0, 0);
}
