import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "./run-cli.ts";

/**
 * Exit 1 means tampering. Whatever breaks inside a command must never look like it: here the first thing that a command
 * needs of the outside throws what nobody expects, a TypeError.
 */
const BREAKS = `
import { createRequire, syncBuiltinESMExports } from "node:module";
const require = createRequire(import.meta.url);
const thrown = () => { throw new TypeError("thrown inside"); };
require("node:net").Socket.prototype.connect = thrown;
require("node:child_process").spawn = thrown;
require("node:crypto").randomBytes = thrown;
require("node:crypto").generateKeyPairSync = thrown;
syncBuiltinESMExports();
`;

const COMMANDS: readonly (readonly string[])[] = [
  ["init"],
  ["attach", "t"],
  ["detach", "t"],
  ["status"],
  ["append", "--kind", "k", "--pk", "1"],
  ["lookup", "--kind", "k", "--pk", "1"],
  ["prove", "--kind", "k", "--pk", "1"],
  ["policy"],
  ["keygen", "--name", "example.org/log", "--out", "KEYFILE.new"],
  ["demo"],
  ["publish"],
  ["seal"],
  ["verify"],
  ["backfill"],
  ["ledger", "verify", "--agent-id", "a"],
  ["ledger", "export"],
  ["ledger", "anchor"],
];

describe("a command in which something throws", () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-cli-throws-"));
  const keyFile = join(folder, "log.key");
  const breaks = join(folder, "breaks.mjs");
  let vkeys = "";

  beforeAll(async () => {
    writeFileSync(breaks, BREAKS);
    vkeys = (await runCli(["keygen", "--name", "example.org/log", "--out", keyFile])).stdout;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(COMMANDS.map((args) => ({ name: args.slice(0, 2).join(" "), args })))(
    "$name ends with 3, not with 1",
    async ({ args }) => {
      const { code, stdout, stderr } = await runCli(
        args.map((word) => word.replace("KEYFILE", keyFile)).concat("--json"),
        {
          env: {
            NODE_OPTIONS: `--import=${pathToFileURL(breaks).href}`,
            AUDIT_DATABASE_URL: "postgres://nobody:secret@127.0.0.1:1/none",
            AUDIT_LEDGER_DB: "postgres://nobody:secret@127.0.0.1:1/none",
            AUDIT_LEDGER_SALT: "a salt",
            AUDIT_ORIGIN: "example.org/log",
            AUDIT_SIGNING_KEY_FILE: keyFile,
            AUDIT_VERIFIER_KEYS: vkeys,
            AUDIT_SINKS: `file:${join(folder, "head.log")}`,
          },
        },
      );
      expect([code, stderr]).toEqual([3, expect.stringContaining("thrown inside")]);
      expect(JSON.parse(stdout)).toMatchObject({ error: { message: expect.stringContaining("thrown inside") } });
    },
  );
});
