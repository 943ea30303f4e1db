import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Frontier,
  FrontierBuilder,
  generateKeyFile,
  headTrust,
  leafHash,
  leafText,
  type Leaf,
  parseKeyFile,
  type PublisherKeys,
  sha256,
  signHead,
} from "@scidex/audit-core";
import { openSink, type Sink } from "@scidex/audit-sinks";
import { proveEvent } from "@scidex/audit-verifier";
import type { BenchDatabase } from "../database.ts";
import { held, type Measurement, median, milliseconds, rounds } from "../measure.ts";

const ORIGIN = "bench.example/tiles";
const SMALL = 10_000;
const NEW_ROWS = 1_000;
const ROUNDS = 9;
const PROOFS = 20;

/** The leaf of a seq. */
function leafOf(seq: bigint): Leaf {
  const payloadHash = sha256(`payload ${seq}`);
  return {
    seq,
    eventKind: "events",
    eventPk: String(seq),
    payloadHash,
    beforeHash: null,
    chainHash: sha256(payloadHash),
    appendedAt: "2026-11-30T00:00:00.000000Z",
  };
}

/** A tree of files on disk that grows. */
class GrowingTree {
  readonly sink: Sink;
  readonly #tree = new FrontierBuilder();
  readonly #keys: PublisherKeys;
  readonly #lines: string[] = [];
  readonly #texts: string[] = [];

  constructor(folder: string, keys: PublisherKeys) {
    this.#keys = keys;
    this.sink = openSink({ kind: "tiles", name: `tiles:${folder}`, path: folder });
  }

  get size(): bigint {
    return this.#tree.size;
  }

  /** Writes so many more leaves, and returns how many milliseconds the sink took. */
  async grow(count: number): Promise<number> {
    this.#texts.length = 0;
    const first = this.size + 1n;
    let before: Frontier = this.#tree.frontier();
    for (let n = 0; n < count; n++) {
      before = this.#tree.frontier();
      const text = leafText(leafOf(this.size + 1n));
      this.#texts.push(text);
      this.#tree.append(leafHash(text));
    }
    const time = BigInt(Math.floor(Date.now() / 1_000));
    this.#lines.push(signHead({ keys: this.#keys, leaf: leafOf(this.size), before, time }));
    const texts = this.#texts;
    const leaves = async function* (from: bigint, to: bigint): AsyncGenerator<string> {
      for (let seq = from; seq <= to; seq++) yield await Promise.resolve(texts[Number(seq - first)] ?? "");
    };
    return await milliseconds(async () => await this.sink.append(this.#lines.slice(-1), { leaves }));
  }
}

/** What a large tree costs: a proof from its files, and the next publication, against those of a small one. */
export async function benchTiles(_: BenchDatabase, rows: number): Promise<Measurement[]> {
  const { text, vkeys } = generateKeyFile(ORIGIN);
  const [keys, trust] = [parseKeyFile(text), headTrust(vkeys, ORIGIN)];
  const folders = [await mkdtemp(join(tmpdir(), "audit-bench-")), await mkdtemp(join(tmpdir(), "audit-bench-"))];
  const [small, large] = folders.map((folder) => new GrowingTree(folder, keys));
  if (small === undefined || large === undefined) throw new Error("there are two trees");
  try {
    await small.grow(SMALL);
    // In parts, as it is published; at once, all leaves would be held.
    while (large.size < BigInt(rows)) await large.grow(Math.min(50_000, rows - Number(large.size)));
    const grown = await rounds(ROUNDS, {
      small: async () => await small.grow(NEW_ROWS),
      large: async () => await large.grow(NEW_ROWS),
    });
    const files: number[] = [];
    const proven = await rounds(PROOFS, {
      small: async () => await prove(small),
      large: async () => await prove(large, files),
    });
    async function prove({ sink, size }: GrowingTree, counted: number[] = []): Promise<number> {
      const { files: tree } = sink;
      if (tree === undefined) throw new Error("a tiles sink has files");
      let count = 0;
      const read = async (path: string): Promise<Uint8Array | undefined> => {
        count++;
        return await tree.read(path);
      };
      const seq = 1n + (size * BigInt(counted.length * 7 + 3)) / 160n;
      const event = { kind: "events", pk: String(seq), seq };
      const ms = await milliseconds(async () => await proveEvent({ files: { ...tree, read } }, trust, event));
      counted.push(count);
      return ms;
    }
    const sizeOf = (tree: GrowingTree): string => Number(tree.size).toLocaleString("en");
    return [
      held(
        `publish 1,000 new rows into tiles, at ${sizeOf(large)}`,
        grown.large,
        { name: "at 10,000", figures: grown.small },
        { unit: "ms", target: { ratio: 1.2, is: "at most" } },
      ),
      held(
        `an inclusion proof from tiles, of ${sizeOf(large)}`,
        proven.large,
        { name: `the same of ${sizeOf(small)}`, figures: proven.small },
        {
          unit: "ms",
          note: `${Math.min(...files)} to ${Math.max(...files)} files read, of ${files.length} proofs; median ${median(files)}`,
        },
      ),
    ];
  } finally {
    await Promise.all([small.sink.close(), large.sink.close()]);
    for (const folder of folders) await rm(folder, { recursive: true });
  }
}
