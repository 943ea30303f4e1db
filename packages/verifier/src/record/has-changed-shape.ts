import { quotedName } from "@scidex/audit-core";
import type { Sql, TransactionSql } from "postgres";
import { CONFIG_COLUMNS, CONFIG_KIND, decodeConfig, historiesOf } from "../coverage/config.ts";
import { newestShapeChange } from "../coverage/generations.ts";

/**
 * Whether the shape of any attached table has ever changed, so that there may be rows to be recorded anew. It believes the
 * database, and costs a few milliseconds: `lookToRecord` does not, and reads everything.
 *
 * @param sql under `TEXT_SETTINGS`
 */
export async function hasChangedShape(sql: Sql | TransactionSql): Promise<boolean> {
  // A boolean cast to text is not what COPY prints of it; of NULL, `concat` makes an empty text.
  const columns = CONFIG_COLUMNS.map(quotedName)
    .map((name) => `case when c.${name} is not null then pg_catalog.concat(c.${name}) end`)
    .join(", ");
  const rows = await sql
    .unsafe(
      `select (select l.seq::pg_catalog.text from only public.audit_chain as l
                where l.event_kind = '${CONFIG_KIND}' and l.event_pk = c.id::pg_catalog.text), ${columns}
         from only public.audit_chain_config as c`,
    )
    .values();
  const configs = (rows as (string | null)[][]).flatMap(([seq, ...fields]) => {
    const config = decodeConfig(fields, () => (seq == null ? null : BigInt(seq)));
    return config === null ? [] : [config];
  });
  return [...historiesOf(configs).values()].some(
    (history) => history.current.action !== "detach" && newestShapeChange(history) !== undefined,
  );
}
