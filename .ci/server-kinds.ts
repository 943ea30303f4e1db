/**
 * Runs one test file on each kind of test server, and fails unless each of them really ran.
 *
 * usage: node --conditions=source .ci/server-kinds.ts
 *
 * A Docker engine must answer. AUDIT_TEST_POSTGRES_IMAGE names the image, for example the one that
 * `.ci/postgres-image/build` makes on a machine that cannot pull any.
 */
import { spawnSync } from "node:child_process";
import { SERVER_KINDS, startEmbedded } from "../packages/testkit/src/index.ts";

const server = await startEmbedded();
const failed: string[] = [];
for (const kind of SERVER_KINDS) {
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "@scidex/audit-testkit", "server-kinds"];
  const { AUDIT_TEST_DATABASE_URL: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    AUDIT_TEST_SERVER: kind,
    ...(kind === "url" ? { AUDIT_TEST_DATABASE_URL: server.url } : {}),
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, vitest, { encoding: "utf8", env });
  const line = /^server-kinds: ran with (.*)$/m.exec(stdout + stderr);
  const hasRun = status === 0 && line?.[1]?.startsWith(`${kind},`) === true;
  if (!hasRun) failed.push(kind);
  process.stdout.write(hasRun ? `${line[0]}\n` : `${stdout}${stderr}\nserver-kinds: failed with ${kind}\n`);
}
await server.stop();
process.exitCode = failed.length === 0 ? 0 : 1;
