import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseHeadParts, sha256, tilePath } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import type { Leaves, Sink } from "../../src/index.ts";
import { TileBuilder } from "../../src/tiles/tile-builder.ts";
import { openSink, temporaryFolder, textsOf } from "../folder.ts";
import { checkTree, filesOf, headLine, leaves, shown } from "./log.ts";

/** A sink with the heads of these sizes, appended one after another. */
async function published(...sizes: number[]): Promise<{ folder: string; sink: Sink }> {
  const folder = temporaryFolder();
  const sink = openSink(`tiles:${folder}`);
  for (const size of sizes) {
    await sink.append([headLine(size)], { leaves });
    expect(checkTree(folder)).toBe(BigInt(size));
  }
  return { folder, sink };
}

const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(
    () => "none",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );

const STATEMENT = '{"statement":"audit-chain.statement/v1\\n{}\\n\\n— a AAAAAAA=\\n"}';

describe("a tiles sink", () => {
  it("is empty while its folder is, and is not made where the folder is missing", async () => {
    const folder = temporaryFolder();
    const sink = openSink(`tiles:${folder}/`);
    expect(sink.name).toBe(`tiles:${folder}`);
    expect(await textsOf(sink)).toEqual([]);
    expect(await sink.files?.read("checkpoint")).toBeUndefined();
    const missing = openSink(`tiles:${join(folder, "missing")}`);
    expect(await codeOf(missing.append([headLine(1)], { leaves }))).toBe("folder_missing");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("shows a whole tree with each head, and its lines as any sink", async () => {
    const folder = temporaryFolder();
    const sink = openSink(`tiles:${folder}`);
    const lines: string[] = [];
    for (const size of [1, 2, 255, 256, 257, 257, 600, 768]) {
      const line = headLine(size, 1_800_000_000 + lines.length);
      lines.push(line);
      await sink.append([line], { leaves });
      expect(checkTree(folder)).toBe(BigInt(size));
    }
    expect(await textsOf(sink)).toEqual(lines);
    expect(readdirSync(folder).toSorted()).toEqual(["chain_head.log", "checkpoint", "tile"]);
    expect(await sink.files?.read("tile/0/000")).toHaveLength(8_192);
    expect(statSync(join(folder, "tile/entries/000")).mode & 0o777).toBe(0o644);
  });

  it("has statements between its heads, and no tiles for them", async () => {
    const { folder, sink } = await published(300);
    const before = shown(folder);
    await sink.append([STATEMENT]);
    expect(shown(folder)).toBe(before);
    await sink.append([STATEMENT, headLine(301)], { leaves });
    expect(await textsOf(sink)).toHaveLength(4);
    expect(checkTree(folder)).toBe(301n);
  });

  it("asks for the leaves that are new, and for no others", async () => {
    const { sink } = await published(300);
    const asked: [bigint, bigint][] = [];
    const watched: Leaves = (from, to) => {
      asked.push([from, to]);
      return leaves(from, to);
    };
    await sink.append([headLine(310), headLine(2_000)], { leaves: watched });
    await sink.append([headLine(2_000, 1_800_000_001)], { leaves: watched });
    expect(asked).toEqual([
      [301n, 310n],
      [311n, 2_000n],
    ]);
  });

  it("reads as many files of a million leaves as of ten thousand: those of its right edge", async () => {
    const read = async (size: bigint): Promise<string[]> => {
      const paths: string[] = [];
      await TileBuilder.resume(size, async (path) => {
        paths.push(path);
        const width = Number(path.split("/").at(-1));
        const entries = Buffer.concat(Array.from({ length: width }, () => Buffer.from([0, 1, 0])));
        return path.includes("entries") ? entries : Buffer.concat(Array.from({ length: width }, () => sha256("")));
      });
      return paths;
    };
    expect(await read(10_000n)).toEqual(["tile/0/039.p/16", "tile/entries/039.p/16", "tile/1/000.p/39"]);
    expect(await read(1_000_000n)).toEqual([
      "tile/0/x003/906.p/64",
      "tile/entries/x003/906.p/64",
      "tile/1/015.p/66",
      "tile/2/000.p/15",
    ]);
  });

  it("has the partial tiles of heads that came in one batch, unless a later one fills them", async () => {
    const folder = temporaryFolder();
    await openSink(`tiles:${folder}`).append(
      [250, 260, 300].map((size) => headLine(size)),
      { leaves },
    );
    const partial = (level: string) =>
      readdirSync(join(folder, "tile", level)).flatMap((name) =>
        name.endsWith(".p") ? readdirSync(join(folder, "tile", level, name)) : [],
      );
    expect(partial("0").toSorted()).toEqual(["4", "44"]);
    expect(partial("entries").toSorted()).toEqual(["4", "44"]);
    expect(partial("1")).toEqual(["1"]);
  });

  it("writes nothing that is not in the signed tree", async () => {
    const { folder, sink } = await published(300);
    const before = shown(folder);
    const edited: Leaves = async function* (from, to) {
      for await (const leaf of leaves(from, to)) yield leaf.replace('"seq":305', '"seq":306');
    };
    const short: Leaves = (from, to) => leaves(from, to - 1n);
    const failing: Leaves = async function* () {
      yield* leaves(301n, 302n);
      throw new Error("connection lost");
    };
    for (const wrong of [edited, short, failing, undefined])
      expect(await codeOf(sink.append([headLine(310)], wrong === undefined ? {} : { leaves: wrong }))).toBe("leaves");
    expect(await codeOf(sink.append(["not a head"], { leaves }))).toBe("line_invalid");
    expect(await codeOf(sink.append([headLine(310)], { leaves, after: 0 }))).toBe("conflict");
    expect([shown(folder), await textsOf(sink)]).toEqual([before, [headLine(300)]]);
    await sink.append([headLine(310)], { leaves });
    expect(checkTree(folder)).toBe(310n);
  });

  it.each([
    ["the last tile", "tile/0/001.p/44"],
    ["the last bundle", "tile/entries/001.p/44"],
    ["a tile of the level above", "tile/1/000.p/1"],
  ])("does not write over %s when it has been changed, and writes it again where it is gone", async (_, path) => {
    const { folder, sink } = await published(300);
    const bytes = readFileSync(join(folder, path));
    writeFileSync(join(folder, path), bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
    const line = headLine(300, 1_800_000_009);
    expect(await codeOf(sink.append([line], { leaves }))).toBe("damaged");
    expect(await textsOf(sink)).toHaveLength(1);
    rmSync(join(folder, path));
    await sink.append([line], { leaves });
    expect(readFileSync(join(folder, path))).toEqual(bytes);
    expect(checkTree(folder)).toBe(300n);
  });

  it("leaves a checkpoint that was signed later for the same size, from another publisher", async () => {
    const { folder, sink } = await published(300);
    const { checkpoint } = parseHeadParts(headLine(310, 1_800_000_009));
    writeFileSync(join(folder, "checkpoint"), checkpoint);
    await sink.append([headLine(310, 1_800_000_008)], { leaves });
    expect(shown(folder)).toBe(checkpoint);
    await sink.append([headLine(310, 1_800_000_010)], { leaves });
    expect(shown(folder)).toBe(parseHeadParts(headLine(310, 1_800_000_010)).checkpoint);
  });

  it("makes the whole folder again where only the log is left, or nothing but a torn line of it", async () => {
    const { folder, sink } = await published(600);
    rmSync(join(folder, "tile"), { recursive: true });
    rmSync(join(folder, "checkpoint"));
    appendFileSync(join(folder, "chain_head.log"), '{"seq":7');
    await sink.append([headLine(601)], { leaves });
    expect(checkTree(folder)).toBe(601n);
    for (const tile of filesOf(601n)) expect(existsSync(join(folder, tilePath(tile)))).toBe(true);
  });

  it("does not wait for a pipe in the place of a file, and reads no more of one than a file can have", async () => {
    const { folder, sink } = await published(5);
    mkdirSync(join(folder, "tile/2"));
    execFileSync("mkfifo", [join(folder, "tile/2/000")]);
    expect(await codeOf(Promise.resolve(sink.files?.read("tile/2/000")))).toBe("wrong_type");
    writeFileSync(join(folder, "tile/2/001"), Buffer.alloc(20_000_000));
    expect((await sink.files?.read("tile/2/001"))?.length).toBe(256 * (2 + 65_535) + 1);
  });
});
