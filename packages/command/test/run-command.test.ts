import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const fixture = fileURLToPath(new URL("fixture.ts", import.meta.url));
const args = (...rest: string[]): string[] => ["--conditions=source", "--no-warnings", fixture, ...rest];

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const fixtureRun = (...rest: string[]): Ended =>
  spawnSync(process.execPath, args(...rest), { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });

/** Starts a subcommand, sends the signals once it has said `ready`, a moment apart, and waits for its end. */
function interrupted(name: string, ...signals: NodeJS.Signals[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args(name), { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (!stdout.endsWith("ready\n")) return;
      signals.forEach((signal, i) => setTimeout(() => child.kill(signal), 200 * i));
    });
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}

describe("what a finished report says is the exit code", () => {
  test.each([
    ["ok", 0],
    ["intact", 0],
    ["tampered", 1],
    ["unproven", 3],
    ["differs", 4],
    ["leak", 0],
  ])("%s: %d", (name, status) => {
    expect(fixtureRun(name)).toMatchObject({ status, stdout: "", stderr: "" });
  });
});

describe("nothing that goes wrong is exit 1", () => {
  test.each([
    ["throw", 3, "error: on purpose\n"],
    ["throw-exit-1", 3, "error: on purpose\n"],
    ["throw-undefined", 3, "error: undefined\n"],
    ["configuration", 2, "error: AUDIT_X is wrong\n"],
    ["rejection", 3, "error: in the background\n"],
    ["rejection-then-tampered", 3, "error: in the background\n"],
    ["uncaught", 3, "error: in the background\n"],
    ["never", 3, ""],
    ["process-exit-1", 3, ""],
  ])("%s: %d", (name, status, stderr) => {
    expect(fixtureRun(name)).toMatchObject({ status, stdout: "", stderr });
  });

  test.each([
    ["bug", "TypeError: "],
    ["overflow", "RangeError: Maximum call stack size exceeded"],
  ])("%s: a mistake of our own says where it happened", (name, message) => {
    const { status, stderr } = fixtureRun(name);
    expect(status).toBe(3);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toContain("fixture.ts");
  });

  test("an executable that cannot load its modules ends with 3", () => {
    const folder = mkdtempSync(join(tmpdir(), "command-"));
    try {
      // As the documentation of runCommand says that an executable should look.
      const cli = join(folder, "cli.mjs");
      writeFileSync(
        cli,
        `try { const { main } = await import("./missing.mjs"); await main(); }
         catch (error) { console.error("error:", error.message); process.exitCode = 3; }`,
      );
      expect(spawnSync(process.execPath, [cli]).status).toBe(3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("wrong usage is exit 2, help is exit 0", () => {
  test.each([
    [["no-such-command"], "unknown command 'no-such-command'"],
    [["ok", "--no-such-option"], "unknown option '--no-such-option'"],
    [["ok", "too", "many"], "too many arguments"],
    [["option", "--age", "soon"], '"soon" is not a duration'],
    [[], "a command is missing"],
  ])("%j", (rest, message) => {
    const { status, stdout, stderr } = fixtureRun(...rest);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
  });

  test.each([["--help"], ["--version"], ["ok", "--help"]])("%s %s", (...rest) => {
    const { status, stdout, stderr } = fixtureRun(...rest);
    expect(status).toBe(0);
    expect(stdout).not.toBe("");
    expect(stderr).toBe("");
  });
});

describe("with --json an error is an object on stdout", () => {
  test.each([
    [["throw", "--json"], 3, { code: "failed", message: "on purpose" }],
    [["configuration", "--json"], 2, { code: "configuration", message: "AUDIT_X is wrong" }],
    [["ok", "--json", "--nope"], 2, { code: "usage", message: "unknown option '--nope'" }],
  ])("%j", (rest, status, error) => {
    const ended = fixtureRun(...rest);
    expect(ended.status).toBe(status);
    expect(JSON.parse(ended.stdout)).toEqual({ error });
    expect(ended.stderr).toBe(`error: ${error.message}\n`);
  });

  test("after -- it is an argument like any other", () => {
    expect(fixtureRun("throw", "--", "--json").stdout).toBe("");
  });
});

test("an error message carries no password, no terminal escape and no line that could be taken for ours", () => {
  const { stdout, stderr } = fixtureRun("hostile", "--json");
  expect(stderr).toBe("error: postgres://me:***@db/x \\u001b[2J\\u009b1m\n  error: none\\u202e\n");
  expect(stdout).not.toContain("hush");
  expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
  expect(JSON.parse(stdout)).toEqual({
    error: { code: "failed", message: "postgres://me:***@db/x \u001b[2J\u009b1m\nerror: none\u202e" },
  });
});

describe("a signal", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s aborts what runs: exit 3", async (signal) => {
    expect(await interrupted("wait", signal)).toMatchObject({ status: 3, stderr: `error: interrupted by ${signal}\n` });
  });

  test("ends a daemon that stops in good order: exit 0", async () => {
    expect(await interrupted("daemon", "SIGTERM")).toMatchObject({ status: 0, stderr: "" });
  });

  test("makes work that was broken off exit 3, also if it returns in good order", async () => {
    expect(await interrupted("stop-early", "SIGINT")).toMatchObject({ status: 3 });
  });

  test("that comes twice ends a command that does not listen: exit 3", async () => {
    expect(await interrupted("deaf", "SIGINT", "SIGINT")).toMatchObject({ status: 3 });
  });
});

test("a long report reaches a slow reader whole before the process ends", () => {
  const { status, stdout } = fixtureRun("long");
  expect(status).toBe(1);
  expect(stdout.length).toBe(5_000_000);
});

test("a reader that goes away ends an endless output, quietly and not with 1", async () => {
  const folder = mkdtempSync(join(tmpdir(), "command-"));
  try {
    const witness = join(folder, "witness");
    const env = { ...process.env, WITNESS: witness };
    const child = spawn(process.execPath, args("endless"), { stdio: ["ignore", "pipe", "pipe"], env });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.once("exit", resolve));
    expect({ status, stderr }).toEqual({ status: 3, stderr: "" });
    expect(existsSync(witness)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a report that was not read to its end keeps its verdict", async () => {
  const child = spawn(process.execPath, args("long"), { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.once("data", () => child.stdout.destroy());
  expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(1);
});

test("an output that cannot be written is exit 3, not a verdict", () => {
  // A file that is open for reading only: every write to it fails, as on a full disk.
  const file = openSync(fixture, "r");
  try {
    const { status, stderr } = spawnSync(process.execPath, args("long"), {
      stdio: ["ignore", file, "pipe"],
      encoding: "utf8",
    });
    expect(status).toBe(3);
    expect(stderr).toContain("error: cannot write to stdout");
  } finally {
    closeSync(file);
  }
});
