import { TILE_WIDTH, tilePath } from "@scidex/audit-core";
import type { TreeFiles } from "../sink.ts";

/** Files of one level that are fetched before they are asked for. */
const AHEAD = 8;

/** The path of a full tile or bundle: its level, and its index in groups of three digits. */
const FULL = /^(.*tile\/(?:entries|\d+)\/)((?:x\d{3}\/)*\d{3})$/u;

/** Where a reader is within a level. */
interface Level {
  last: bigint | undefined;
  readonly fetched: Map<string, Promise<Uint8Array | undefined>>;
}

/**
 * Fetches full tiles ahead of a reader who goes through a level of them one after another, as a verifier does: else he
 * waits twice for the server's way at each. Whoever asks for single ones gets just those. A full tile never changes.
 */
export function readAhead(files: TreeFiles): TreeFiles {
  const levels = new Map<string, Level>();
  return {
    read: async (path) => {
      const [, name, digits] = FULL.exec(path) ?? [];
      if (name === undefined || digits === undefined) return await files.read(path);
      const level: Level = levels.get(name) ?? { last: undefined, fetched: new Map() };
      levels.set(name, level);
      const index = BigInt(digits.replaceAll(/\D/gu, ""));
      const isNext = level.last === index - 1n;
      level.last = index;
      const here = level.fetched.get(path);
      level.fetched.delete(path);
      if (!isNext) level.fetched.clear();
      for (let next = index + 1n; isNext && next <= index + BigInt(AHEAD); next++) {
        const ahead = `${name}${nameOf(next)}`;
        if (level.fetched.has(ahead)) continue;
        const bytes = files.read(ahead);
        // Whoever asks for it is told.
        bytes.catch(() => undefined);
        level.fetched.set(ahead, bytes);
      }
      // What was not there may be by now.
      return (await here) ?? (await files.read(path));
    },
  };
}

const nameOf = (index: bigint): string => tilePath({ level: 0, index, width: TILE_WIDTH }).slice("tile/0/".length);
