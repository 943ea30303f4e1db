import {
  CoreError,
  type HeadTrust,
  leafHash,
  rootsFromTiles,
  sameBytes,
  type Seq,
  type SignedCheckpoint,
  type Tile,
  TILE_WIDTH,
  tilePath,
  tileRoot,
  tilesOf,
} from "@scidex/audit-core";
import type { ReportFinding } from "../finding/finding.ts";
import type { PublishedHead } from "./published-head.ts";
import { readTile } from "./read-tile.ts";
import { readTreeCheckpoint, type SinkTree } from "./tree-checkpoint.ts";

/**
 * How much of a tree is looked at: of `edge` the checkpoint and the few tiles that lead to its root, of `whole` every tile and
 * every leaf.
 */
export type TreeScope = "edge" | "whole";

/**
 * Checks the tree of a sink, from the signed root down: the tiles at the right edge lead to the root, each full tile to its
 * hash in the tile above, and each leaf to its hash. What is changed or missing is named by the row, or by the rows that
 * may be meant.
 *
 * @throws {SinkError} where a file cannot be read
 */
export async function checkTree(
  tree: SinkTree,
  trust: HeadTrust,
  scope: TreeScope,
  report: ReportFinding,
): Promise<void> {
  const checkpoint = await readTreeCheckpoint(tree, trust, report);
  if (checkpoint === undefined) return;
  const walk = new Walk(tree, report);
  const edge = await walk.edge(checkpoint);
  if (scope === "edge" || edge === undefined) return;
  for (const [tile, hashes] of edge) await walk.below(tile, hashes);
}

/** Rows, both included. */
interface Rows {
  readonly fromSeq: Seq;
  readonly toSeq: Seq;
}

class Walk {
  readonly #tree: SinkTree;
  readonly #report: ReportFinding;

  constructor(tree: SinkTree, report: ReportFinding) {
    this.#tree = tree;
    this.#report = report;
  }

  /** The tiles from which the root is made, with their hashes; undefined where they do not lead to it. */
  async edge({ size, root }: SignedCheckpoint): Promise<Map<Tile, readonly Uint8Array[]> | undefined> {
    const edge = new Map<Tile, readonly Uint8Array[]>();
    const bytes = new Map<string, Uint8Array>();
    const whole = [{ from: 0n, to: size }];
    for (const tile of tilesOf(whole, size)) {
      const hashes = await this.#content(tile);
      if (hashes === undefined) return undefined;
      edge.set(tile, hashes);
      bytes.set(tilePath(tile), Buffer.concat(hashes));
    }
    const [computed] = rootsFromTiles(whole, size, bytes);
    if (computed === undefined || !sameBytes(computed, root)) {
      this.#found({ fromSeq: 1n, toSeq: size }, "the tiles at the right edge do not lead to the signed root");
      return undefined;
    }
    const { last } = this.#tree;
    if (last !== undefined && last.seq < size) await this.#olderHead(last, size);
    return edge;
  }

  /** A checkpoint may be newer than the last line, from a run that was cut off. It must be of the same log all the same. */
  async #olderHead({ seq, root }: PublishedHead, size: bigint): Promise<void> {
    const range = [{ from: 0n, to: seq }];
    const bytes = new Map<string, Uint8Array>();
    for (const tile of tilesOf(range, size)) {
      const hashes = await this.#content(tile);
      if (hashes === undefined) return;
      bytes.set(tilePath(tile), Buffer.concat(hashes));
    }
    const [computed] = rootsFromTiles(range, size, bytes);
    if (computed === undefined || !sameBytes(computed, root))
      this.#found(
        { fromSeq: 1n, toSeq: seq },
        `its tree does not begin with the tree of its last head, of ${seq} links`,
      );
  }

  /** Checks all that is below a tile whose hashes are those of the signed tree. */
  async below(tile: Tile, hashes: readonly Uint8Array[]): Promise<void> {
    if (tile.level === 0) return await this.#leaves(tile, hashes);
    const level = Number(tile.level) - 1;
    for (const [at, hash] of hashes.entries())
      await this.#full({ level, index: tile.index * BigInt(TILE_WIDTH) + BigInt(at), width: TILE_WIDTH }, hash);
  }

  async #full(tile: Tile, root: Uint8Array): Promise<void> {
    const hashes = await this.#content(tile);
    if (hashes === undefined) return;
    if (sameBytes(tileRoot(hashes), root)) return await this.below(tile, hashes);
    const entries = tile.level === 0 ? await this.#entries(tile) : undefined;
    const own = entries?.map((entry) => leafHash(entry));
    // The leaves are those of the signed tree, so it is the tile that was changed.
    const at = own !== undefined && sameBytes(tileRoot(own), root) ? firstDifference(own, hashes) : undefined;
    this.#found(
      at === undefined ? rowsOf(tile) : rowOf(tile, at),
      `${tilePath(tile)} is not that of the signed tree: it was changed`,
    );
  }

  async #leaves(tile: Tile, hashes: readonly Uint8Array[]): Promise<void> {
    const entries = await this.#entries(tile);
    if (entries === undefined) return;
    const at = firstDifference(
      entries.map((entry) => leafHash(entry)),
      hashes,
    );
    if (at !== undefined)
      this.#found(
        rowOf(tile, at),
        `an entry of ${tilePath({ ...tile, level: "entries" })} is not that of the signed tree: it was changed`,
      );
  }

  async #content(tile: Tile): Promise<readonly Uint8Array[] | undefined> {
    try {
      const content = await readTile(this.#tree.files, tile);
      if (content === undefined) this.#found(rowsOf(tile), `${tilePath(tile)} is missing`);
      return content;
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      this.#found(rowsOf(tile), `${tilePath(tile)} is damaged: ${error.message}`);
      return undefined;
    }
  }

  async #entries(tile: Tile): Promise<readonly Uint8Array[] | undefined> {
    return await this.#content({ ...tile, level: "entries" });
  }

  #found(rows: Rows, problem: string): void {
    const where = rows.fromSeq === rows.toSeq ? { seq: rows.fromSeq } : rows;
    this.#report({ check: "head_mismatch", ...where, message: `${this.#tree.name}: ${problem}` });
  }
}

/** The rows below a tile. */
function rowsOf({ level, index, width }: Tile): Rows {
  const leaves = 256n ** BigInt(level === "entries" ? 0 : level);
  const first = index * BigInt(TILE_WIDTH) * leaves;
  return { fromSeq: first + 1n, toSeq: first + BigInt(width) * leaves };
}

function rowOf({ index }: Tile, at: number): Rows {
  const seq = index * BigInt(TILE_WIDTH) + BigInt(at) + 1n;
  return { fromSeq: seq, toSeq: seq };
}

/** Where two lists of hashes first differ; undefined where they do not. */
function firstDifference(a: readonly Uint8Array[], b: readonly Uint8Array[]): number | undefined {
  const at = a.findIndex((hash, i) => !sameBytes(hash, b[i] ?? new Uint8Array()));
  return at === -1 ? undefined : at;
}
