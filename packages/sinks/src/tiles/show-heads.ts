import { CoreError, parseCheckpoint, parseNote, sameBytes, timestampName } from "@scidex/audit-core";
import { SinkError } from "../errors.ts";
import type { Leaves, SinkLine } from "../sink.ts";
import { type HeadTree, headTreeOf, type NewHeads, standing } from "./head-tree.ts";
import { TileBuilder, type TreeFile } from "./tile-builder.ts";
import { rootOf, type TreeStore, within } from "./tree-store.ts";

/**
 * Writes what the heads need that are about to be appended: the tiles of each size, and then the last one's checkpoint. Only
 * the files at the right edge are read, and from the caller the leaves that are new; the root that comes of both must be
 * the one that is signed. Where an edge is missing, all leaves are asked for, and what is missing is written again.
 *
 * @param lines those that are there
 * @throws {SinkError} `leaves`, `damaged`, `conflict`, `aborted`, and what the store says
 */
export async function showHeads(
  store: TreeStore,
  { heads, begun }: NewHeads,
  lines: () => AsyncIterable<SinkLine>,
  { leaves, signal }: { readonly leaves?: Leaves | undefined; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const last = heads.at(-1);
  if (last === undefined) return;
  const there = begun === undefined ? await standing(lines()) : { folder: begun, last: undefined };
  const tree = within(store, there.folder);
  const write = async (files: readonly TreeFile[]): Promise<void> => {
    for (const { path, bytes } of files) await tree.writeOnce(path, bytes);
  };
  const builder = await resume(tree, there.last);
  for (const head of heads) {
    if (head.seq < builder.size)
      throw new SinkError(
        "conflict",
        `${rootOf(tree)} has tiles of ${builder.size} leaves, and a head of ${head.seq} follows`,
      );
    for await (const leaf of newLeaves(leaves, builder.size + 1n, head.seq)) {
      if (signal?.aborted) throw new SinkError("aborted", `stopped while writing tiles to ${rootOf(tree)}`);
      builder.append(new Uint8Array(Buffer.from(leaf)));
      await write(builder.takeFull());
    }
    if (builder.size !== head.seq || !sameBytes(builder.root(), head.root))
      throw new SinkError(
        "leaves",
        `the ${builder.size} leaves that the chain has now do not lead to the root that was signed for ${head.seq}: links have been changed since. Run audit-verify`,
      );
    await write(builder.partial(last.seq));
  }
  await tree.settle();
  await show(tree, last);
}

/** The tree that the last head signs, or an empty one where not all of its edge is there as it was. */
async function resume(tree: TreeStore, line: string | undefined): Promise<TileBuilder> {
  if (line === undefined) return new TileBuilder();
  const { seq, root } = headTreeOf(line);
  try {
    const builder = await TileBuilder.resume(seq, async (path) => await tree.read(path));
    if (builder !== undefined && sameBytes(builder.root(), root)) return builder;
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
  }
  return new TileBuilder();
}

/** The leaves from one seq to another. What goes wrong with them is no fault of the store's. */
async function* newLeaves(leaves: Leaves | undefined, from: bigint, to: bigint): AsyncGenerator<string> {
  if (from > to) return;
  if (leaves === undefined)
    throw new SinkError("leaves", "a sink that keeps the tree cannot be written without the leaves of the tree");
  try {
    yield* leaves(from, to);
  } catch (cause) {
    if (cause instanceof SinkError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SinkError("leaves", `the leaves ${from} to ${to} cannot be read: ${why}`, { cause });
  }
}

/**
 * Shows the head's checkpoint, unless a newer one is there: from a run that was cut off before it appended its line, or,
 * where no lock keeps others away, from another publisher.
 */
async function show(tree: TreeStore, { checkpoint }: HeadTree): Promise<void> {
  const there = await tree.read("checkpoint");
  const bytes = Buffer.from(checkpoint);
  if (there !== undefined && (Buffer.compare(there, bytes) === 0 || isNewer(ageOf(there), ageOf(bytes)))) return;
  await tree.replace("checkpoint", bytes);
  await tree.settle();
}

/** How far a checkpoint goes. */
interface Age {
  readonly size: bigint;
  /** Seconds since the Unix epoch. */
  readonly time: bigint;
}

const isNewer = (a: Age, b: Age): boolean => a.size > b.size || (a.size === b.size && a.time > b.time);

/** Of a checkpoint, whoever has signed it; 0 for anything else. */
function ageOf(bytes: Uint8Array): Age {
  try {
    const { text, lines } = parseNote(Buffer.from(bytes).toString("utf8"));
    const { origin, size } = parseCheckpoint(text);
    // A cosignature begins with its time; a key of another type is never named so.
    const times = lines
      .filter(({ name, signature }) => name === timestampName(origin) && signature.length > 64)
      .map(({ signature }) => Buffer.from(signature).readBigUInt64BE());
    return { size, time: times.reduce((newest, time) => (time > newest ? time : newest), 0n) };
  } catch (error) {
    if (error instanceof CoreError) return { size: 0n, time: 0n };
    throw error;
  }
}
