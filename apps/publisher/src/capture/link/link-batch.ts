import type { Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { arrayText } from "../../record/doors.ts";
import { lsnText } from "../pgoutput/lsn.ts";
import type { Batch } from "./batch.ts";

/** What became of a batch. */
export interface Linked {
  /** The new position's id. */
  readonly position: string;
  /** For each event its seq, null where the chain had it already. */
  readonly seqs: readonly (bigint | null)[];
}

/** Links a batch through the door, with the place behind it, behind the position of that id. */
export async function linkBatch(sql: Sql, before: string, { events, place }: Batch): Promise<Linked> {
  const hashes = (of: (event: (typeof events)[number]) => string | null): string =>
    arrayText(
      events.map((event) => {
        const hash = of(event);
        return hash === null ? null : `\\x${hash}`;
      }),
    );
  // One statement, and so one transaction: the function sees to it that its commit waits for the disk.
  const [row] = await sql.unsafe<{ seqs: string }[]>(
    `select pg_catalog.array_to_json(public.audit_chain_stream($1::pg_catalog.int8, $2::pg_catalog.pg_lsn, $3::pg_catalog.pg_lsn, $4::pg_catalog.int4,
       $5::pg_catalog.text::pg_catalog.text[], $6::pg_catalog.text::pg_catalog.text[], $7::pg_catalog.text::pg_catalog.bytea[],
       $8::pg_catalog.text::pg_catalog.bytea[], $9::pg_catalog.text::pg_catalog.text[]))::pg_catalog.text as seqs`,
    [
      before,
      lsnText(place.linkedTo),
      place.within === null ? null : lsnText(place.within),
      place.changes,
      arrayText(events.map(({ kind }) => kind)),
      arrayText(events.map(({ pk }) => pk)),
      hashes(({ payloadHash }) => payloadHash),
      hashes(({ beforeHash }) => beforeHash),
      arrayText(events.map(({ op }) => op)),
    ],
  );
  const seqs = JSON.parse(row?.seqs ?? "[]") as (number | null)[];
  const position = seqs.pop();
  if (typeof position !== "number") throw new PublisherError("database", "audit_chain_stream has returned nothing");
  return { position: String(position), seqs: seqs.map((seq) => (seq === null ? null : BigInt(seq))) };
}
