import type { CaptureMode } from "@scidex/audit-core";
import type { Changes } from "@scidex/audit-schema";
import type { ISql } from "postgres";

/** The newest configuration of a kind, as `audit_chain_config` has it. */
export interface ConfigInForce {
  readonly kind: string;
  /** Schema and table, quoted where SQL needs it. */
  readonly relation: string;
  readonly action: string;
  readonly key_columns: readonly string[];
  readonly columns: readonly string[];
  readonly column_types: readonly string[];
  readonly excluded: readonly string[];
  readonly changes: Changes;
  readonly mode: CaptureMode;
  readonly complete: boolean;
  readonly blind_key: boolean;
  readonly present: readonly string[];
}

/** The newest configuration of each kind, also of tables that have been detached (`action` says so), by relation; without repairs. */
export async function configInForce(sql: ISql): Promise<ConfigInForce[]> {
  const rows = await sql<{ config: string }[]>`
    select pg_catalog.row_to_json(c)::text as config
      from (select distinct on (c.kind) c.* from public.audit_chain_config as c
             where c.kind <> 'audit_chain_config' order by c.kind, c.id desc) as c
     order by c.relation, c.kind`;
  return rows.map(({ config }) => JSON.parse(config) as ConfigInForce);
}
