import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "./database.ts";

/** How long the capture process may take to follow a publication, in milliseconds: until what runs now has ended. */
const FOLLOWED_WITHIN_MS = 15_000;
/** The same for one that has only just been started. */
const BEGUN_WITHIN_MS = 5_000;

/**
 * Makes the publication for the tables of a table's owner where there is none, in a transaction of its own, and waits until
 * the capture process follows it. Where none does, attach says so.
 */
export async function preparePublication(db: AnyPgDatabase, table: string): Promise<void> {
  const soon = performance.now() + BEGUN_WITHIN_MS;
  const until = performance.now() + FOLLOWED_WITHIN_MS;
  const name = sql`public.audit_chain_publication(${table}::regclass)`;
  await db.execute(sql`select ${name}`);
  for (;;) {
    const [row] = await db
      .select({ isFollowed: sql<boolean | null>`f.is_followed` })
      .from(sql`(select public.audit_chain_is_followed(${name}) as is_followed) as f`);
    // Null where nobody follows anything: the process may just be starting.
    if (row?.isFollowed === true || performance.now() > (row?.isFollowed === false ? until : soon)) return;
    await sleep(100);
  }
}
