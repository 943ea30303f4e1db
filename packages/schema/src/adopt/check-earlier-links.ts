import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { oneRow } from "../set-up/one-row.ts";
import { SAFE_PATH } from "../set-up/begin-set-up.ts";
import { EARLIER } from "../set-up/make-room.ts";

/** Rows of one kind: how many, and the seq of the first; null where there is none. */
export interface EarlierRows {
  readonly rows: number;
  readonly first: bigint | null;
}

/** What the links of an earlier chain are like, by the formula of that chain. */
export interface EarlierLinks {
  readonly rows: number;
  /** Links whose chain hash is SHA-256(prev_hash || event_hash || seq), with the seq as 8 bytes, big-endian. */
  readonly asBytes: number;
  /** The same with the seq as decimal digits. */
  readonly asText: number;
  /** Links whose chain hash is neither. */
  readonly wrong: EarlierRows;
  /** Links that follow the same link as another one does: two writers had read the same head. */
  readonly forked: EarlierRows;
  /** Other links that do not follow the one before them. */
  readonly broken: EarlierRows;
  /** Links before which a seq is missing: a rolled-back transaction had it, or the link was deleted. */
  readonly afterGap: EarlierRows;
}

/**
 * Checks the links of an earlier chain that has been taken over. It says what that chain proves, and changes nothing:
 * whoever could write to it could also recompute it.
 */
export async function checkEarlierLinks(db: AnyPgDatabase): Promise<EarlierLinks> {
  return await db.transaction(
    async (tx) => {
      await tx.execute(SAFE_PATH);
      const rows = await tx
        .select({
          rows: count("all"),
          asBytes: count("as_bytes"),
          asText: count("as_text"),
          wrong: count("wrong"),
          firstWrong: first("wrong"),
          forked: count("forked"),
          firstForked: first("forked"),
          broken: count("broken"),
          firstBroken: first("broken"),
          afterGap: count("after_gap"),
          firstAfterGap: first("after_gap"),
        })
        .from(
          sql`(select l.seq, true as "all", l.as_bytes, l.as_text, not (l.as_bytes or l.as_text) as wrong, l.siblings > 1 as forked,
                      l.siblings = 1 and not l.follows as broken, l.after_gap
                 from (select e.seq::bigint as seq,
                              e.chain_hash is not distinct from pg_catalog.sha256(e.prev_hash || e.event_hash || pg_catalog.int8send(e.seq)) as as_bytes,
                              e.chain_hash is not distinct from pg_catalog.sha256(e.prev_hash || e.event_hash || pg_catalog.convert_to(e.seq::text, 'UTF8')) as as_text,
                              e.prev_hash is not distinct from coalesce(pg_catalog.lag(e.chain_hash) over w, pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex')) as follows,
                              e.seq <> coalesce(pg_catalog.lag(e.seq) over w, 0) + 1 as after_gap,
                              pg_catalog.count(*) over (partition by e.prev_hash) as siblings
                         from public.${sql.identifier(EARLIER)} as e window w as (order by e.seq)) as l) as l`,
        );
      const row = oneRow(rows);
      const those = (number: string, seq: string | null): EarlierRows => ({
        rows: Number(number),
        first: seq === null ? null : BigInt(seq),
      });
      return {
        rows: Number(row.rows),
        asBytes: Number(row.asBytes),
        asText: Number(row.asText),
        wrong: those(row.wrong, row.firstWrong),
        forked: those(row.forked, row.firstForked),
        broken: those(row.broken, row.firstBroken),
        afterGap: those(row.afterGap, row.firstAfterGap),
      };
    },
    { accessMode: "read only" },
  );
}

const count = (is: string) => sql<string>`(pg_catalog.count(*) filter (where l.${sql.identifier(is)}))::text`;
const first = (is: string) => sql<string | null>`(pg_catalog.min(l.seq) filter (where l.${sql.identifier(is)}))::text`;
