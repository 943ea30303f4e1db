import type { Sql } from "postgres";
import type { Position } from "../position/position.ts";
import type { PositionFile } from "../position/position-file.ts";
import { Batch } from "./batch.ts";
import { linkBatch } from "./link-batch.ts";

/**
 * A process that was killed may have left a batch on its way: its session in the server goes on. A batch without events waits
 * until that one is through, and where it was not, it comes too late from then on. To be called by whoever has the slot: a
 * process that runs beside is not to be disturbed.
 *
 * @returns the position to go on from; undefined where that batch has been linked meanwhile, and the position is behind it
 */
export async function fence(sql: Sql, file: PositionFile, position: Position): Promise<Position | undefined> {
  if (!file.isLinking(position)) return position;
  try {
    return { ...position, id: (await linkBatch(sql, position.id, new Batch(position))).position };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "55006") return undefined;
    throw error;
  }
}
