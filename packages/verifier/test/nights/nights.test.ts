// The nights of a place: what is added, what is refused, and what they prove.
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyFile, headTrust, parseKeyFile } from "@scidex/audit-core";
import { openSink } from "@scidex/audit-sinks";
import { describe, expect, onTestFinished, test } from "vitest";
import { describeHistory } from "../../src/nights/describe-history.ts";
import { historyOf } from "../../src/nights/history.ts";
import { readNights } from "../../src/nights/read-nights.ts";
import { type NightOf, signVerification } from "../../src/nights/sign-verification.ts";

const NAME = "auditor.example/nights";
const DAY = 86_400_000;
const START = Date.parse("2026-03-01T02:00:00Z");

async function place() {
  const folder = await mkdtemp(join(tmpdir(), "audit-nights-"));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const { text, vkeys } = generateKeyFile(NAME);
  const [keyFile, path] = [join(folder, "key"), join(folder, "nights.log")];
  const target = { keys: parseKeyFile(text), keyFile, url: `file:${path}`, folder: undefined };
  /** Signs a night, so many days after the first. */
  const add = async (days: number, changed: Partial<NightOf> & { status?: string } = {}) => {
    const { status = "intact", ...others } = changed;
    await signVerification(target, {
      report: {
        status,
        divergenceCount: status === "tampered" ? 2 : 0,
        accepted: [],
        head: { seq: 10n, chainHash: "ab".repeat(32), appendedAt: "2026-03-01T00:00:00.000000Z" },
        anchoredTo: 9n,
      } as unknown as NightOf["report"],
      policy: null,
      policyFile: undefined,
      origin: "example.org/log",
      database: "app",
      version: "0.1.0",
      now: START + days * DAY,
      ...others,
    });
  };
  const read = async () => await readNights(openSink(target.url), NAME, headTrust(vkeys, NAME));
  const lines = async () => (await readFile(path, "utf8")).trimEnd().split("\n");
  return { path, keyFile, folder, add, read, lines };
}

describe("nights", () => {
  test("are added one after the other, and say when there was no verdict for too long", async () => {
    const { add, read } = await place();
    for (const days of [0, 1, 2]) await add(days);
    await add(3, { status: "unproven" });
    await add(4, { status: "tampered" });
    await add(7, { database: "other" });
    const held = await read();
    expect(held).toMatchObject({ broken: [], isTorn: false });
    const until = START + 7.5 * DAY;
    const history = historyOf(held, { until, maxGapMs: 26 * 3_600_000 });
    expect(history.counts).toEqual({ intact: 4, tampered: 1, unproven: 1 });
    expect(history.gaps).toEqual([
      { from: "2026-03-03T02:00:00.000Z", to: "2026-03-05T02:00:00.000Z", hours: 48 },
      { from: "2026-03-05T02:00:00.000Z", to: "2026-03-08T02:00:00.000Z", hours: 72 },
    ]);
    expect(history.changes).toEqual([
      { at: "2026-03-08T02:00:00Z", what: "database", message: "the database other instead of app" },
    ]);
    expect(describeHistory(NAME, history)).toMatchInlineSnapshot(`
      "6 nights of auditor.example/nights, 2026-03-01 to 2026-03-08
        verdicts    4 intact, 1 tampered, 1 unproven
        gaps        2
                    2026-03-03 02:00 UTC to 2026-03-05 02:00 UTC: no verdict for 48 h
                    2026-03-05 02:00 UTC to 2026-03-08 02:00 UTC: no verdict for 72 h
        unproven    2026-03-04 02:00 UTC
        tampered    2026-03-05 02:00 UTC: 2 findings
        database    2026-03-08 02:00 UTC: the database other instead of app
        newest      2026-03-08 02:00 UTC: intact, seq 10
      "
    `);
    // A time before the first night, and after the last, is a gap too.
    const whole = historyOf(held, { since: START - 3 * DAY, until: until + DAY, maxGapMs: 26 * 3_600_000 });
    expect(whole.gaps.map(({ hours }) => hours)).toEqual([72, 48, 72, 36]);
    expect(historyOf(held, { since: START + 6 * DAY, until, maxGapMs: 26 * 3_600_000 })).toMatchObject({
      gaps: [],
      counts: { intact: 1 },
    });
  });

  test.each([
    ["taken out in the middle", (lines: string[]) => lines.toSpliced(1, 1), "it is night 3; expected 2"],
    ["put in twice", (lines: string[]) => [...lines, lines[2] ?? ""], "it is night 3; expected 4"],
    ["exchanged", ([a = "", b = "", c = ""]: string[]) => [b, a, c], "it is night 2; expected 1"],
    ["edited", ([a = "", b = "", c = ""]: string[]) => [a, b.replace("tampered", "intact"), c], "does not verify"],
  ])("%s are found, and nothing is added over it", async (_what, change, message) => {
    const { add, read, lines, path } = await place();
    for (const [i, status] of ["intact", "tampered", "intact"].entries()) await add(i, { status });
    const changed = change(await lines());
    await writeFile(path, `${changed.join("\n")}\n`);
    expect((await read()).broken[0]?.message).toContain(message);
    await expect(add(3)).rejects.toThrow("is no night that follows");
    expect(await lines()).toEqual(changed);
  });

  test("that were cut back or begun anew are known by the key's own memory", async () => {
    const { add, lines, path, keyFile } = await place();
    for (const days of [0, 1, 2]) await add(days);
    const [first = "", second = ""] = await lines();
    await writeFile(path, `${first}\n${second}\n`);
    await expect(add(3)).rejects.toThrow("does not have night 3 as these keys have signed it");
    await rm(path);
    await expect(add(3)).rejects.toThrow("does not have night 3");
    await writeFile(path, `${first}\n${second}\n`);
    await rm(`${keyFile}.nights`);
    await expect(add(3)).rejects.toThrow("which remembers them, is not there: put it back");
    expect(await lines()).toHaveLength(2);
  });

  test("go on where a run was killed after it had added one, and after a torn line", async () => {
    const { add, read, path, keyFile, folder } = await place();
    await add(0);
    await copyFile(`${keyFile}.nights`, join(folder, "before"));
    await add(1);
    await copyFile(join(folder, "before"), `${keyFile}.nights`);
    await add(2);
    await writeFile(path, `${await readFile(path, "utf8")}{"night":"audit`);
    expect(await read()).toMatchObject({ isTorn: true, broken: [] });
    await add(3);
    expect((await read()).nights.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });
});
