import type { Lane } from "./snapshot.ts";

/** What waits to be linked. */
export interface Pending {
  readonly rows: bigint;
  /** Age of the oldest, in seconds; null where there is none. */
  readonly age: number | null;
  readonly warnings: readonly string[];
}

export async function readPending(lane: Lane): Promise<Pending> {
  const [row] = await lane.query<{ n: string; age: string; conflicts: string }[]>`
    select pg_catalog.concat(pg_catalog.count(*) filter (where p.conflict is null)) as n,
           pg_catalog.concat(extract(epoch from
             pg_catalog.clock_timestamp() - pg_catalog.min(p.staged_at) filter (where p.conflict is null))) as age,
           pg_catalog.concat(pg_catalog.count(*) filter (where p.conflict is not null)) as conflicts
      from only public.audit_chain_pending as p`;
  const { n = "0", age = "", conflicts = "0" } = row ?? {};
  return {
    rows: BigInt(n),
    age: age === "" ? null : Math.floor(Number(age)),
    warnings:
      conflicts === "0"
        ? []
        : [
            `${conflicts} captured rows were set aside by the sealer, because their events are chained with another hash: audit-chain status lists them`,
          ],
  };
}
