import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseCheckpoint, parseNote, tilePath } from "@scidex/audit-core";
import type { Sink } from "../../src/index.ts";
import { temporaryFolder } from "../folder.ts";
import { checkTree, filesOf } from "../tiles/log.ts";

/** Checks all that a checkpoint needs, as `checkTree` does in a folder. @returns its size; 0 where none has been shown yet */
export async function checkBucketTree(sink: Sink, note?: string): Promise<bigint> {
  const shown = note ?? textOf(await sink.files?.read("checkpoint"));
  if (shown === undefined) return 0n;
  const { size } = parseCheckpoint(parseNote(shown).text);
  const folder = temporaryFolder();
  for (const tile of filesOf(size)) {
    const path = tilePath(tile);
    const full = tilePath({ ...tile, width: 256 });
    const bytes = await sink.files?.read(path);
    const rest = bytes === undefined && path !== full ? await sink.files?.read(full) : undefined;
    const target = join(folder, bytes === undefined ? full : path);
    mkdirSync(dirname(target), { recursive: true });
    const found = bytes ?? rest;
    if (found !== undefined && !existsSync(target)) writeFileSync(target, found);
  }
  return checkTree(folder, shown);
}

const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
