import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { headTrust } from "@scidex/audit-core";
import { openSink } from "@scidex/audit-sinks";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { headLine, leaves, vkeys } from "../../../sinks/test/tiles/log.ts";
import { EMPTY_STATE, type Finding, readPublishedHeads } from "../../src/index.ts";

const trust = headTrust(vkeys, "example.org/tiles");
const newFolder = (): string => mkdtempSync(join(tmpdir(), "audit-tree-"));

/** A tree of 700 leaves: two full tiles, one of 188, and one above them of 2. Older checkpoints of 5 and 600. */
let whole: string;
const shownAt = new Map<number, Buffer>();

beforeAll(async () => {
  whole = newFolder();
  const sink = openSink(`tiles:${whole}`);
  for (const size of [5, 600, 700]) {
    await sink.append([headLine(size, 1_800_000_000 + size)], { leaves });
    shownAt.set(size, readFileSync(join(whole, "checkpoint")));
  }
});
afterAll(() => rmSync(whole, { recursive: true }));

/** What is found after an attack on a copy of the folder: check, and the rows. */
async function foundAfter(attack: (folder: string) => void, scope: "edge" | "whole" = "whole"): Promise<unknown[]> {
  const folder = newFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(whole, folder, { recursive: true });
  attack(folder);
  const found: Finding[] = [];
  const heads = await readPublishedHeads(
    [openSink(`tiles:${folder}`)],
    trust,
    EMPTY_STATE,
    (finding) => found.push(finding),
    scope,
  );
  expect(heads.doubts).toEqual([]);
  return found.map(({ check, seq, fromSeq, toSeq }) =>
    seq === undefined && fromSeq === undefined ? [check] : [check, Number(seq ?? fromSeq), Number(seq ?? toSeq)],
  );
}

const flip = (path: string, at: number) => (folder: string) => {
  const bytes = readFileSync(join(folder, path));
  writeFileSync(join(folder, path), bytes.with(at, (bytes.at(at) ?? 0) ^ 1));
};
const remove = (path: string) => (folder: string) => rmSync(join(folder, path));
const write = (path: string, content: Uint8Array | string) => (folder: string) =>
  writeFileSync(join(folder, path), content);

describe("the tree that a sink keeps", () => {
  it("is clean as the publisher wrote it, and with partial tiles of the past removed", async () => {
    expect(await foundAfter(() => {})).toEqual([]);
    expect(await foundAfter(remove("tile/0/000.p/5"))).toEqual([]);
  });

  it("is clean where the newest line is still to come: a publisher that was killed", async () => {
    const cut = (folder: string) => {
      const lines = readFileSync(join(folder, "chain_head.log"), "utf8").split("\n");
      writeFileSync(join(folder, "chain_head.log"), `${lines.slice(0, 2).join("\n")}\n`);
    };
    expect(await foundAfter(cut)).toEqual([]);
  });

  it.each([
    ["a leaf of a full bundle", flip("tile/entries/000", 2), [["head_mismatch", 1, 1]]],
    ["a leaf of the last bundle", flip("tile/entries/002.p/188", -1), [["head_mismatch", 700, 700]]],
    ["a length in a bundle", flip("tile/entries/001", 1), [["head_mismatch", 257, 512]]],
    ["a hash of a full tile", flip("tile/0/001", 32 * 9), [["head_mismatch", 266, 266]]],
    ["a hash of the last tile", flip("tile/0/002.p/188", 0), [["head_mismatch", 1, 700]]],
    ["a hash of the tile above", flip("tile/1/000.p/2", 0), [["head_mismatch", 1, 700]]],
    ["a bundle, gone", remove("tile/entries/001"), [["head_mismatch", 257, 512]]],
    ["a tile, gone", remove("tile/0/000"), [["head_mismatch", 1, 256]]],
    ["the last tile, gone", remove("tile/0/002.p/188"), [["head_mismatch", 513, 700]]],
    ["a tile, cut", write("tile/0/000", Buffer.alloc(31)), [["head_mismatch", 1, 256]]],
    ["a tile of gigabytes", write("tile/0/000", Buffer.alloc(20_000_000)), [["head_mismatch", 1, 256]]],
    ["the checkpoint, gone", remove("checkpoint"), [["sink_rewound", 700, 700]]],
    ["the checkpoint's signature", flip("checkpoint", -9), [["sink_signature"]]],
    ["the checkpoint's size", flip("checkpoint", "example.org/tiles\n7".length), [["sink_signature"]]],
    ["no checkpoint at all", write("checkpoint", "nothing"), [["sink_signature"]]],
  ])("is found changed: %s", async (_, attack, expected) => {
    expect(await foundAfter(attack)).toEqual(expected);
  });

  it("is found with an older checkpoint put back, and with tile and bundle both of another tree", async () => {
    for (const size of [5, 600])
      expect(await foundAfter((folder) => writeFileSync(join(folder, "checkpoint"), shownAt.get(size) ?? ""))).toEqual([
        ["sink_rewound", size + 1, size + 1],
      ]);
    const swap = (folder: string) => {
      for (const level of ["0", "entries"])
        cpSync(join(folder, "tile", level, "001"), join(folder, "tile", level, "000"));
    };
    expect(await foundAfter(swap)).toEqual([["head_mismatch", 1, 256]]);
  });

  it("is found changed in whatever byte of a file that its newest checkpoint needs", async () => {
    const missed: string[] = [];
    for (const path of ["checkpoint", "tile/0/000", "tile/0/002.p/188", "tile/entries/002.p/188", "tile/1/000.p/2"]) {
      const { size } = statSync(join(whole, path));
      // Of the larger ones a sample: each costs a look at the whole tree.
      for (let at = 0; at < size; at += path === "checkpoint" ? 7 : Math.ceil(size / 7))
        if ((await foundAfter(flip(path, at))).length === 0) missed.push(`${path} ${at}`);
    }
    expect(missed).toEqual([]);
  });

  it("is only looked at along its right edge where a window is verified", async () => {
    expect(await foundAfter(flip("tile/entries/000", 2), "edge")).toEqual([]);
    expect(await foundAfter(flip("tile/0/002.p/188", 0), "edge")).toEqual([["head_mismatch", 1, 700]]);
    expect(await foundAfter(remove("checkpoint"), "edge")).toEqual([["sink_rewound", 700, 700]]);
    expect(readdirSync(whole).toSorted()).toEqual(["chain_head.log", "checkpoint", "tile"]);
  });
});
