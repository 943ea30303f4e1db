// Scenario: a publisher that writes to a bucket is killed at any moment, again and again.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseHeadParts, tilePath } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { openSink, temporaryFolder, textsOf } from "../folder.ts";
import { digestOf, filesOf, headLine, leaves } from "../tiles/log.ts";
import { createBucket } from "./bucket.ts";
import { checkBucketTree } from "./tree.ts";
import { createHash } from "node:crypto";
import { join } from "node:path";

const WRITER = fileURLToPath(new URL("s3-writer.ts", import.meta.url));

async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

describe("an s3 sink whose writer is killed", () => {
  it.each([
    ["locked", 7, 12],
    ["locked", 700, 12],
    ["plain", 90, 8],
  ] as const)("is valid at every checkpoint that it shows: %s, in steps of %d", async (kind, step, kills) => {
    const bucket = await createBucket(kind);
    const seen = new Set<string>();
    for (let kill = 0; kill < kills; kill++) {
      const writer = fork(WRITER, [bucket.url(), String(step)], { execArgv: ["--conditions=source"] });
      await once(writer, "message");
      const deadline = performance.now() + Math.random() * 150;
      while (performance.now() < deadline) {
        const note = await bucket.get("log/checkpoint");
        if (note !== undefined) seen.add(Buffer.from(note).toString());
        await sleep(1);
      }
      await killed(writer);
      const sink = openSink(bucket.url());
      const size = await checkBucketTree(sink);
      const last = parseHeadParts((await textsOf(sink)).at(-1) ?? "").seq;
      expect([last, last + BigInt(step)]).toContain(size);
    }
    // What has been shown stays valid, and all that was cut off is made whole, to the bytes of a folder never cut off.
    const sink = openSink(bucket.url());
    for (const note of seen) await checkBucketTree(sink, note);
    expect(seen.size).toBeGreaterThan(kills / 2);
    const end = Number(await checkBucketTree(sink)) + step;
    const fresh = temporaryFolder();
    for (const each of [sink, openSink(`tiles:${fresh}`)]) await each.append([headLine(end)], { leaves });
    expect(await checkBucketTree(sink)).toBe(BigInt(end));
    for (const tile of filesOf(BigInt(end))) {
      const bytes = (await sink.files?.read(tilePath(tile))) ?? "";
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(digestOf(join(fresh, tilePath(tile))));
    }
    expect(sink.warnings?.()).toEqual([]);
  });
});
