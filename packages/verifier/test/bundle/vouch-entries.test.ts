// The fast way through a log's files says what the slow one would, and nothing of what is odd.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventHash, type Leaf, leafText, microsOfMillis, parseLeaf, sha256, toHex } from "@scidex/audit-core";
import { EMPTY_STATE, readPublishedHeads, resolveRange } from "@scidex/audit-reader";
import type { Sink } from "@scidex/audit-sinks";
import { array, assert, constantFrom, nat, property, string, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { LeafReader } from "../../src/bundle/plain-leaf.ts";
import { vouchForEntries } from "../../src/bundle/vouch-entries.ts";
import { verifyBundle } from "../../src/index.ts";
import { leafOf } from "../../src/prove/tree-entries.ts";
import { parseTrust } from "../../src/trust.ts";
import { honestLeaves, makeBundle, trust } from "./made-bundle.ts";

const NOW = Date.UTC(2026, 11, 1);

async function vouch(sink: Sink) {
  const published = await readPublishedHeads([sink], parseTrust(trust), EMPTY_STATE, () => {}, "edge");
  const { files } = sink;
  const size = published.heads.at(-1)?.seq;
  if (files === undefined || size === undefined) throw new Error("there is no tree");
  const now = microsOfMillis(NOW);
  const nobody = { signal: undefined, onProgress: undefined };
  const range = resolveRange({}, published.heads, size);
  return await vouchForEntries(files, size, { range, published, judgesTimes: true, now, ...nobody });
}
const found = async (sink: Sink): Promise<string[]> => {
  const { report } = await verifyBundle(sink, trust, { now: NOW });
  const { status, divergences } = report;
  return [status, ...divergences.map(({ check, seq }) => `${check} ${seq ?? ""}`.trim())];
};

describe("a log in files", () => {
  it.each([
    [1, [1]],
    [255, [3, 255]],
    [256, [256]],
    [257, [256, 257]],
    [700, [1, 255, 256, 300, 512, 513, 700]],
    [700, [700]],
  ])("of %d links, published at %j, is vouched for", async (size, heads) => {
    const leaves = honestLeaves(size);
    const { sink } = await makeBundle(leaves, heads);
    const last = parseLeaf(leaves.at(-1) ?? "");
    const result = await vouch(sink);
    expect(result).toMatchObject({ to: BigInt(size), rows: size, anchoredTo: BigInt(size) });
    expect(toHex(result?.last?.chainHash ?? new Uint8Array())).toBe(toHex(last.chainHash));
    expect(await found(sink)).toEqual(["intact"]);
  });

  const edited = (leaf: string, change: Partial<Leaf>): string => leafText({ ...parseLeaf(leaf), ...change });
  it.each<[what: string, change: (leaf: string) => string, found: string]>([
    ["a chain hash that does not follow", (leaf) => edited(leaf, { chainHash: sha256("x") }), "chain_hash 400"],
    ["another payload", (leaf) => edited(leaf, { payloadHash: sha256("x") }), "chain_hash 400"],
    ["another kind", (leaf) => edited(leaf, { eventKind: "order" }), "chain_hash 400"],
    ["no hash before", (leaf) => edited(leaf, { beforeHash: sha256("x") }), "chain_hash 400"],
    ["a day that there is not", (leaf) => leaf.replace(/"2026-\d\d-\d\d/u, '"2026-02-30'), "gap 400"],
    [
      "a hash in capitals",
      (leaf) => leaf.replace(/[a-f](?=[0-9a-f]*","seq)/u, (digit) => digit.toUpperCase()),
      "gap 400",
    ],
    ["white space", (leaf) => leaf.replace(',"seq"', ', "seq"'), "gap 400"],
    [
      "an escape that need not be",
      (leaf) => leaf.replace('"event_kind":"', String.raw`"event_kind":"\u0061`),
      "gap 400",
    ],
    ["the seq of another", (leaf) => edited(leaf, { seq: 399n }), "gap 400"],
    ["a member more", (leaf) => leaf.replace("}", ',"z":1}'), "gap 400"],
    [
      "a kind that is too long",
      (leaf) => leaf.replace('"event_kind":"', `"event_kind":"${"k".repeat(300)}`),
      "gap 400",
    ],
  ])("that was signed with %s is not", async (_, change, expected) => {
    const leaves = honestLeaves(700).map((leaf, i) => (i === 399 ? change(leaf) : leaf));
    const { sink } = await makeBundle(leaves, [300, 700]);
    expect(await vouch(sink)).toBeNull();
    const [status, ...findings] = await found(sink);
    expect(status).toBe("tampered");
    expect(findings).toContain(expected);
  });

  it.each([
    ["newer than the head that covers it", 86_400],
    ["older than the head before it by more than a transaction can take", -200_000],
  ])("with a link that claims to be %s is not", async (_, seconds) => {
    const leaves = honestLeaves(700, { late: (seq) => (seq === 400 ? seconds : 0) });
    const { sink } = await makeBundle(leaves, [300, 700]);
    expect(await vouch(sink)).toBeNull();
    expect(await found(sink)).toEqual(["tampered", "time_implausible 400"]);
  });

  it("with a head of another history, signed with its keys, is not", async () => {
    const { sink, folder } = await makeBundle(honestLeaves(700), [300, 700]);
    const other = await makeBundle(honestLeaves(300, { payload: (seq) => `other ${seq}` }), [300]);
    const [file, ofOther] = [folder, other.folder].map((one) => join(one, "chain_head.log"));
    const [, last] = readFileSync(file ?? "", "utf8").split("\n");
    writeFileSync(file ?? "", `${readFileSync(ofOther ?? "", "utf8")}${last}\n`);
    expect(await vouch(sink)).toBeNull();
    const [status, ...findings] = await found(sink);
    expect([status, findings.join()]).toEqual(["tampered", expect.stringContaining("head_mismatch")]);
  });

  it("with any bit changed in any file is not", async () => {
    const { sink, folder } = await makeBundle(honestLeaves(700), [256, 600, 700]);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    // Of an earlier size: nobody reads them any more.
    const isRead = (file: string): boolean =>
      !/\.p\//u.test(file) || file.endsWith(".p/188") || file.endsWith("/000.p/2");
    for (const file of files.filter(isRead)) {
      const bytes = readFileSync(file);
      for (let trial = 0; trial < 12; trial++) {
        const at = Math.floor(((trial + 0.5) / 12) * bytes.length);
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << (trial % 8));
        writeFileSync(file, changed);
        expect([file, at, (await found(sink))[0]]).not.toEqual([file, at, "intact"]);
      }
      writeFileSync(file, bytes);
    }
    expect(await found(sink)).toEqual(["intact"]);
  }, 120_000);
});

it("plain leaves are read as any leaf is, and nothing else is", () => {
  const character = constantFrom(...'{}[]":,\\ u0aAfx9-TZ.é\n\0'.split(""));
  const leaves = honestLeaves(40);
  assert(
    property(
      nat(39),
      array(tuple(nat(400), nat(2), string({ unit: character, maxLength: 3 })), { maxLength: 2 }),
      (index, changes) => {
        const leaf = changes.reduce(
          (text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut),
          leaves[index] ?? "",
        );
        const reader = new LeafReader();
        // A reader that has seen such kinds and days, and one that has not.
        for (let again = 0; again < 2; again++) {
          const read = reader.read(Buffer.from(leaf), index + 1);
          const wanted = leafOf(Buffer.from(leaf));
          const parts =
            wanted?.seq === BigInt(index + 1)
              ? [wanted.appendedAt, toHex(wanted.chainHash), toHex(eventHash(wanted))]
              : null;
          expect(read && [read.appendedAt, read.chainHash, toHex(read.eventHash)]).toEqual(parts);
          reader.read(Buffer.from(leaves[index] ?? ""), index + 1);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});
