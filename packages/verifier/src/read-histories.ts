import {
  CONFIG_COLUMNS,
  CONFIG_KIND,
  CONFIG_OF_CONFIG,
  type Config,
  decodeConfig,
  historiesOf,
  type KindHistory,
} from "./config.ts";
import { eachLine, eachTuple } from "./cursor.ts";
import type { Relation } from "./database/relation.ts";
import type { Lane } from "./snapshot.ts";

/** Kinds with their histories. */
export type Histories = ReadonlyMap<string, KindHistory>;

/** What is left where the configuration cannot be believed at all: that it must be covered itself. */
export const NO_HISTORIES: Histories = withOwn(new Map());

/** The configuration as it stands in the database, with the seq of each row's link. */
export async function readHistories(lane: Lane, chain: Relation, config: Relation): Promise<Histories> {
  const seqs = new Map<string, bigint>();
  const ofKind = { kindLengths: [CONFIG_KIND.length] };
  await eachTuple(await lane.scan(chain, ["seq", "event_kind", "event_pk"], "binary", ofKind), 3, ([seq, kind, pk]) => {
    if (seq?.length === 8 && kind?.toString() === CONFIG_KIND && pk != null)
      seqs.set(pk.toString(), seq.readBigInt64BE(0));
  });
  const configs: Config[] = [];
  await eachLine(await lane.scan(config, CONFIG_COLUMNS, "text"), (fields) => {
    const decoded = decodeConfig(fields, (id) => seqs.get(id) ?? null);
    if (decoded !== null) configs.push(decoded);
  });
  return withOwn(historiesOf(configs));
}

function withOwn(histories: Map<string, KindHistory>): Histories {
  return histories.set(CONFIG_KIND, { kind: CONFIG_KIND, configs: [CONFIG_OF_CONFIG], current: CONFIG_OF_CONFIG });
}
