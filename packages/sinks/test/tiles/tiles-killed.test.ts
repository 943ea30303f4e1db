// Scenario: a publisher that writes tiles is killed at any moment, again and again.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseHeadParts, tilePath } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { openSink, temporaryFolder, textsOf } from "../folder.ts";
import { checkTree, digestOf, filesOf, headLine, leaves, shown } from "./log.ts";

const WRITER = fileURLToPath(new URL("tiles-writer.ts", import.meta.url));

async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

describe("a tiles sink whose writer is killed", () => {
  // Small steps and steps over several tiles; each kill at another moment behind a publication.
  it.each([
    [7, 12],
    [700, 12],
  ])("is valid at every checkpoint that it shows, in steps of %d", async (step, kills) => {
    const folder = temporaryFolder();
    const seen = new Set<string>();
    for (let kill = 0; kill < kills; kill++) {
      const writer = fork(WRITER, [folder, String(step)], { execArgv: ["--conditions=source"] });
      await once(writer, "message");
      const deadline = performance.now() + 20 + kill * 7.3;
      while (performance.now() < deadline) {
        const note = shown(folder);
        if (note !== undefined && !seen.has(note)) {
          seen.add(note);
          checkTree(folder, note);
        }
        await sleep(1);
      }
      await killed(writer);
      const size = checkTree(folder);
      const lines = await textsOf(openSink(`tiles:${folder}`));
      const last = parseHeadParts(lines.at(-1) ?? "").seq;
      expect([last, last + BigInt(step)]).toContain(size);
    }
    // What has been shown stays valid, and all that was cut off is made whole, to the bytes of a folder never cut off.
    for (const note of seen) checkTree(folder, note);
    expect(seen.size).toBeGreaterThan(kills / 2);
    const end = Number(checkTree(folder)) + step;
    const fresh = temporaryFolder();
    for (const each of [folder, fresh]) await openSink(`tiles:${each}`).append([headLine(end)], { leaves });
    expect(checkTree(folder)).toBe(BigInt(end));
    for (const tile of filesOf(BigInt(end)))
      expect(digestOf(join(folder, tilePath(tile)))).toBe(digestOf(join(fresh, tilePath(tile))));
  });
});
