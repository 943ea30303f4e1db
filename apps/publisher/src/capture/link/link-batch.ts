import type { Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { arrayText } from "../../record/doors.ts";
import { lsnText } from "../pgoutput/lsn.ts";
import type { Batch } from "./batch.ts";

/** What became of a batch. */
export interface Linked {
  /** The new position's id. */
  readonly position: string;
  readonly links: readonly Link[];
}

/** What became of an event. */
export interface Link {
  /** Null where the chain had it already. */
  readonly seq: bigint | null;
  /** Whether the row before it is another one than the chain has. */
  readonly isUnexpected: boolean;
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
  const links = seqs.map((seq) => ({
    seq: seq === null ? null : BigInt(Math.abs(seq)),
    isUnexpected: seq !== null && seq < 0,
  }));
  return { position: String(position), links };
}
