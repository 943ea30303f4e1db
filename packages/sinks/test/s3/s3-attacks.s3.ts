// Scenario: somebody has the publisher's credentials for the bucket (THREATS D01–D05, D10, D14).
import { describe, expect, it } from "vitest";
import { type Sink, sinksThatAreOne } from "../../src/index.ts";
import { linesOf, openSink, textsOf } from "../folder.ts";
import { headLine, leaves } from "../tiles/log.ts";
import { createBucket } from "./bucket.ts";
import type { BucketKind, TestBucket } from "./test-bucket.ts";
import { checkBucketTree } from "./tree.ts";

const FIRST = "log/chain_head.log/0000000000000000";

interface Published {
  readonly bucket: TestBucket;
  readonly sink: Sink;
  readonly lines: readonly string[];
  readonly end: number;
}

async function published(kind: BucketKind): Promise<Published> {
  const bucket = await createBucket(kind);
  const writer = openSink(bucket.url());
  const lines = [3, 300, 301].map((size) => headLine(size));
  let end = 0;
  for (const line of lines) ({ end } = await writer.append([line], { leaves, after: end }));
  return { bucket, sink: openSink(bucket.url()), lines, end };
}

/** The next head is taken as if nothing had happened. */
async function goesOn({ bucket, lines, end }: Published): Promise<void> {
  const sink = openSink(bucket.url());
  const next = headLine(310, 1_800_000_100);
  await sink.append([next], { leaves, after: end });
  expect(await textsOf(sink)).toEqual([...lines, next]);
  expect(await checkBucketTree(sink)).toBe(310n);
}

const codeOf = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(
    () => "none",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );

describe("whoever may write to a bucket with Object Lock", () => {
  it("hides nothing by deleting: a delete marker is no deletion", async () => {
    const all = await published("locked");
    const { bucket, sink, lines } = all;
    for (const key of await bucket.keys("log/")) await bucket.remove(key);
    // A web server has nothing any more.
    expect(await bucket.get("log/checkpoint")).toBeUndefined();
    expect(await textsOf(sink)).toEqual(lines);
    expect(await checkBucketTree(sink)).toBe(301n);
    expect(sink.warnings?.()).toEqual([expect.stringMatching(/written or deleted.*chain_head\.log\/0{16}/u)]);
    await goesOn(all);
  });

  it("changes nothing by writing another version: the oldest counts", async () => {
    const all = await published("locked");
    const { bucket, sink, lines } = all;
    const forged = `${headLine(3, 1_900_000_000)}\n`;
    await bucket.put(FIRST, forged);
    await bucket.remove(FIRST);
    await bucket.put(FIRST, forged);
    for (const key of await bucket.keys("log/tile/")) await bucket.put(key, "x");
    expect(await textsOf(sink)).toEqual(lines);
    expect(await checkBucketTree(sink)).toBe(301n);
    expect(sink.warnings?.()).toHaveLength(1);
    await goesOn(all);
  });

  it("cannot take a version away", async () => {
    const { bucket } = await published("locked");
    for (const version of await bucket.versionsOf(FIRST))
      await expect(bucket.remove(FIRST, version)).rejects.toThrow(/lock|WORM/u);
  });

  it.each<[string, (bucket: TestBucket) => Promise<unknown>]>([
    ["deletes it", async (bucket) => await bucket.remove("log/checkpoint")],
    ["writes something else over it", async (bucket) => await bucket.put("log/checkpoint", "something else")],
    [
      "puts an older one back",
      async (bucket) =>
        await bucket.put(
          "log/checkpoint",
          (await bucket.get("log/checkpoint", (await bucket.versionsOf("log/checkpoint")).at(-1))) ?? "",
        ),
    ],
  ])("shows another checkpoint only until the next head: %s", async (_, attack) => {
    const all = await published("locked");
    await attack(all.bucket);
    await goesOn(all);
    expect(await all.bucket.get("log/checkpoint")).toBeDefined();
  });

  it.each([
    ["an empty object where the next lines go", ""],
    ["half a line", '{"seq":'],
  ])("stops the sink, and is told apart from another publisher: %s", async (_, body) => {
    const { bucket, lines, end } = await published("locked");
    await bucket.put(`log/chain_head.log/${String(end).padStart(16, "0")}`, body);
    const sink = openSink(bucket.url());
    const read = await linesOf(sink);
    expect(read.filter(({ defect }) => defect === null).map(({ text }) => text)).toEqual(lines);
    const append = sink.append([headLine(310, 1_800_000_100)], { leaves, after: end });
    expect(await codeOf(append)).toBe("damaged");
  });

  it("plants lines only where the next ones go, where everybody sees them", async () => {
    const { bucket, lines, end } = await published("locked");
    const forged = headLine(310, 1_900_000_000).replace("310", "311");
    await bucket.put(`log/chain_head.log/${String(end + 1).padStart(16, "0")}`, `${forged}\n`);
    expect(await textsOf(openSink(bucket.url()))).toEqual(lines);
    await bucket.put(`log/chain_head.log/${String(end).padStart(16, "0")}`, `${forged}\n`);
    const sink = openSink(bucket.url());
    expect(await textsOf(sink)).toEqual([...lines, forged]);
    expect(await codeOf(sink.append([headLine(310)], { leaves, after: end }))).toBe("conflict");
  });

  it("stops nothing by deleting what is not there yet", async () => {
    const all = await published("locked");
    const { bucket, end } = all;
    await bucket.remove(`log/chain_head.log/${String(end).padStart(16, "0")}`);
    await bucket.remove("log/tile/0/001.p/54");
    expect(await textsOf(openSink(bucket.url()))).toEqual(all.lines);
    await goesOn(all);
  });

  it("makes a tile that is to come, which is not written over", async () => {
    const { bucket, end } = await published("locked");
    await bucket.put("log/tile/0/001.p/54", "x");
    const sink = openSink(bucket.url());
    expect(await codeOf(sink.append([headLine(310, 1_800_000_100)], { leaves, after: end }))).toBe("damaged");
    expect(await textsOf(sink)).toHaveLength(3);
    await sink.append([headLine(311, 1_800_000_100)], { leaves, after: end });
    expect(await checkBucketTree(sink)).toBe(311n);
  });
});

describe("whoever may delete versions, where nothing locks them", () => {
  it.each(["versions", "plain"] as const)("cuts the log, which then has fewer lines: %s", async (kind) => {
    const { bucket, lines } = await published(kind);
    const [, second = ""] = await bucket.keys("log/chain_head.log/");
    await bucket.purge(second);
    if (kind === "plain") await bucket.remove(second);
    expect(await textsOf(openSink(bucket.url()))).toEqual(lines.slice(0, 1));
  });

  it("stops nothing by delete markers where nothing is yet", async () => {
    const all = await published("versions");
    const { bucket, end } = all;
    for (const key of [`log/chain_head.log/${String(end).padStart(16, "0")}`, "log/tile/0/001.p/54"]) {
      await bucket.put(key, "x");
      await bucket.remove(key);
      await bucket.remove(key, (await bucket.versionsOf(key)).at(-1));
      expect(await bucket.versionsOf(key)).toHaveLength(1);
    }
    await goesOn(all);
  });

  it.each(["versions", "plain"] as const)("takes tiles away, which are written again: %s", async (kind) => {
    const all = await published(kind);
    for (const key of await all.bucket.keys("log/tile/")) {
      await all.bucket.purge(key);
      if (kind === "plain") await all.bucket.remove(key);
    }
    expect(await openSink(all.bucket.url()).files?.read("tile/0/000")).toBeUndefined();
    await goesOn(all);
  });
});

describe("two s3 sinks that are one", () => {
  it("are found by their names, and by what they hold where a bucket has two names", async () => {
    const { bucket } = await published("locked");
    const other = bucket.endpoint.replace("127.0.0.1", "localhost");
    const urls = [bucket.url(), bucket.url("log/"), bucket.url().replace(bucket.endpoint, other)];
    const sinks = urls.map((url) => openSink(url));
    expect(await sinksThatAreOne(sinks)).toHaveLength(3);
    const apart = [openSink(bucket.url("a")), openSink(bucket.url("b")), openSink((await createBucket("plain")).url())];
    expect(await sinksThatAreOne([...apart, ...sinks.slice(0, 1)])).toEqual([]);
  });
});
