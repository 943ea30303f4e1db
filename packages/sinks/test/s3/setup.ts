import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { CREDENTIALS, gatewayProgram, startGateway } from "./gateway.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where buckets keep versions, and where they cannot. */
    endpoints: { readonly versions: string; readonly plain: string };
  }
}

/** Two servers for all tests: each test has a bucket of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "audit-versitygw-"));
  const program = gatewayProgram(folder);
  const [versions, plain] = [
    await startGateway(program, { versions: true }),
    await startGateway(program, { versions: false }),
  ];
  Object.assign(process.env, CREDENTIALS);
  project.provide("endpoints", { versions: versions.endpoint, plain: plain.endpoint });
  return async () => {
    await versions[Symbol.asyncDispose]();
    await plain[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
}
