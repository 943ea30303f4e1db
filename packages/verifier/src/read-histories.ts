import {
  CONFIG_COLUMNS,
  CONFIG_KIND,
  CONFIG_OF_CONFIG,
  type Config,
  decodeConfig,
  historiesOf,
  type KindHistory,
} from "./config.ts";
import { Cursor } from "./cursor.ts";
import type { Lane } from "./snapshot.ts";

/** Kinds with their histories. */
export type Histories = ReadonlyMap<string, KindHistory>;

/** What is left where the configuration cannot be believed at all: that it must be covered itself. */
export const NO_HISTORIES: Histories = withOwn(new Map());

/** The configuration as it stands in the database, with the seq of each row's link. */
export async function readHistories(lane: Lane): Promise<Histories> {
  const seqs = new Map<string, bigint>();
  const links = Cursor.binary(
    await lane.copy(
      `select c.seq, c.event_pk from only public.audit_chain as c where c.event_kind = '${CONFIG_KIND}'`,
      "binary",
    ),
    2,
    (f) => [f[1]?.toString("utf8") ?? "", f[0] != null && f[0].length === 8 ? f[0].readBigInt64BE(0) : 0n] as const,
  );
  for (let link = await links.next(); link !== undefined; link = await links.next()) seqs.set(link[0], link[1]);
  const names = CONFIG_COLUMNS.map((name) => `c.${name}`).join(", ");
  const rows = Cursor.text(
    await lane.copy(`select ${names} from only public.audit_chain_config as c`, "text"),
    (fields) => decodeConfig(fields, (id) => seqs.get(id) ?? null),
  );
  const configs: Config[] = [];
  for (let row = await rows.next(); row !== undefined; row = await rows.next()) if (row !== null) configs.push(row);
  return withOwn(historiesOf(configs));
}

function withOwn(histories: Map<string, KindHistory>): Histories {
  return histories.set(CONFIG_KIND, { kind: CONFIG_KIND, configs: [CONFIG_OF_CONFIG], current: CONFIG_OF_CONFIG });
}
