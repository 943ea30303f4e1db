import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commits } from "../src/commits.ts";
import { lockedPackages } from "../src/locked-packages.ts";
import { repositoryRoot } from "../src/repository.ts";

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
    const folder = await mkdtemp(join(tmpdir(), "audit-demo-"));
    expect((await commits(folder)).from).toContain("no git history");
    await rm(folder, { recursive: true });
  });
});
