import {
  BLOCK_SETTINGS,
  type Blocks,
  type Chunks,
  eachTuple,
  isRefused,
  type Lane,
  type LiveCatalog,
  lockAllAgainstRewriting,
  type Relation,
  scanForm,
  type Shard,
} from "@scidex/audit-reader";
import { isDropped, type KindHistory, splitRelation } from "../../coverage/config.ts";
import { type Adding, openLocked, rowsTaskOf } from "../vouch-tables.ts";
import type { NewerRows } from "./newer.ts";

/** Blocks that fall to one shard, and then to the next. */
const STRIPE = 1024;
/** From so many blocks on a table is divided: 32 MB, as the server has counted them when it last looked. */
const MIN_BLOCKS = 4 * STRIPE;
/** Blocks that have no row, where the end is looked for. */
const WINDOW = 16;

/**
 * Whether all shards read a table, each other stripes of its blocks. Where they do not agree on that, its rows do not add up, and it
 * is compared in order. Partitions cannot be read by blocks of their own.
 */
export function isDivided(catalog: LiveCatalog, { current }: KindHistory): boolean {
  const place = splitRelation(current.relation);
  const relation = place === null ? undefined : catalog.relation(place.schema, place.name);
  return relation?.kind === "r" && relation.pages >= MIN_BLOCKS && current.action !== "detach" && !isDropped(current);
}

/**
 * Adds up the rows in a shard's stripes of a table, without those that are newer than the head up to which all shards go alike:
 * each shard sees others of these. The old ones stay where they are, as nothing changes them. What moves one all the same
 * (an update of columns that are not covered) makes it count twice, or not at all: then nothing adds up.
 */
export async function addUpStripes(
  lane: Lane,
  history: KindHistory,
  { crew, tagKey, rows }: Adding,
  { shard, newer }: { readonly shard: Shard; readonly newer: NewerRows },
): Promise<void> {
  const place = splitRelation(history.current.relation);
  if (place === null) return;
  try {
    await lane.attempt(async (inner) => {
      const table = (await lockAllAgainstRewriting(inner, [place])) ? null : await openLocked(inner, history);
      if (table === null) return;
      await inner.plan(BLOCK_SETTINGS);
      const { keyColumns, columns } = history.current;
      const stripes = stripesOf(shard, await endOf(inner, table.shape));
      const forms = stripes.map((blocks) => scanForm(table.shape, [...keyColumns, ...columns], { blocks }));
      const task = { ...rowsTaskOf(history, table, tagKey), newer: newer.get(history.kind) ?? new Map() };
      const sum = await crew.run(
        task,
        oneAfterTheOther(forms.map((form) => async () => await inner.read(form, "text"))),
        () => {},
      );
      if (sum !== null) rows.sums.set(history.kind, sum);
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
}

/** A block behind which no row was met. */
async function endOf(lane: Lane, table: Relation): Promise<number> {
  let end = STRIPE;
  for (let found = true; found; end *= found ? 2 : 1) {
    found = false;
    await eachTuple(await lane.scan(table, ["ctid"], "binary", { blocks: [end, end + WINDOW] }), 1, () => {
      found = true;
    });
  }
  return end;
}

/** Every so many stripes one, and what there may be behind the end: who puts a row there has it counted by all. */
function stripesOf({ number, of }: Shard, end: number): Blocks[] {
  const stripes: Blocks[] = [];
  for (let from = (number - 1) * STRIPE; from < end; from += of * STRIPE) stripes.push([from, from + STRIPE]);
  return [...stripes, [end, null]];
}

async function* oneAfterTheOther(parts: readonly (() => Promise<Chunks>)[]): AsyncGenerator<Buffer, undefined> {
  for (const open of parts) {
    const chunks = await open();
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  }
  return undefined;
}
