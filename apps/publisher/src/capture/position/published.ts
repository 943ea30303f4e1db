import type { Sql } from "postgres";

/**
 * What decides whether the server sends a table's changes, by what it is. Somebody can drop and make a publication again, or
 * filter rows for a moment, and leave everything as it was, but not the versions of these rows:
 *
 * - `publication NAME`, each publication of ours: its number and version;
 * - `kind KIND`, each kind that has been in the mode `stream`: its table's number, the configuration since which it is in that
 *   mode without a break, and the newest one;
 * - `relation NUMBER`, each such table and partition: its places in publications, and that first configuration.
 *
 * What attach and detach change of it, they record as a configuration.
 */
export type Published = Readonly<Record<string, string>>;

export async function readPublished(sql: Sql): Promise<Published> {
  const [row] = await sql.unsafe<{ published: string | null }[]>(
    `with recursive kind as (
       select distinct on (c.kind) c.kind, c.id, c.mode = 'stream' and c.action <> 'detach' as is_followed, r.relid::pg_catalog.oid as relid,
              coalesce((select max(o.id) from only public.audit_chain_config as o
                         where o.kind = c.kind and (o.mode <> 'stream' or o.action = 'detach')), 0) as since
         from only public.audit_chain_config as c left join only public.audit_chain_relation as r on r.kind = c.kind
        where exists (select from only public.audit_chain_config as s where s.kind = c.kind and s.mode = 'stream')
        order by c.kind, c.id desc
     ), tree as (
       select k.since, c.oid from kind as k join pg_catalog.pg_class as c on c.oid = k.relid where k.is_followed
       union all
       select t.since, i.inhrelid from tree as t join pg_catalog.pg_inherits as i on i.inhparent = t.oid
         join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition
     ), place as (
       select m.prrelid as relid, pg_catalog.string_agg(pg_catalog.concat(m.oid, ' ', m.xmin,
                case when coalesce(pg_catalog.to_jsonb(m) ->> 'prqual', pg_catalog.to_jsonb(m) ->> 'prattrs') is not null then ' ${PARTLY}' end), ', ' order by m.oid) as places
         from pg_catalog.pg_publication_rel as m join pg_catalog.pg_publication as p on p.oid = m.prpubid
        where pg_catalog.starts_with(p.pubname::pg_catalog.text, 'audit_chain') group by m.prrelid
     )
     select pg_catalog.json_object_agg(e.name, e.version)::pg_catalog.text as published from (
       select pg_catalog.concat('publication ', p.pubname) as name, pg_catalog.concat(p.oid, ' ', p.xmin) as version
         from pg_catalog.pg_publication as p where pg_catalog.starts_with(p.pubname::pg_catalog.text, 'audit_chain')
       union all
       select pg_catalog.concat('kind ', k.kind), pg_catalog.concat(case
                when k.relid is null then 'none' when exists (select from pg_catalog.pg_class as c where c.oid = k.relid) then k.relid::pg_catalog.text
                else '${GONE}' end, '; ', k.since, '; ', k.id) from kind as k
       union all
       select pg_catalog.concat('relation ', t.oid), pg_catalog.concat(m.places, '; ', t.since) from tree as t left join place as m on m.relid = t.oid) as e`,
  );
  return JSON.parse(row?.published ?? "{}") as Published;
}

/** Of a place in a publication: not all rows, or not all columns. */
const PARTLY = "in part";

/** Of a table: it was dropped. */
const GONE = "gone";

/** What was done to publications past attach and detach. */
export interface Tampered {
  readonly what: string;
  /** Whether the log cannot be decoded any more: what was written before names a publication that is not there. */
  readonly isUndecodable: boolean;
}

/** @param followed the publications that are followed */
export function tamperedWith(before: Published, now: Published, followed: readonly string[]): Tampered | null {
  for (const name of followed) {
    const was = before[`publication ${name}`];
    const is = now[`publication ${name}`];
    if (is === undefined || (was !== undefined && was !== is))
      return { what: `the publication ${name} was dropped or altered`, isUndecodable: true };
  }
  // What was before is not known.
  if (Object.keys(before).length === 0) return null;
  for (const [name, was] of Object.entries(before)) {
    const is = now[name];
    if (name.startsWith("kind ") && isMoved(was, is))
      return {
        what: `what stands for the table of the kind ${JSON.stringify(name.slice(5))} was changed`,
        isUndecodable: false,
      };
  }
  for (const [name, is] of Object.entries(now))
    if (name.startsWith("relation ") && isPlacedOtherwise(before[name], is))
      return {
        what: `the table number ${name.slice(9)} was taken out of its publication, or put into it in another way`,
        isUndecodable: false,
      };
  return null;
}

/** A table becomes part of another, or is made again, by what attach records. That it was dropped is the verifier's. */
function isMoved(was: string, is: string | undefined): boolean {
  if (is === undefined) return true;
  const [table = "", since, newest] = was.split("; ");
  const [tableNow, sinceNow, newestNow] = is.split("; ");
  return table !== tableNow && since === sinceNow && newest === newestNow && tableNow !== GONE;
}

/** A partition that is none any more is in no tree, and one that comes is sent as a part of the whole. */
function isPlacedOtherwise(was: string | undefined, is: string): boolean {
  const [places = "", since] = (was ?? "").split("; ");
  const [placesNow = "", sinceNow] = is.split("; ");
  if (placesNow.includes(PARTLY) && places !== placesNow) return true;
  return was !== undefined && places !== "" && places !== placesNow && since === sinceNow;
}
