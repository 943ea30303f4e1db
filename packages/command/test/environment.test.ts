import { describe, expect, test } from "vitest";
import {
  belongingTo,
  configFile,
  databaseUrl,
  DEFAULT_MAX_HEAD_AGE,
  inStateFolder,
  ledgerDatabase,
  ledgerSalt,
  maxHeadAge,
  origin,
  policyFile,
  required,
  shardSecret,
  signingKeyFile,
  sinkUrls,
  trustPolicyFile,
  verifierKeysSource,
  witnessUrls,
} from "../src/index.ts";

const key = "scidex.ai/audit-chain+0a0b0c0d+AXNlY3JldHNlY3JldHNlY3JldA==";

test("a witness among the sinks is no log, and is asked for apart", () => {
  const env = { AUDIT_SINKS: "file:/a/b.log,witness:https://w.example/p, witness:https://v.example" };
  expect(sinkUrls(env)).toEqual(["file:/a/b.log"]);
  expect(witnessUrls(env)).toEqual(["https://w.example/p", "https://v.example"]);
  expect(witnessUrls({})).toEqual([]);
  expect(() => witnessUrls({ AUDIT_SINKS: "witness" })).toThrow("AUDIT_SINKS is");
  expect(trustPolicyFile({ AUDIT_TRUST_POLICY: "/etc/trust.policy " })).toBe("/etc/trust.policy");
});

test("a right value is returned without the white space around it", () => {
  expect(databaseUrl({ AUDIT_DATABASE_URL: " postgres://a@b/c\n", DATABASE_URL: "postgres://d/e" })).toBe(
    "postgres://a@b/c",
  );
  expect(databaseUrl({ DATABASE_URL: "postgresql://d/e" })).toBe("postgresql://d/e");
  expect(databaseUrl({ AUDIT_DATABASE_URL: "", DATABASE_URL: "postgres://h:1,i:2/e" })).toBe("postgres://h:1,i:2/e");
  expect(sinkUrls({ AUDIT_SINKS: "file:/a/b.log, git:/c?path=d&push=origin," })).toEqual([
    "file:/a/b.log",
    "git:/c?path=d&push=origin",
  ]);
  expect(origin({ AUDIT_ORIGIN: "scidex.ai/audit-chain" })).toBe("scidex.ai/audit-chain");
  expect(signingKeyFile({ AUDIT_SIGNING_KEY_FILE: "/etc/key" })).toBe("/etc/key");
  expect(verifierKeysSource({ AUDIT_VERIFIER_KEYS: `${key}, ${key}\n${key}` })).toEqual({ keys: [key, key, key] });
  expect(verifierKeysSource({ AUDIT_VERIFIER_KEYS: "/etc/my keys+x" })).toEqual({ file: "/etc/my keys+x" });
  expect(policyFile({ AUDIT_POLICY: "policy.json" })).toBe("policy.json");
  expect(configFile({ AUDIT_CONFIG: " etc/audit.config.json " })).toBe("etc/audit.config.json");
  expect(inStateFolder("a.state", { AUDIT_STATE_DIR: "/var/lib/audit/ " })).toBe("/var/lib/audit/a.state");
  expect(belongingTo("/etc/log.key", ".state", { AUDIT_STATE_DIR: "/var/lib/audit" })).toBe(
    "/var/lib/audit/log.key.state",
  );
  expect(maxHeadAge({ AUDIT_MAX_HEAD_AGE: "7d" })).toBe(604_800_000);
  expect(shardSecret({ AUDIT_SHARD_SECRET: "0123456789abcdef" })).toBe("0123456789abcdef");
  expect(ledgerSalt({ AUDIT_LEDGER_SALT: " salt " })).toBe(" salt ");
  expect(ledgerDatabase({ AUDIT_LEDGER_DB: "/a/b.db" })).toBe("/a/b.db");
});

test("what is not set has its default, or none", () => {
  expect(sinkUrls({})).toEqual([]);
  expect(origin({})).toBeUndefined();
  expect(configFile({})).toBeUndefined();
  expect(signingKeyFile({ AUDIT_SIGNING_KEY_FILE: " " })).toBeUndefined();
  expect(verifierKeysSource({})).toBeUndefined();
  expect(policyFile({})).toBeUndefined();
  expect(shardSecret({})).toBeUndefined();
  expect(inStateFolder("a.state", {})).toBeUndefined();
  expect(belongingTo("/etc/log.key", ".state", {})).toBe("/etc/log.key.state");
  expect(maxHeadAge({})).toBe(DEFAULT_MAX_HEAD_AGE);
  expect(ledgerDatabase({})).toBe("/var/log/molecule/audit_ledger.db");
});

describe("a wrong or missing value is an error that names the variable, what was read and what is expected", () => {
  test.each([
    [() => databaseUrl({}), ["AUDIT_DATABASE_URL is not set", "postgres://user:password@host:5432/database"]],
    [
      () => databaseUrl({ DATABASE_URL: "mysql://me:hush@h/d" }),
      ['DATABASE_URL is "mysql://me:***@h/d"', "postgres://"],
    ],
    [
      () => databaseUrl({ AUDIT_DATABASE_URL: "postgres://me:hu sh@h:port/d" }),
      ['AUDIT_DATABASE_URL is "postgres://me:***@h:port/d"'],
    ],
    [() => sinkUrls({ AUDIT_SINKS: "file:/a,/b/c" }), ['AUDIT_SINKS is "/b/c"', "file:/data/"]],
    [() => origin({ AUDIT_ORIGIN: "my log" }), ['AUDIT_ORIGIN is "my log"', "scidex.ai/audit-chain"]],
    [() => origin({ AUDIT_ORIGIN: "a+b" }), ['AUDIT_ORIGIN is "a+b"']],
    [() => verifierKeysSource({ AUDIT_VERIFIER_KEYS: `${key} oops` }), ["AUDIT_VERIFIER_KEYS is", "oops"]],
    [
      () => verifierKeysSource({ AUDIT_VERIFIER_KEYS: "PRIVATE+KEY+log+0a0b0c0d+AXNlY3JldA==" }),
      ["AUDIT_VERIFIER_KEYS is", "signing key"],
    ],
    [() => maxHeadAge({ AUDIT_MAX_HEAD_AGE: "1 day" }), ['AUDIT_MAX_HEAD_AGE is "1 day"', "24h"]],
    [() => shardSecret({ AUDIT_SHARD_SECRET: "hush" }), ["AUDIT_SHARD_SECRET is too short", "openssl rand -hex 32"]],
    [() => ledgerSalt({}), ["AUDIT_LEDGER_SALT is not set"]],
    [
      () => required("AUDIT_ORIGIN", origin({}), "the log's name"),
      ["AUDIT_ORIGIN is not set; expected the log's name"],
    ],
  ])("%s", (action, parts) => {
    const error = thrown(action);
    expect(error).toMatchObject({ code: "configuration", exit: 2 });
    for (const part of parts) expect(String(error)).toContain(part);
    expect(String(error)).not.toMatch(/hu ?sh|AXNlY3JldA/);
  });
});

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
