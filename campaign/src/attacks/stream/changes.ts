import type { Expected, Trial, Where } from "../../attack.ts";
import { rowOf, readChain } from "../../attacker/chain.ts";
import { newestOf, type Streamed, streamed } from "../../world/streamed.ts";

/** How a row of a table that refuses changes is changed past its guard, and what is seen of it. */
interface Change {
  readonly variant: string;
  readonly sql: (tables: Streamed) => string;
  /** The event that it makes, of row 1 of a table; undefined where the log shows none. */
  readonly event?: "update" | "delete";
  readonly in?: "parts";
  /** What is found where the log shows no event of a row. */
  readonly found?: "source_edited" | "source_deleted";
  readonly says?: "change_refused" | "capture_gap";
}

const CHANGES: readonly Change[] = [
  { variant: "an edit", event: "update", sql: ({ notes }) => `update public.${notes} set body = 'x' where id = 1` },
  { variant: "a deletion", event: "delete", sql: ({ notes }) => `delete from public.${notes} where id = 1` },
  {
    variant: "an edit, put back",
    event: "update",
    sql: ({ notes }) =>
      `update public.${notes} set body = 'x' where id = 1; update public.${notes} set body = 'a' where id = 1`,
  },
  {
    variant: "an edit, with triggers disabled",
    event: "update",
    sql: ({ notes }) =>
      `set session_replication_role = origin; alter table public.${notes} disable trigger all; update public.${notes} set body = 'x' where id = 1;
       alter table public.${notes} enable trigger all; set session_replication_role = replica`,
  },
  {
    variant: "another key",
    event: "delete",
    sql: ({ notes }) => `update public.${notes} set id = 77 where id = 1`,
  },
  {
    variant: "a deletion, and the row again",
    event: "delete",
    sql: ({ notes }) => `delete from public.${notes} where id = 1; insert into public.${notes} values (1, 'a')`,
  },
  {
    variant: "an edit in a partition",
    event: "update",
    in: "parts",
    sql: ({ parts }) => `update public.${parts}_a set body = 'x' where id = 1`,
  },
  {
    variant: "a row moved to another partition",
    event: "delete",
    in: "parts",
    sql: ({ parts }) => `update public.${parts} set id = 177 where id = 1`,
  },
  {
    variant: "a truncation",
    found: "source_deleted",
    says: "change_refused",
    sql: ({ notes }) => `truncate public.${notes}`,
  },
  {
    variant: "a truncation of a partition",
    in: "parts",
    found: "source_deleted",
    says: "change_refused",
    sql: ({ parts }) => `truncate public.${parts}_a`,
  },
  {
    variant: "DDL that rewrites rows",
    found: "source_edited",
    sql: ({ notes }) =>
      `alter table public.${notes} alter body type varchar(99) using body || 'x'; alter table public.${notes} alter body type text`,
  },
  {
    variant: "a partition dropped, and one without a row in its place",
    in: "parts",
    found: "source_deleted",
    sql: ({ parts }) =>
      `create table public.kept as select * from public.${parts}_a where id > 1; drop table public.${parts}_a;
       create table public.${parts}_a partition of public.${parts} for values from (0) to (100); alter table public.${parts}_a owner to current_user`,
  },
  {
    variant: "a partition unlogged for a moment",
    in: "parts",
    found: "source_edited",
    says: "capture_gap",
    sql: ({ parts, publication }) =>
      `alter publication ${publication} drop table public.${parts}_a; alter table public.${parts}_a set unlogged; update public.${parts}_a set body = 'x' where id = 1;
       alter table public.${parts}_a set logged; alter publication ${publication} add table public.${parts}_a`,
  },
];

/** B17: the log shows it whoever has done it, and however. */
export async function changePast(trial: Trial): Promise<Expected> {
  const { attacker, random, world } = trial;
  const tables = await streamed(world, trial.fresh());
  const { variant, sql, event, in: where = "notes", found, says } = random.pick(CHANGES);
  const kind = tables[where];
  const before = await newestOf(attacker, kind, "1");
  await attacker.run(sql(tables));
  if (event !== undefined || says !== undefined)
    await tables.capture.says(variant, says ?? "change_refused", says === "capture_gap" ? undefined : kind);
  await tables.capture.linked();
  if (found !== undefined)
    return { variant, found: [{ check: found, seq: before.seq, kind: before.kind, pk: before.pk }] };
  const links = (await readChain(attacker)).filter(
    (link) => link.kind === `${kind}:${event}` && rowOf(link).pk === "1",
  );
  const refused = links.map((link): Where => ({
    check: "change_refused",
    seq: link.seq,
    kind: link.kind,
    pk: link.pk,
  }));
  if (refused.length === 0) throw new Error(`no ${event} of row 1 of ${kind} was linked`);
  return { variant, found: refused, all: true };
}
