import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { DemoResult } from "@scidex/audit-demo";
import { describe, expect, it } from "vitest";
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

  it("refuses a text that is not a port", async () => {
    const ended = await runCli(["demo", "--port", "70000"]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("1 to 65535");
  });
});
