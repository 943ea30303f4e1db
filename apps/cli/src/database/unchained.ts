import { blindKeyExpression, keyExpression, quotedLiteral, sqlState, TEXT_SETTINGS } from "@scidex/audit-core";
import type { Sql } from "postgres";
import type { ConfigInForce } from "./config-in-force.ts";

/** How many rows of a table stand neither in the chain nor in pending; or why that was not counted. */
export type Unchained = { readonly rows: number } | { readonly not_counted: string };

/** A table that takes longer to compare is left to the verifier, in milliseconds. */
export const COUNT_TIMEOUT_MS = 10_000;

type Counted = Pick<ConfigInForce, "kind" | "key_columns" | "blind_key">;

/** Under which a key's text is what capture made of it. */
const SETTINGS = [
  ...TEXT_SETTINGS,
  // Where a policy hides rows, an error instead of a number that is too small.
  "row_security = off",
];

/**
 * Counts the rows of a table whose key has no event in the chain, nor one that waits in pending.
 *
 * @param relation the table's name now, quoted as SQL needs it (from the catalog)
 */
export async function countUnchained(sql: Sql, config: Counted, relation: string): Promise<Unchained> {
  try {
    return await sql.begin("isolation level repeatable read read only", async (tx) => {
      // At once: of hundreds of tables, setting them took most of the time.
      const settings = [...SETTINGS, `statement_timeout = ${COUNT_TIMEOUT_MS}`];
      await tx.unsafe(settings.map((setting) => `set local ${setting}`).join("; "));
      const [row] = await tx.unsafe<{ count: string }[]>(statement(config, relation));
      return { rows: Number(row?.count ?? 0) };
    });
  } catch (error) {
    const state = sqlState(error);
    if (state === undefined) throw error;
    return { not_counted: REASONS[state] ?? (error instanceof Error ? error.message : state) };
  }
}

const REASONS: Readonly<Record<string, string>> = {
  "57014": `takes longer than ${COUNT_TIMEOUT_MS / 1000} s; audit-chain verify does it`,
};

function statement({ kind, key_columns, blind_key }: Counted, relation: string): string {
  const own = quotedLiteral(kind);
  const key = keyExpression(key_columns);
  // A row that was changed, inserted anew after a delete, or recorded anew stands under its key and "@" and the event's seq.
  const later = ["insert", "update", "record"].map((role) => quotedLiteral(`${kind}:${role}`)).join(", ");
  return `
    select count(*) as count
      from (select (${blind_key ? blindKeyExpression(kind, key) : key}) collate "C" as key from ${relation}) as r
     where not exists (
       select from (
        select c.event_pk as key from public.audit_chain as c where c.event_kind = ${own}
        union all
        select p.event_pk from public.audit_chain_pending as p where p.event_kind = ${own}
        union all
        select pg_catalog.left(c.event_pk, -1 - pg_catalog.length(c.seq::text)) from public.audit_chain as c where c.event_kind in (${later})
       ) as chained where chained.key = r.key)`;
}
