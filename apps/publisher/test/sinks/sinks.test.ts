import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { generateKeyFile, parseKeyFile, signHead } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { gitRemote, linesOf, type Log, openLog, ORIGIN, recompute } from "../log.ts";

const later = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_001));
const write = (path: string, lines: readonly string[]): void =>
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));

/** A log with three heads in two sinks. */
async function threeHeads(): Promise<Log> {
  const log = await openLog();
  for (const key of ["1", "2", "3"]) {
    await log.append(key);
    await log.publish();
  }
  return log;
}

/** A head of the log's last link, signed by whoever has these keys. */
function forged(log: Log, keyText: string): string {
  const [head] = log.heads().slice(-1);
  if (!head) throw new Error("no head");
  const before = { size: head.seq - 1n, hashes: head.proof.toReversed() };
  return signHead({ keys: parseKeyFile(keyText), leaf: head.leaf, before, time: head.signedTime + 1n });
}

describe("a sink that was tampered with", () => {
  it.each([
    ["D01: a line is removed", (lines: string[]) => lines.toSpliced(1, 1), "sink_rewound"],
    [
      "D02: a member is changed",
      (lines: string[]) => lines.with(1, lines[1]?.replace('"seq":2', '"seq":3') ?? ""),
      "sink_signature",
    ],
    [
      "D02: a bit of a signature is changed",
      (lines: string[]) =>
        lines.with(
          2,
          lines[2]?.replace(/(timestamp \S{30})(.)/, (_, a: string, b: string) => `${a}${b === "A" ? "B" : "A"}`) ?? "",
        ),
      "sink_signature",
    ],
    ["D03: the log is cut back", (lines: string[]) => lines.slice(0, 1), "sink_rewound"],
    ["D03: the log is emptied", () => [], "sink_rewound"],
    [
      "D05: two lines change places",
      (lines: string[]) => [lines[1] ?? "", lines[0] ?? "", lines[2] ?? ""],
      "sink_disagreement",
    ],
    [
      "D07: an old head is repeated as the newest",
      (lines: string[]) => [...lines, lines[0] ?? ""],
      "sink_disagreement",
    ],
    [
      "D07: an old head is repeated with a fresh time",
      (lines: string[]) => [
        ...lines,
        lines[0]?.replace(/"published_at":"[^"]*"/, '"published_at":"2099-01-01T00:00:00Z"') ?? "",
      ],
      "sink_signature",
    ],
    ["a line is added that is none", (lines: string[]) => [...lines, "not a head"], "sink_signature"],
  ])("stops the publisher: %s", async (_, change, check) => {
    const log = await threeHeads();
    const good = readFileSync(log.paths[1], "utf8");
    write(log.paths[0], change(linesOf(log.paths[0])));
    const state = readFileSync(log.stateFile, "utf8");
    const result = await log.publish();
    expect(result).toMatchObject({
      status: "tampered",
      published: null,
      firstDivergence: { check, sink: log.sinks[0] },
    });
    expect(result.sinks.map(({ status }) => status)).toEqual(["tampered", "ok"]);
    expect(readFileSync(log.paths[1], "utf8")).toBe(good);
    expect(readFileSync(log.stateFile, "utf8")).toBe(state);
  });

  it.each([
    ["D04: signed with another key of the same name", ORIGIN],
    ["D08: a genuine head of another log", "example.org/other"],
  ])("stops the publisher: %s", async (_, origin) => {
    const log = await threeHeads();
    appendFileSync(log.paths[0], `${forged(log, generateKeyFile(origin).text)}\n`);
    expect(await log.publish()).toMatchObject({ status: "tampered", firstDivergence: { check: "sink_signature" } });
  });

  it("holds a head of ours that we don't remember: the state is an older copy, and nothing is signed", async () => {
    const log = await threeHeads();
    const old = readFileSync(log.stateFile);
    await log.append("4");
    await log.publish();
    writeFileSync(log.stateFile, old);
    await log.append("5");
    await expect(log.publish()).rejects.toMatchObject({
      code: "state_outdated",
      message: expect.stringMatching(/key\.state is older than the sinks: .* holds a head of 4 links/),
    });
    expect(log.heads()).toHaveLength(4);
    // What was found in another sink is not hidden by that.
    write(log.paths[1], linesOf(log.paths[1]).slice(1));
    expect(await log.publish()).toMatchObject({ status: "tampered", firstDivergence: { sink: log.sinks[1] } });
  });

  it("is not excused as ahead of the state where old heads follow the newest", async () => {
    const log = await threeHeads();
    const old = readFileSync(log.stateFile);
    await log.append("4");
    await log.publish();
    writeFileSync(log.stateFile, old);
    appendFileSync(log.paths[0], `${linesOf(log.paths[0])[0]}\n`);
    expect(await log.publish()).toMatchObject({ status: "tampered", firstDivergence: { check: "sink_disagreement" } });
  });

  it("whose line ends were converted is behind, and the others get every head", async () => {
    const log = await threeHeads();
    const good = readFileSync(log.paths[0], "utf8");
    writeFileSync(log.paths[0], good.replaceAll("\n", "\r\n"));
    await log.append("4");
    expect(await log.publish()).toMatchObject({
      status: "unproven",
      published: { seq: 4n },
      sinks: [{ status: "behind", message: expect.stringContaining("converted") }, { status: "ok" }],
    });
    writeFileSync(log.paths[0], good);
    await log.append("5");
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect(readFileSync(log.paths[0], "utf8")).toBe(readFileSync(log.paths[1], "utf8"));
  });

  it("does not get a rewritten chain signed by being deleted (D09)", async () => {
    const log = await threeHeads();
    await log.attack(`update public.audit_chain set payload_hash = sha256('evil') where seq = 1; ${recompute(1)}`);
    for (const path of log.paths) rmSync(path);
    const result = await log.publish();
    expect(result).toMatchObject({ status: "tampered", published: null });
    expect(result.divergences.map(({ check }) => check).toSorted()).toEqual([
      "head_mismatch",
      "sink_rewound",
      "sink_rewound",
    ]);
  });

  it("with a line that is too long to be read stops the publisher", async () => {
    const log = await threeHeads();
    appendFileSync(log.paths[0], `${"x".repeat(3_000_000)}\n`);
    expect(await log.publish()).toMatchObject({ status: "tampered", firstDivergence: { check: "sink_signature" } });
  });
});

describe("a sink that fails", () => {
  it("does not hold up the others, and is caught up later with every head exactly once", async () => {
    const log = await threeHeads();
    const disk = join(log.folder, "disk");
    mkdirSync(disk);
    renameSync(log.paths[1], join(disk, "b.log"));
    const sinks = [log.sinks[0], `file:${disk}/b.log`];
    const away = join(log.folder, "away");
    await later();
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    renameSync(disk, away);
    for (const key of ["4", "5"]) {
      await log.append(key);
      const result = await log.publish({ sinks });
      expect(result).toMatchObject({ status: "unproven", published: { seq: BigInt(key) } });
      expect(result.sinks).toMatchObject([
        { status: "ok" },
        { status: "behind", lines: 4, message: expect.stringContaining("does not exist") },
      ]);
    }
    renameSync(away, disk);
    await log.append("6");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact", published: { seq: 6n } });
    expect(linesOf(join(disk, "b.log"))).toEqual(linesOf(log.paths[0]));
    expect(log.heads().map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 3n, 4n, 5n, 6n]);
  });

  it.each([
    ["after whole lines", (path: string) => appendFileSync(path, '{"seq":4,"chain_h')],
    ["in the last line itself", (path: string) => writeFileSync(path, readFileSync(path, "utf8").slice(0, -200))],
    ["just before its line feed", (path: string) => writeFileSync(path, readFileSync(path, "utf8").slice(0, -1))],
  ])("by a torn line, %s, is repaired with a warning", async (_, tear) => {
    const log = await threeHeads();
    tear(log.paths[0]);
    await log.append("4");
    const result = await log.publish();
    expect(result).toMatchObject({
      status: "intact",
      warnings: expect.arrayContaining([expect.stringContaining("torn")]),
    });
    expect(log.heads().map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 4n]);
    expect(linesOf(log.paths[0])).toEqual(linesOf(log.paths[1]));
    await log.append("5");
    const next = await log.publish();
    expect(next.status).toBe("intact");
    expect(next.warnings.join()).not.toContain("torn");
  });
});

describe("a sink that was added later", () => {
  it("is filled from another one, also when only a part of it had been copied", async () => {
    const log = await threeHeads();
    const path = join(log.folder, "c.log");
    const sinks = [...log.sinks, `file:${path}`];
    write(path, linesOf(log.paths[0]).slice(0, 2));
    await log.append("4");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(linesOf(path)).toEqual(linesOf(log.paths[0]));
    await log.append("5");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(linesOf(path)).toHaveLength(5);
  });

  it("stops the publisher when it holds something else", async () => {
    const log = await threeHeads();
    const path = join(log.folder, "c.log");
    write(path, linesOf(log.paths[0]).slice(1));
    const result = await log.publish({ sinks: [...log.sinks, `file:${path}`] });
    expect(result).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "sink_disagreement", sink: `file:${path}` },
    });
  });

  it("can't be the only one before it has the history: nothing is signed that would reach no sink", async () => {
    const log = await threeHeads();
    const path = join(log.folder, "c.log");
    const state = readFileSync(log.stateFile, "utf8");
    await expect(log.publish({ sinks: [`file:${path}`] })).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringContaining("keep one of the sinks"),
    });
    expect(readFileSync(log.stateFile, "utf8")).toBe(state);
    copyFileSync(log.paths[0], path);
    await log.append("4");
    expect(await log.publish({ sinks: [`file:${path}`] })).toMatchObject({ status: "intact", published: { seq: 4n } });
  });

  it("is behind while the sinks that have the history can't be read", async () => {
    const log = await threeHeads();
    const path = join(log.folder, "c.log");
    renameSync(log.paths[0], join(log.folder, "away"));
    mkdirSync(log.paths[0]);
    await log.append("4");
    const sinks = [log.sinks[0], `file:${path}`];
    expect(await log.publish({ sinks })).toMatchObject({
      status: "unproven",
      sinks: [{ status: "behind" }, { status: "behind", message: expect.stringContaining("lacks older lines") }],
    });
    rmSync(log.paths[0], { recursive: true });
    renameSync(join(log.folder, "away"), log.paths[0]);
    await log.append("5");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(linesOf(path)).toEqual(linesOf(log.paths[0]));
    expect(log.heads(path)).toHaveLength(5);
  });

  it("is taken over when its URL has changed", async () => {
    const log = await threeHeads();
    const path = join(log.folder, "moved.log");
    renameSync(log.paths[1], path);
    await log.append("4");
    const result = await log.publish({ sinks: [`file:${path}`] });
    expect(result).toMatchObject({ status: "intact", sinks: [{ status: "ok", lines: 4 }] });
  });
});

describe("a publisher that is given another database", () => {
  it.each(["empty", "with a chain of its own"])("says so and accuses nobody: %s", async (what) => {
    const log = await threeHeads();
    const other = await openLog();
    if (what !== "empty") await other.append("a", "b", "c", "d");
    await expect(log.publish({ database: other.sql })).rejects.toMatchObject({
      code: "database",
      message: expect.stringMatching(/this is "\w+" on the server .*correct AUDIT_DATABASE_URL/s),
    });
    await log.append("4");
    expect(await log.publish()).toMatchObject({ status: "intact" });
  });

  it("is not excused where the name and the server are the ones that it knows", async () => {
    const log = await threeHeads();
    await log.attack("delete from public.audit_chain");
    expect(await log.publish()).toMatchObject({ status: "tampered", firstDivergence: { check: "truncated" } });
  });
});

describe("two sinks that are one (D10)", () => {
  it.each<[string, (log: Log) => [string, string]]>([
    [
      "a symbolic link",
      ({ folder, paths, sinks }) => {
        symlinkSync(paths[0], join(folder, "c.log"));
        return [sinks[0], `file:${folder}/c.log`];
      },
    ],
    [
      "a hard link",
      ({ folder, paths, sinks }) => {
        linkSync(paths[0], join(folder, "c.log"));
        return [sinks[0], `file:${folder}/c.log`];
      },
    ],
    [
      "a file in a git sink's work tree",
      ({ folder }) => {
        const { clone, url } = gitRemote(folder);
        return [`file:${clone}/copy.log`, url];
      },
    ],
  ])("are refused before anything is signed: %s", async (_, point) => {
    const log = await threeHeads();
    const [first, second] = point(log);
    const before = [readFileSync(log.stateFile, "utf8"), readFileSync(log.paths[0], "utf8")];
    await log.append("4");
    const error: unknown = await log.publish({ sinks: [first, second] }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "configuration", message: expect.stringContaining(first) });
    expect(error).toMatchObject({ message: expect.stringContaining(second) });
    expect([readFileSync(log.stateFile, "utf8"), readFileSync(log.paths[0], "utf8")]).toEqual(before);
  });
});

describe("a git sink", () => {
  it("gets every head, also when other commits land in between", async () => {
    const log = await openLog();
    const { remote, clone, url } = gitRemote(log.folder);
    const sinks = [log.sinks[0], url];
    for (const key of ["1", "2", "3"]) {
      await log.append(key);
      expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
      const git = ["-C", clone, "-c", "user.name=U", "-c", "user.email=u@example.org"];
      execFileSync("git", [...git, "pull", "--quiet", "origin", "main"]);
      writeFileSync(join(clone, `${key}.md`), key);
      execFileSync("git", [...git, "add", "."]);
      execFileSync("git", [...git, "commit", "--quiet", "-m", key]);
      execFileSync("git", [...git, "push", "--quiet", "origin", "HEAD:main"]);
    }
    expect(execFileSync("git", ["-C", remote, "show", "main:head.log"], { encoding: "utf8" })).toBe(
      readFileSync(log.paths[0], "utf8"),
    );
  });

  it("whose remote was rewound stops the publisher", async () => {
    const log = await openLog();
    const { remote, url } = gitRemote(log.folder);
    const sinks = [log.sinks[0], url];
    for (const key of ["1", "2"]) {
      await log.append(key);
      await log.publish({ sinks });
    }
    execFileSync("git", ["-C", remote, "update-ref", "refs/heads/main", "refs/heads/main~1"]);
    expect(await log.publish({ sinks })).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "sink_rewound", sink: url },
    });
  });

  it("whose remote is away is behind, and is caught up", async () => {
    const log = await openLog();
    const { remote, url } = gitRemote(log.folder);
    const sinks = [log.sinks[0], url];
    await log.append("1");
    await log.publish({ sinks });
    renameSync(remote, `${remote}.away`);
    await log.append("2");
    expect(await log.publish({ sinks })).toMatchObject({
      status: "unproven",
      sinks: [{ status: "ok" }, { status: "behind" }],
    });
    renameSync(`${remote}.away`, remote);
    await log.append("3");
    expect(await log.publish({ sinks })).toMatchObject({ status: "intact" });
    expect(execFileSync("git", ["-C", remote, "show", "main:head.log"], { encoding: "utf8" })).toBe(
      readFileSync(log.paths[0], "utf8"),
    );
  });
});
