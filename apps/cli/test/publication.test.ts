import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseKeyFile, parseVerifierKey, vkeysOf } from "@scidex/audit-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf, runCli } from "./run-cli.ts";

interface Sinks {
  readonly sinks: readonly {
    sink: string;
    lines: number;
    last: { seq: number; verified: boolean } | null;
    error: string | null;
  }[];
}

const ORIGIN = "example.org/audit-chain";
let db: ChainDatabase;
let folder: string;
beforeAll(async () => {
  db = await chainDatabase();
  folder = await mkdtemp(join(tmpdir(), "audit-cli-"));
});
afterAll(async () => {
  await db.drop();
  await rm(folder, { recursive: true });
});

describe("keygen", () => {
  it("writes the keys and the state for their owner only, and prints two verifier keys and nothing else", async () => {
    const out = join(folder, "log.key");
    const ended = await runCli(["keygen", "--name", ORIGIN, "--out", out]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const keys = ended.stdout.trimEnd().split("\n").map(parseVerifierKey);
    expect(keys.map(({ name, type }) => [name, type])).toEqual([
      [ORIGIN, 1],
      [`${ORIGIN}/timestamp`, 4],
    ]);
    expect(ended.stdout).not.toContain("PRIVATE");
    expect(parseKeyFile(await readFile(out, "utf8")).log.vkey).toBe(ended.stdout.split("\n")[0]);
    for (const path of [out, `${out}.state`]) expect((await stat(path)).mode & 0o777).toBe(0o600);
    await writeFile(join(folder, "keys.txt"), ended.stdout);
  });

  it("makes an ML-DSA-44 key, too, where it is asked for, and none for erasures", async () => {
    const out = join(folder, "strong.key");
    const ended = await runCli(["keygen", "--name", ORIGIN, "--out", out, "--post-quantum"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const keys = ended.stdout.trimEnd().split("\n").map(parseVerifierKey);
    expect(keys.map(({ name, type }) => [name, type])).toEqual([
      [ORIGIN, 1],
      [`${ORIGIN}/timestamp`, 4],
      [ORIGIN, 6],
    ]);
    expect(vkeysOf(parseKeyFile(await readFile(out, "utf8")))).toEqual(ended.stdout.trimEnd().split("\n"));
    const both = await runCli(["keygen", "--name", ORIGIN, "--out", join(folder, "e"), "--erasure", "--post-quantum"]);
    expect(both).toMatchObject({ code: 2, stdout: "" });
  });

  it("never overwrites a key", async () => {
    const out = join(folder, "log.key");
    const before = await readFile(out, "utf8");
    const ended = await runCli(["keygen", "--name", ORIGIN, "--out", out]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("exists already and is not overwritten");
    expect(await readFile(out, "utf8")).toBe(before);
  });

  it("refuses a name that no key can have, and a folder that is not there", async () => {
    const name = await runCli(["keygen", "--name", "my log", "--out", join(folder, "other.key")]);
    expect(name).toMatchObject({ code: 2, stdout: "" });
    const place = await runCli(["keygen", "--name", ORIGIN, "--out", join(folder, "nowhere", "k")]);
    expect(place).toMatchObject({ code: 2, stdout: "" });
    expect(place.stderr).toContain("mkdir -p -m 700");
  });
});

describe("status", () => {
  it("shows what the sinks hold: nothing, then the published head, verified only with keys", async () => {
    const sink = `file:${join(folder, "head.log")}`;
    const env = { AUDIT_SINKS: sink };
    await db.run(["append", "--kind", "deploy", "--pk", "1"]);
    expect((await db.run(["status"], { env })).stdout).toContain(`${sink}: nothing published yet`);

    const published = await db.run(["publish"], { env: { ...env, AUDIT_SIGNING_KEY_FILE: join(folder, "log.key") } });
    expect(published.code).toBe(0);
    await db.run(["append", "--kind", "deploy", "--pk", "2"]);

    const without = await db.run(["status"], { env });
    expect(without.code).toBe(0);
    expect(without.stdout).toMatch(/head 1 \(1 behind the chain\), published .* s ago, NOT verified/);
    const keys = { AUDIT_VERIFIER_KEYS: join(folder, "keys.txt"), AUDIT_ORIGIN: ORIGIN };
    const withKeys = await db.run(["status", "--json"], { env: { ...env, ...keys } });
    expect((jsonOf(withKeys) as Sinks).sinks).toEqual([
      {
        sink,
        lines: 1,
        torn: false,
        error: null,
        last: { seq: 1, verified: true, published_at: expect.any(String), age_seconds: expect.any(Number) },
      },
    ]);
  });

  it("shows the last head where statements follow it, and counts their lines", async () => {
    const path = join(folder, "stated.log");
    await writeFile(path, '{"statement":"x"}\n');
    const env = { AUDIT_SINKS: `file:${path}` };
    const sinksOf = async (more = {}) =>
      (jsonOf(await db.run(["status", "--json"], { env: { ...env, ...more } })) as Sinks).sinks;
    expect(await sinksOf()).toMatchObject([{ lines: 1, last: null, error: null }]);
    await appendFile(path, `${await readFile(join(folder, "head.log"), "utf8")}{"statement":"x"}\n`);
    expect(await sinksOf()).toMatchObject([{ lines: 3, last: { seq: 1, verified: false }, error: null }]);
    const keys = { AUDIT_VERIFIER_KEYS: join(folder, "keys.txt"), AUDIT_ORIGIN: ORIGIN };
    expect(await sinksOf(keys)).toMatchObject([{ lines: 3, last: { seq: 1, verified: true }, error: null }]);
  });

  it("says when a sink holds another log's head, or cannot be read, and exits with 3", async () => {
    const other = await runCli(["keygen", "--name", "example.org/other", "--out", join(folder, "other.key")]);
    const env = {
      AUDIT_SINKS: `file:${join(folder, "head.log")},file:/no/such/folder/head.log`,
      AUDIT_VERIFIER_KEYS: other.stdout,
    };
    const ended = await db.run(["status", "--json"], { env });
    expect(ended.code).toBe(3);
    const [strange, missing] = (jsonOf(ended) as Sinks).sinks;
    expect(strange).toMatchObject({ last: null, error: expect.stringContaining("another log") });
    expect(missing).toMatchObject({ last: null, error: expect.stringContaining("/no/such/folder") });
  });

  it("reads a log whose line ends were converted, and says when its last line is no head, also without keys", async () => {
    const line = await readFile(join(folder, "head.log"), "utf8");
    await writeFile(join(folder, "converted.log"), line.replace("\n", "\r\n"));
    await writeFile(join(folder, "odd.log"), '{"seq":1,"published_at":"2026-04-28T12:00:00Z"}\n');
    const env = { AUDIT_SINKS: `file:${join(folder, "converted.log")},file:${join(folder, "odd.log")}` };
    const [converted, odd] = (jsonOf(await db.run(["status", "--json"], { env })) as Sinks).sinks;
    expect(converted).toMatchObject({ last: { seq: 1, verified: false }, error: null });
    expect(odd).toMatchObject({ last: null, error: expect.stringContaining("not a head line") });
  });

  it("refuses texts that are not sinks or keys, naming the variable", async () => {
    const expected: [Record<string, string>, string][] = [
      [{ AUDIT_SINKS: "ftp://example.org/log" }, "AUDIT_SINKS"],
      [{ AUDIT_VERIFIER_KEYS: "/no/such/keys.txt" }, "AUDIT_VERIFIER_KEYS"],
      [{ AUDIT_VERIFIER_KEYS: "example.org+00000000+AAAA" }, "AUDIT_VERIFIER_KEYS"],
    ];
    for (const [env, variable] of expected) {
      const ended = await db.run(["status"], { env });
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toContain(variable);
    }
  });
});

describe("policy", () => {
  it("prints what is covered now, and nothing of what has been detached", async () => {
    await db.sql`create table kept (id int, part text, noise int, primary key (part, id))`;
    await db.sql`create table gone (id int primary key)`;
    await db.run(["attach", "kept", "--exclude", "noise"]);
    await db.run(["attach", "gone", "--changes", "track"]);
    await db.run(["detach", "gone"]);
    const ended = await db.run(["policy"], { env: { AUDIT_ORIGIN: ORIGIN } });
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining("approved is left out: AUDIT_SINKS") });
    expect(jsonOf(ended)).toEqual({
      origin: ORIGIN,
      tables: {
        "public.kept": {
          kind: "kept",
          key: ["part", "id"],
          exclude: ["noise"],
          changes: "refuse",
        },
      },
    });
  });

  it("needs the log's name", async () => {
    const ended = await db.run(["policy"]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("AUDIT_ORIGIN is not set");
  });
});
