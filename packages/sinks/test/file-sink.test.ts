import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { MAX_LINE_BYTES, openSink } from "../src/index.ts";
import { linesOf, temporaryFolder, textsOf } from "./folder.ts";

const WRITER = fileURLToPath(new URL("file-writer.ts", import.meta.url));
const startWriter = (...args: string[]) => fork(WRITER, args, { execArgv: ["--conditions=source"] });

describe("a file sink", () => {
  it("is empty while there is no file, and reading makes none", async () => {
    const path = join(temporaryFolder(), "head.log");
    expect(await textsOf(openSink(`file:${path}`))).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  it("holds what was appended, one line each, in order", async () => {
    const path = join(temporaryFolder(), "head.log");
    const sink = openSink(`file:${path}`);
    expect(await sink.append(["one"])).toEqual({ end: 4 });
    expect(await sink.append(["two", "drei ä"], { after: 4 })).toEqual({ end: 16 });
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\ndrei ä\n");
    expect((await linesOf(sink)).map(({ number, end, defect }) => [number, end, defect])).toEqual([
      [1, 4, null],
      [2, 8, null],
      [3, 16, null],
    ]);
    expect(readdirSync(join(path, ".."))).toEqual(["head.log"]);
  });

  it.each([["half a li"], ['{"whole":"line without its line feed"}'], ["x".repeat(200_000)]])(
    "removes a torn last line with the next append, and only that",
    async (torn) => {
      const path = join(temporaryFolder(), "head.log");
      writeFileSync(path, `one\n${torn}`);
      const sink = openSink(`file:${path}`);
      expect((await linesOf(sink)).map(({ defect, end }) => [defect, end])).toEqual([
        [null, 4],
        ["torn", 4 + torn.length],
      ]);
      await sink.append(["two"], { after: 4 });
      expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    },
  );

  it("repairs a log that is nothing but a torn line", async () => {
    const path = join(temporaryFolder(), "head.log");
    writeFileSync(path, "hal");
    await openSink(`file:${path}`).append(["one"], { after: 0 });
    expect(readFileSync(path, "utf8")).toBe("one\n");
  });

  it("writes nothing when the log has changed since it was read", async () => {
    const path = join(temporaryFolder(), "head.log");
    const sink = openSink(`file:${path}`);
    await sink.append(["one"]);
    appendFileSync(path, "foreign\n");
    await expect(sink.append(["two"], { after: 4 })).rejects.toMatchObject({ code: "conflict" });
    writeFileSync(path, "");
    await expect(sink.append(["two"], { after: 4 })).rejects.toMatchObject({ code: "conflict" });
    expect(readFileSync(path, "utf8")).toBe("");
  });

  it("refuses lines that would be two, none or too long", async () => {
    const path = join(temporaryFolder(), "head.log");
    for (const line of ["a\nb", "", "x".repeat(MAX_LINE_BYTES + 1), "\uD800"])
      await expect(openSink(`file:${path}`).append([line])).rejects.toMatchObject({ code: "line_invalid" });
    expect(existsSync(path)).toBe(false);
  });

  it("never creates a folder that is missing, and says what to do", async () => {
    const folder = temporaryFolder();
    const sink = openSink(`file:${folder}/disk/audit/head.log`);
    const error = { code: "folder_missing", message: expect.stringMatching(/disk\/audit does not exist.*mkdir/s) };
    await expect(sink.append(["one"])).rejects.toMatchObject(error);
    await expect(linesOf(sink)).rejects.toMatchObject(error);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("refuses what is not a regular file, without blocking on a pipe", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "head.log"));
    await expect(openSink(`file:${folder}/head.log`).append(["one"])).rejects.toMatchObject({ code: "wrong_type" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(linesOf(openSink(`file:${folder}/pipe`))).rejects.toMatchObject({ code: "wrong_type" });
    await expect(openSink(`file:${folder}/pipe`).append(["one"])).rejects.toMatchObject({ code: "wrong_type" });
  });

  it("says so when it may not write", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "head.log"), "one\n");
    chmodSync(join(folder, "head.log"), 0o444);
    const root = process.getuid?.() === 0;
    if (root) chownSync(folder, 65_534, 65_534);
    chmodSync(folder, 0o755);
    const child = startWriter(`file:${folder}/head.log`, "two", "1", "1", root ? "65534" : "");
    const [message] = (await once(child, "message")) as [unknown];
    expect(message).toMatchObject({ code: "permission", message: expect.stringContaining(`${folder}/head.log`) });
    expect(readFileSync(join(folder, "head.log"), "utf8")).toBe("one\n");
  });

  it("keeps the lines of writers in other processes apart", async () => {
    const path = join(temporaryFolder(), "head.log");
    const children = ["a", "b", "c", "d"].map((letter) => startWriter(`file:${path}`, letter, "25", "5000"));
    await Promise.all(children.map(async (child) => once(child, "exit")));
    const lines = await linesOf(openSink(`file:${path}`));
    expect(lines.every(({ text, defect }) => defect === null && /^([abcd])\1{4999}$/.test(text))).toBe(true);
    expect(lines).toHaveLength(100);
  });

  it("takes the lock of a writer that was killed, at once", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "head.log");
    const child = startWriter(`file:${path}`, "hold", "lock");
    await once(child, "message");
    expect(existsSync(`${path}.lock`)).toBe(true);
    const busy = openSink(`file:${path}`, { timeoutMs: 100 });
    await expect(busy.append(["one"])).rejects.toMatchObject({ code: "busy" });
    child.kill("SIGKILL");
    await once(child, "exit");
    await Promise.all(["one", "two", "three"].map(async (line) => openSink(`file:${path}`).append([line])));
    expect((await textsOf(openSink(`file:${path}`))).toSorted()).toEqual(["one", "three", "two"]);
    expect(readdirSync(folder)).toEqual(["head.log"]);
  });

  it("leaves whole lines or one torn line, however often its writer is killed, and goes on after it", async () => {
    const path = join(temporaryFolder(), "head.log");
    for (let i = 0; i < 15; i += 1) {
      const child = startWriter(`file:${path}`, "x", "1000", "300000");
      await once(child, "message");
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await openSink(`file:${path}`).append(["last"]);
    const lines = await linesOf(openSink(`file:${path}`));
    expect(lines.every(({ defect }) => defect === null)).toBe(true);
    expect(new Set(lines.slice(0, -1).map(({ text }) => text.length))).toEqual(new Set([300_000]));
    expect(lines.at(-1)?.text).toBe("last");
  });

  it("appends nothing on a full disk, and goes on when there is room again", async () => {
    const folder = smallDisk(256 * 1_024);
    if (folder === undefined) {
      // Without the right to mount, a limit on the file's size shows the same short write.
      await limitedWrite();
      return;
    }
    const path = join(folder, "head.log");
    const sink = openSink(`file:${path}`);
    await sink.append(["one"]);
    await expect(sink.append(["x".repeat(900_000)], { after: 4 })).rejects.toMatchObject({ code: "no_space" });
    expect(readFileSync(path, "utf8")).toBe("one\n");
    writeFileSync(join(folder, "ballast"), "y".repeat(100_000));
    await expect(sink.append(["x".repeat(200_000)], { after: 4 })).rejects.toMatchObject({ code: "no_space" });
    writeFileSync(join(folder, "ballast"), "");
    await sink.append(["x".repeat(200_000)], { after: 4 });
    expect(statSync(path).size).toBe(200_005);
    expect(readdirSync(folder).toSorted()).toEqual(["ballast", "head.log"]);
  });
});

function smallDisk(bytes: number): string | undefined {
  const folder = temporaryFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", ["-l", folder]));
  return folder;
}

async function limitedWrite(): Promise<void> {
  const path = join(temporaryFolder(), "head.log");
  const script = `ulimit -f 64; exec "${process.execPath}" --conditions=source "${WRITER}" "file:${path}" x 1 100000`;
  expect(() => execFileSync("sh", ["-c", script], { stdio: "pipe" })).toThrow(/no_space/);
  expect(readFileSync(path, "utf8")).toBe("");
}
