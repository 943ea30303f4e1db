import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { readSecretFile } from "../src/index.ts";

it("reads a secret that nobody else may read, and no other", async () => {
  const folder = await mkdtemp(join(tmpdir(), "audit-secret-"));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const path = join(folder, "key");
  await writeFile(path, "PRIVATE", { mode: 0o600 });
  expect(await readSecretFile(path)).toBe("PRIVATE");
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(path, mode);
    await expect(readSecretFile(path)).rejects.toThrow(`others may read it: run chmod 600 ${path}`);
  }
  await expect(readSecretFile(join(folder, "none"))).rejects.toThrow("ENOENT");
});
