import { describe, expect, it } from "vitest";
import type { Leaves } from "../../src/index.ts";
import { linesOf, openSink, temporaryFolder, textsOf } from "../folder.ts";
import { filesOf, headLine, leaves } from "../tiles/log.ts";
import { createBucket } from "./bucket.ts";
import { checkBucketTree } from "./tree.ts";
import { parseHeadParts, tilePath } from "@scidex/audit-core";

const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(
    () => "none",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );

const STATEMENT = '{"statement":"audit-chain.statement/v1\\n{}\\n\\n— a AAAAAAA=\\n"}';

describe.each(["locked", "versions", "plain"] as const)("an s3 sink in a bucket: %s", (kind) => {
  it("is empty while its prefix is", async () => {
    const bucket = await createBucket(kind);
    const sink = openSink(bucket.url("a/b"));
    expect([sink.name, sink.kind]).toEqual([`s3://${bucket.name}/a/b?endpoint=${bucket.endpoint}`, "s3"]);
    expect(await textsOf(sink)).toEqual([]);
    expect(await sink.files?.read("checkpoint")).toBeUndefined();
    expect(await sink.append([])).toEqual({ end: 0 });
    expect(await bucket.keys("")).toEqual([]);
  });

  it("shows a whole tree with each head, its lines as any sink, and the files of a tiles sink", async () => {
    const bucket = await createBucket(kind);
    const sink = openSink(bucket.url());
    const folder = temporaryFolder();
    const tiles = openSink(`tiles:${folder}`);
    const lines: string[] = [];
    let end = 0;
    for (const size of [1, 2, 255, 256, 257, 257, 600]) {
      const line = headLine(size, 1_800_000_000 + lines.length);
      lines.push(line);
      await tiles.append([line], { leaves });
      ({ end } = await sink.append([line], { leaves, after: end }));
      expect(await checkBucketTree(sink)).toBe(BigInt(size));
    }
    await sink.append([STATEMENT]);
    lines.push(STATEMENT);
    expect(await textsOf(sink)).toEqual(lines);
    expect((await linesOf(sink)).at(-1)?.end).toBe(end + STATEMENT.length + 3);
    for (const path of ["checkpoint", ...filesOf(600n).map(tilePath)])
      expect(await bucket.get(`log/${path}`)).toEqual(new Uint8Array((await tiles.files?.read(path)) ?? []));
    expect(sink.warnings?.()).toEqual([]);
  });

  it("asks for the leaves that are new, and writes nothing that is not in the signed tree", async () => {
    const bucket = await createBucket(kind);
    const sink = openSink(bucket.url());
    await sink.append([headLine(300)], { leaves });
    const asked: [bigint, bigint][] = [];
    const watched: Leaves = (from, to) => {
      asked.push([from, to]);
      return leaves(from, to);
    };
    const edited: Leaves = async function* (from, to) {
      for await (const leaf of leaves(from, to)) yield leaf.replace('"seq":305', '"seq":306');
    };
    expect(await codeOf(sink.append([headLine(310)], { leaves: edited }))).toBe("leaves");
    expect(await codeOf(sink.append([headLine(310)]))).toBe("leaves");
    expect(await codeOf(sink.append(["not a head"], { leaves }))).toBe("line_invalid");
    expect(await codeOf(sink.append([headLine(310)], { leaves, after: 0 }))).toBe("conflict");
    expect(await checkBucketTree(sink)).toBe(300n);
    await sink.append([headLine(310), headLine(700)], { leaves: watched });
    expect(asked).toEqual([
      [301n, 310n],
      [311n, 700n],
    ]);
    expect(await checkBucketTree(sink)).toBe(700n);
  });

  it("lets one of several writers win, and never two", async () => {
    const bucket = await createBucket(kind);
    let end = 0;
    for (let round = 0; round < 8; round++) {
      const lines = Array.from({ length: 6 }, (_, i) => headLine(40 + round, 1_800_000_000 + round * 10 + i));
      const after = end;
      const tried = await Promise.allSettled(
        lines.map(async (line) => await openSink(bucket.url()).append([line], { leaves, after })),
      );
      const won = tried.flatMap((one) => (one.status === "fulfilled" ? [one.value.end] : []));
      expect(won).toHaveLength(1);
      const lost = tried.flatMap((one): unknown[] => (one.status === "rejected" ? [one.reason] : []));
      expect(lost).toEqual(lost.map(() => expect.objectContaining({ code: "conflict" })));
      end = won[0] ?? 0;
      // What is shown was signed when the line was, or later.
      const shown = Buffer.from((await bucket.get("log/checkpoint")) ?? "").toString();
      const last = (await textsOf(openSink(bucket.url()))).at(-1) ?? "";
      const notes = lines.map((line) => parseHeadParts(line).checkpoint);
      expect(notes.indexOf(shown)).toBeGreaterThanOrEqual(lines.indexOf(last));
      expect(await checkBucketTree(openSink(bucket.url()))).toBe(BigInt(40 + round));
    }
    expect(await textsOf(openSink(bucket.url()))).toHaveLength(8);
  });

  it("puts the lines of several writers one after another where nobody says after what", async () => {
    const bucket = await createBucket(kind);
    const statement = (n: number): string => STATEMENT.replace("{}", `{"n":${n}}`);
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => await openSink(bucket.url()).append([statement(i), statement(i)])),
    );
    const texts = await textsOf(openSink(bucket.url()));
    expect(texts).toHaveLength(16);
    for (let pair = 0; pair < 16; pair += 2) expect(texts[pair]).toBe(texts[pair + 1]);
    expect(new Set(texts).size).toBe(8);
  });

  it("joins segments when they have become many, and reads them joined", async () => {
    const bucket = await createBucket(kind);
    const sink = openSink(bucket.url());
    let end = 0;
    const lines = Array.from({ length: 530 }, (_, n) => STATEMENT.replace("{}", `{"n":${n}}`));
    for (const line of lines) ({ end } = await sink.append([line], { after: end }));
    expect(await textsOf(sink)).toEqual(lines);
    const joined = await bucket.keys("log/chain_head.joined/");
    expect(joined).toHaveLength(2);
    // The same bytes as the segments, so that these need not be there.
    const segments = await bucket.keys("log/chain_head.log/");
    expect(segments).toHaveLength(530);
    const parts = await Promise.all(
      segments.slice(0, 512).map(async (key) => Buffer.from((await bucket.get(key)) ?? "")),
    );
    const whole = await Promise.all(joined.map(async (key) => Buffer.from((await bucket.get(key)) ?? "")));
    expect(Buffer.concat(whole)).toEqual(Buffer.concat(parts));
    expect((await linesOf(openSink(bucket.url()))).at(-1)).toMatchObject({ number: 530, end });
  });
});
