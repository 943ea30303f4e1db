import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { commits } from "../src/demo/commits.ts";
import type { DemoResult } from "../src/demo/demo.ts";
import { lockedPackages } from "../src/demo/locked-packages.ts";
import { repositoryRoot } from "../src/demo/repository.ts";
import { judgeAttack, judgeClean } from "../src/demo/verdict.ts";
import { jsonOf, runCli } from "./run-cli.ts";

describe("demo", () => {
  // Some twenty processes one after another: the default is too short for a busy machine.
  it(
    "finds every attack, calls every clean state clean, and keeps the server only as long as it is wanted",
    { timeout: 240_000 },
    async () => {
      const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
      const demo = spawn(process.execPath, ["--conditions=source", cli, "demo", "--json", "--keep"]);
      const ended = new Promise<number | null>((resolve) => demo.once("close", resolve));
      let stderr = "";
      demo.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      const line = createInterface({ input: demo.stdout });
      const [stdout] = (await once(line, "line")) as [string];
      const result = jsonOf({ code: 0, stdout, stderr }) as DemoResult;
      expect(result.ok).toBe(true);
      expect(result.steps.map(({ verdict }) => [verdict.status, verdict.exit, verdict.finding?.check])).toEqual([
        ["intact", 0, undefined],
        ["tampered", 1, "source_edited"],
        ["intact", 0, undefined],
        ["tampered", 1, "source_deleted"],
        ["intact", 0, undefined],
        ["tampered", 1, "truncated"],
        ["intact", 0, undefined],
        ["tampered", 1, "head_mismatch"],
        ["intact", 0, undefined],
      ]);

      while (!stderr.includes("demo.env")) await new Promise((resolve) => setTimeout(resolve, 20));
      const file = /^ {2}\. (\S+)$/m.exec(stderr)?.[1] ?? "";
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const variables = [...(await readFile(file, "utf8")).matchAll(/^export (\w+)='(.*)'$/gm)];
      const env = Object.fromEntries(variables.map(([, name = "", value = ""]) => [name, value]));
      const status = await runCli(["status"], { env });
      expect(status.code).toBe(0);
      expect(status.stdout).toContain("signatures verified");
      expect(stderr).not.toContain(env["AUDIT_DATABASE_URL"] ?? "postgres://");

      demo.kill("SIGINT");
      expect(await ended).toBe(0);
      expect(existsSync(dirname(file))).toBe(false);
      expect((await runCli(["status"], { env })).code).toBe(3);
    },
  );

  it("refuses a port that is none", async () => {
    const ended = await runCli(["demo", "--port", "70000"]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("1 to 65535");
  });
});

describe("the demo's verdicts", () => {
  const report = (status: string, divergences: object[]): string => JSON.stringify({ status, rows: 9, divergences });
  const edited = { check: "source_edited", seq: 7 };

  it("are wrong for a clean state that is not called intact", () => {
    expect(judgeClean({ exit: 0, stdout: report("intact", []) }).right).toBe(true);
    expect(judgeClean({ exit: 3, stdout: report("unproven", []) }).right).toBe(false);
    expect(judgeClean({ exit: 1, stdout: report("tampered", [edited]) }).right).toBe(false);
    expect(judgeClean({ exit: 0, stdout: report("tampered", [edited]) }).right).toBe(false);
  });

  it("are wrong for an attack that was missed, or found by another check or elsewhere", () => {
    const expected = { check: "source_edited", seq: 7 };
    expect(
      judgeAttack({ exit: 1, stdout: report("tampered", [{ check: "gap", seq: 2 }, edited]) }, expected).right,
    ).toBe(true);
    expect(judgeAttack({ exit: 0, stdout: report("intact", []) }, expected).right).toBe(false);
    expect(judgeAttack({ exit: 1, stdout: report("tampered", [{ check: "gap", seq: 7 }]) }, expected).right).toBe(
      false,
    );
    expect(judgeAttack({ exit: 1, stdout: report("tampered", [{ ...edited, seq: 8 }]) }, expected).right).toBe(false);
    expect(judgeAttack({ exit: 3, stdout: report("tampered", [edited]) }, expected).right).toBe(false);
  });
});

describe("the demo's rows", () => {
  it("are the packages that this repository has locked, with integrity and dependencies", async () => {
    const { rows, from } = await lockedPackages(repositoryRoot());
    expect(from).toBe("packages of pnpm-lock.yaml");
    const vitest = rows.find(({ id }) => id.startsWith("vitest@"));
    expect(vitest?.integrity).toMatch(/^sha512-/);
    expect(vitest?.dependencies).toHaveProperty("vite");
    expect(rows.length).toBeGreaterThan(100);
  });

  it("are shipped ones where there is no repository, and say so", async () => {
    const packages = await lockedPackages(undefined);
    expect(packages.rows.length).toBeGreaterThanOrEqual(50);
    expect(packages.rows.every(({ integrity }) => integrity?.startsWith("sha512-"))).toBe(true);
    expect(packages.from).toContain("shipped");
    const history = await commits(undefined);
    expect(history.rows.length).toBeGreaterThanOrEqual(10);
    expect(history.from).toContain("shipped");
  });

  it("are shipped commits where there is no git history", async () => {
    const folder = await mkdtemp(join(tmpdir(), "audit-cli-"));
    expect((await commits(folder)).from).toContain("no git history");
    await rm(folder, { recursive: true });
  });
});
