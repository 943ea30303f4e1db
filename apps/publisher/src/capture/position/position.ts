import type { Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { type Lsn, lsnText, parseLsn } from "../pgoutput/lsn.ts";

/** How far the write-ahead log is linked, as `audit_chain_position` has it. */
export interface Position extends Place {
  readonly id: string;
  readonly slot: string;
  readonly publications: readonly string[];
  readonly systemIdentifier: string;
}

/**
 * A place in the log: everything that was committed before `linkedTo` is linked, and of the transaction whose commit
 * stands at `within` the first `changes` changes.
 */
export interface Place {
  readonly linkedTo: Lsn;
  readonly within: Lsn | null;
  readonly changes: number;
}

/** Never thrown away: what is newer is a whole transaction further, or more of the same one. */
export const isSamePlace = (a: Place, b: Place): boolean =>
  a.linkedTo === b.linkedTo && a.within === b.within && a.changes === b.changes;

export const placeText = ({ linkedTo, within, changes }: Place): string =>
  within === null ? lsnText(linkedTo) : `${lsnText(linkedTo)} and ${changes} changes of ${lsnText(within)}`;

/** The newest position; undefined where there is none. */
export async function readPosition(sql: Sql): Promise<Position | undefined> {
  const [row] = await sql.unsafe<
    {
      id: string;
      slot: string;
      publications: string;
      system: string;
      linked_to: string;
      within: string | null;
      changes: number;
    }[]
  >(
    `select p.id::pg_catalog.text, p.slot::pg_catalog.text, pg_catalog.to_json(p.publications)::pg_catalog.text as publications,
            p.system_identifier::pg_catalog.text as system, p.linked_to::pg_catalog.text, p.within::pg_catalog.text, p.changes
       from only public.audit_chain_position as p order by p.id desc limit 1`,
  );
  if (row === undefined) return undefined;
  return {
    id: row.id,
    slot: row.slot,
    publications: JSON.parse(row.publications) as string[],
    systemIdentifier: row.system,
    linkedTo: lsnOf(row.linked_to),
    within: row.within === null ? null : lsnOf(row.within),
    changes: row.changes,
  };
}

/** @throws {PublisherError} `database` */
export function lsnOf(text: string): Lsn {
  const lsn = parseLsn(text);
  if (lsn === undefined) throw new PublisherError("database", `${JSON.stringify(text)} is no position in the log`);
  return lsn;
}
