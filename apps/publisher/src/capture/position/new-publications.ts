import type { Sql } from "postgres";
import { type Lsn } from "../pgoutput/lsn.ts";
import { lsnOf } from "./position.ts";

/** Publications that are to be followed, and from where on that can be done. */
export interface Adoption {
  readonly publications: readonly string[];
  readonly from: Lsn;
}

/** How often it is looked for new ones, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/**
 * Looks for publications that have come since. A transaction that began before there was one cannot be decoded with it (up to
 * PostgreSQL 17 it is an error, for ever), so it is followed when all have ended that ran when it was first seen. Until then
 * nothing is in it: attach waits for that.
 */
export class NewPublications {
  #lookedMs = -Infinity;
  #seen: { readonly publications: string; readonly xmax: bigint } | undefined;
  #adoption: Adoption | undefined;

  /** Whether it only waits for the log to be linked so far. */
  get isWaiting(): boolean {
    return this.#adoption !== undefined;
  }

  /** What can be followed now; undefined where there is nothing new. */
  async look(sql: Sql, followed: readonly string[]): Promise<Adoption | undefined> {
    if (this.#adoption !== undefined) return this.#adoption;
    if (performance.now() - this.#lookedMs < LOOK_EVERY_MS) return undefined;
    this.#lookedMs = performance.now();
    const [row] = await sql.unsafe<{ names: string | null; xmin: string; xmax: string; lsn: string }[]>(
      `select (select pg_catalog.json_agg(p.pubname order by p.pubname) from pg_catalog.pg_publication as p
                where pg_catalog.starts_with(p.pubname::pg_catalog.text, 'audit_chain'))::pg_catalog.text as names,
              pg_catalog.pg_snapshot_xmin(s.now)::pg_catalog.text as xmin, pg_catalog.pg_snapshot_xmax(s.now)::pg_catalog.text as xmax,
              pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text as lsn
         from pg_catalog.pg_current_snapshot() as s(now)`,
    );
    const names = row?.names ?? "[]";
    const publications = JSON.parse(names) as string[];
    if (row === undefined || publications.every((name) => followed.includes(name))) {
      this.#seen = undefined;
      return undefined;
    }
    if (this.#seen?.publications !== names) this.#seen = { publications: names, xmax: BigInt(row.xmax) };
    else if (BigInt(row.xmin) >= this.#seen.xmax) this.#adoption = { publications, from: lsnOf(row.lsn) };
    return this.#adoption;
  }
}
