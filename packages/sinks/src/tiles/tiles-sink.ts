import { join } from "node:path";
import {
  CoreError,
  type HeadParts,
  isBeginningLine,
  isStatementLine,
  parseBeginningLine,
  parseCheckpoint,
  parseHeadParts,
  parseNote,
  sameBytes,
} from "@scidex/audit-core";
import { SinkError } from "../errors.ts";
import { appendToFile, explain, type FileSettings, readFileLines } from "../file-sink.ts";
import { placeOfFile } from "../place.ts";
import type { Leaves, Sink } from "../sink.ts";
import { TileBuilder, type TreeFile } from "./tile-builder.ts";
import { readTreeFile, TreeWriter } from "./tree-files.ts";
import { treeFolder } from "./tree-folder.ts";

/** The head log within the folder. Statements between heads stand here and nowhere else. */
const LOG = "chain_head.log";

/**
 * A head log with the whole tree beside it, as static files that any web server may serve (c2sp.org/tlog-tiles):
 *
 *     chain_head.log                    the lines of every sink: heads, and statements between them
 *     checkpoint                        the newest head's signed note
 *     tile/<L>/<N>[.p/<W>]              hashes
 *     tile/entries/<N>[.p/<W>]          leaves
 *     2/…                               the tree of the log that follows, where this one has ended
 *
 * Appending a head goes in this order, and each step is durable before the next: the tiles of its size, the checkpoint, the
 * line. So whoever reads a checkpoint finds all that it needs, and the checkpoint is never older than the last head of the
 * log. What was cut off is done again, to the same bytes. Only the files at the right edge are read, and from the caller
 * the leaves that are new; the root that comes of both must be the one that is signed. Where an edge is missing, all leaves
 * are asked for, and what is missing is written again.
 */
export function createTilesSink(address: { name: string; path: string }, settings: FileSettings): Sink {
  const { name, path: folder } = address;
  const log = join(folder, LOG);
  return {
    name,
    kind: "tiles",
    files: {
      read: async (path) => {
        try {
          return await readTreeFile(folder, path);
        } catch (error) {
          throw explain(error, join(folder, path));
        }
      },
    },
    read: () => readFileLines(log),
    append: async (lines, options = {}) => {
      // Of a log that ends here nobody has the leaves any more.
      const begins = lines.findLastIndex(isBeginningLine);
      const heads = lines.filter((line, i) => i > begins && !isStatementLine(line)).map(partsOf);
      const beginning = lines[begins];
      const before = async (): Promise<void> => {
        const there = beginning === undefined ? await standing(log) : { tree: treeOf(beginning), last: undefined };
        await showHeads(join(folder, there.tree), heads, there.last, options.leaves, settings.signal);
      };
      return await appendToFile(log, lines, { ...settings, ...options, ...(heads.length > 0 ? { before } : {}) });
    },
    place: async () => await placeOfFile(name, log),
    close: async () => {},
  };
}

/** A head that is to be appended, as far as its tree goes. */
type HeadTree = Pick<HeadParts, "seq" | "checkpoint"> & { readonly root: Uint8Array };

/** @throws {SinkError} `line_invalid` */
function partsOf(line: string): HeadTree {
  try {
    const { seq, checkpoint } = parseHeadParts(line);
    return { seq, checkpoint, root: parseCheckpoint(parseNote(checkpoint).text).root };
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new SinkError("line_invalid", `only heads and statements go into a tiles sink: ${cause.message}`, { cause });
  }
}

/** Where the tree of the log is with which the lines end, and its last head there. */
interface LogStanding {
  /** Its folder within the sink's. */
  readonly tree: string;
  /** A line. */
  readonly last: string | undefined;
}

async function standing(log: string): Promise<LogStanding> {
  let tree = "";
  let last: string | undefined;
  for await (const { text, defect } of readFileLines(log)) {
    if (defect !== null) continue;
    if (isBeginningLine(text)) [tree, last] = [treeOf(text), undefined];
    else if (!isStatementLine(text)) last = text;
  }
  return { tree, last };
}

/** @throws {SinkError} `line_invalid` */
function treeOf(beginning: string): string {
  try {
    return treeFolder(parseBeginningLine(beginning).origin);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new SinkError("line_invalid", `the line that begins a log is not one: ${cause.message}`, { cause });
  }
}

/** Writes the tiles of the heads, and then the last one's checkpoint. @param line that of the last head before them */
async function showHeads(
  folder: string,
  heads: readonly HeadTree[],
  line: string | undefined,
  leaves: Leaves | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const last = heads.at(-1);
  if (last === undefined) return;
  const writer = new TreeWriter(folder);
  const write = async (files: readonly TreeFile[]): Promise<void> => {
    for (const { path, bytes } of files) await writer.writeOnce(path, bytes);
  };
  const builder = await resume(folder, line);
  for (const head of heads) {
    if (head.seq < builder.size)
      throw new SinkError(
        "conflict",
        `${folder} has tiles of ${builder.size} leaves, and a head of ${head.seq} follows`,
      );
    for await (const leaf of newLeaves(leaves, builder.size + 1n, head.seq)) {
      if (signal?.aborted) throw new SinkError("aborted", `stopped while writing tiles to ${folder}`);
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
  await writer.settle();
  await show(folder, last, writer);
}

/** The tree that the last head signs, or an empty one where not all of its edge is there as it was. */
async function resume(folder: string, line: string | undefined): Promise<TileBuilder> {
  if (line === undefined) return new TileBuilder();
  const { seq, root } = partsOf(line);
  try {
    const builder = await TileBuilder.resume(seq, async (path) => await readTreeFile(folder, path));
    if (builder !== undefined && sameBytes(builder.root(), root)) return builder;
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
  }
  return new TileBuilder();
}

/** The leaves from one seq to another. What goes wrong with them is no fault of the folder's. */
async function* newLeaves(leaves: Leaves | undefined, from: bigint, to: bigint): AsyncGenerator<string> {
  if (from > to) return;
  if (leaves === undefined)
    throw new SinkError("leaves", "a tiles sink cannot be written without the leaves of the tree");
  try {
    yield* leaves(from, to);
  } catch (cause) {
    if (cause instanceof SinkError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SinkError("leaves", `the leaves ${from} to ${to} cannot be read: ${why}`, { cause });
  }
}

/** Shows the head's checkpoint, unless a newer one is there: from a run that was cut off before it appended its line. */
async function show(folder: string, { seq, checkpoint }: HeadTree, writer: TreeWriter): Promise<void> {
  const there = await readTreeFile(folder, "checkpoint");
  if (there !== undefined && sizeOf(there) > seq) return;
  const bytes = Buffer.from(checkpoint);
  if (there === undefined || Buffer.compare(there, bytes) !== 0) await writer.write("checkpoint", bytes);
  await writer.settle();
}

/** The size of a checkpoint, whoever has signed it; 0 for anything else. */
function sizeOf(bytes: Uint8Array): bigint {
  try {
    return parseCheckpoint(parseNote(Buffer.from(bytes).toString("utf8")).text).size;
  } catch (error) {
    if (error instanceof CoreError) return 0n;
    throw error;
  }
}
