import {
  CoreError,
  type Frontier,
  type Leaf,
  type LeafRange,
  parseLeaf,
  rootsFromTiles,
  type Seq,
  type Tile,
  TILE_WIDTH,
  tileAt,
  tilePath,
  tilesOf,
} from "@scidex/audit-core";
import { readTile, VerifierError } from "@scidex/audit-reader";
import type { TreeFiles } from "@scidex/audit-sinks";
import type { EventName } from "../lookup.ts";

/** An entry of a tree, which nobody has verified. */
export interface Entry {
  readonly seq: Seq;
  /** The leaf's text. */
  readonly leaf: string;
}

/** The entry of a seq in a tree of that size; undefined where it has none. */
export async function entryAt(files: TreeFiles, size: bigint, seq: Seq): Promise<Entry | undefined> {
  if (seq < 1n || seq > size) return undefined;
  const index = seq - 1n;
  const entries = await read(files, tileAt(size, "entries", index / BigInt(TILE_WIDTH)));
  const entry = entries[Number(index % BigInt(TILE_WIDTH))];
  return entry && { seq, leaf: textOf(entry) };
}

/** The newest entry of an event. Searched from the end: there is no index of events. */
export async function findEntry(files: TreeFiles, size: bigint, event: EventName): Promise<Entry | undefined> {
  const name = Buffer.from(`"event_kind":${JSON.stringify(event.kind)},"event_pk":${JSON.stringify(event.pk)},`);
  for (let index = (size - 1n) / BigInt(TILE_WIDTH); size > 0n && index >= 0n; index--) {
    const entries = await read(files, tileAt(size, "entries", index));
    const at = entries.findLastIndex((entry) => Buffer.from(entry).includes(name) && isOf(entry, event));
    const entry = entries[at];
    if (entry !== undefined) return { seq: index * BigInt(TILE_WIDTH) + BigInt(at) + 1n, leaf: textOf(entry) };
  }
  return undefined;
}

/** The roots of ranges of a tree, from its tiles. */
export async function rootsFromFiles(
  files: TreeFiles,
  ranges: readonly LeafRange[],
  size: bigint,
): Promise<Uint8Array[]> {
  const tiles = new Map<string, Uint8Array>();
  for (const tile of tilesOf(ranges, size)) tiles.set(tilePath(tile), Buffer.concat(await read(files, tile)));
  return rootsFromTiles(ranges, size, tiles);
}

/** The frontier of the first leaves of a tree, as its tiles claim: compare roots that come of it with signed ones. */
export async function frontierFromFiles(files: TreeFiles, leaves: bigint, size: bigint): Promise<Frontier> {
  const ranges: LeafRange[] = [];
  for (let from = 0n; from < leaves;) {
    const to = from + (1n << BigInt((leaves - from).toString(2).length - 1));
    ranges.push({ from, to });
    from = to;
  }
  return { size: leaves, hashes: await rootsFromFiles(files, ranges, size) };
}

function isOf(entry: Uint8Array, { kind, pk }: EventName): boolean {
  try {
    const { eventKind, eventPk } = parseLeaf(textOf(entry));
    return eventKind === kind && eventPk === pk;
  } catch (error) {
    if (error instanceof CoreError) return false;
    throw error;
  }
}

const textOf = (entry: Uint8Array): string => Buffer.from(entry).toString("utf8");

async function read(files: TreeFiles, tile: Tile): Promise<readonly Uint8Array[]> {
  const damaged = (why: string, cause?: unknown): VerifierError =>
    new VerifierError("not_provable", `No proof can be made: ${tilePath(tile)} ${why} (audit-verify says more).`, {
      cause,
    });
  try {
    const content = await readTile(files, tile);
    if (content === undefined) throw damaged("is missing");
    return content;
  } catch (error) {
    if (error instanceof CoreError) throw damaged(`is damaged: ${error.message}`, error);
    throw error;
  }
}

/** The seqs of a tree of that size, each with the leaf that is in its place; null where there is none. */
export async function* eachLeaf(files: TreeFiles, size: Seq): AsyncGenerator<[Seq, Leaf | null]> {
  for (let index = 0n; index * BigInt(TILE_WIDTH) < size; index++) {
    let seq = index * BigInt(TILE_WIDTH);
    for (const entry of await entriesOf(files, size, index)) {
      const leaf = leafOf(entry);
      yield [++seq, leaf?.seq === seq ? leaf : null];
    }
  }
}

async function entriesOf(files: TreeFiles, size: Seq, index: bigint): Promise<readonly Uint8Array[]> {
  try {
    return (await readTile(files, tileAt(size, "entries", index))) ?? [];
  } catch (error) {
    if (error instanceof CoreError) return [];
    throw error;
  }
}

/** The leaf that an entry is; null for what is none. */
export function leafOf(entry: Uint8Array): Leaf | null {
  try {
    return parseLeaf(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(entry));
  } catch (error) {
    if (error instanceof CoreError || error instanceof TypeError) return null;
    throw error;
  }
}
