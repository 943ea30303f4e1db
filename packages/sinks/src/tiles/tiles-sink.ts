import { join } from "node:path";
import { appendToFile, explain, type FileSettings, readFileLines } from "../file-sink.ts";
import { placeOfFile } from "../place.ts";
import type { Sink } from "../sink.ts";
import { newHeadsOf } from "./head-tree.ts";
import { showHeads } from "./show-heads.ts";
import { readTreeFile, TreeWriter } from "./tree-files.ts";

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
 * log. What was cut off is done again, to the same bytes.
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
      const news = newHeadsOf(lines);
      const before = async (): Promise<void> =>
        await showHeads(new TreeWriter(folder), news, () => readFileLines(log), {
          leaves: options.leaves,
          signal: settings.signal,
        });
      return await appendToFile(log, lines, { ...settings, ...options, ...(news.heads.length > 0 ? { before } : {}) });
    },
    place: async () => await placeOfFile(name, log),
    close: async () => {},
  };
}
