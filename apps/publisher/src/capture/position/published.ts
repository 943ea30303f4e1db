import type { Sql } from "postgres";

/**
 * What decides whether the server sends a table's changes, by what it is: each publication of ours (`publication NAME`), and
 * the place of each table in one (`table RELATION`), by the versions of their rows. Somebody can drop and make them again, or
 * filter rows for a moment, and leave everything as it was, but not these. A table's place is changed by attach and detach
 * alone, which record a configuration: its id stands behind the version.
 */
export type Published = Readonly<Record<string, string>>;

export async function readPublished(sql: Sql): Promise<Published> {
  const [row] = await sql.unsafe<{ published: string | null }[]>(
    `select pg_catalog.json_object_agg(e.name, e.version)::pg_catalog.text as published from (
       select pg_catalog.concat('publication ', p.pubname) as name, pg_catalog.concat(p.oid, ' ', p.xmin) as version
         from pg_catalog.pg_publication as p where pg_catalog.starts_with(p.pubname::pg_catalog.text, 'audit_chain')
       union all
       select pg_catalog.concat('table ', n.relation), pg_catalog.concat((
                select pg_catalog.string_agg(pg_catalog.concat(m.oid, ' ', m.xmin), ', ' order by m.oid)
                  from pg_catalog.pg_publication_rel as m join pg_catalog.pg_publication as p on p.oid = m.prpubid
                 where m.prrelid = r.relid and pg_catalog.starts_with(p.pubname::pg_catalog.text, 'audit_chain')), ' by ', n.id)
         from (select distinct on (c.kind) c.* from only public.audit_chain_config as c order by c.kind, c.id desc) as n
         join only public.audit_chain_relation as r on r.kind = n.kind
        where n.mode = 'stream' and n.action <> 'detach') as e`,
  );
  return JSON.parse(row?.published ?? "{}") as Published;
}

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
  for (const [name, was] of Object.entries(before)) {
    const is = now[name];
    if (!name.startsWith("table ") || is === undefined || is === was) continue;
    if (configurationOf(is) === configurationOf(was))
      return {
        what: `the ${name} was taken out of its publication, or put into it in another way`,
        isUndecodable: false,
      };
  }
  return null;
}

const configurationOf = (version: string): string => version.slice(version.lastIndexOf(" "));
