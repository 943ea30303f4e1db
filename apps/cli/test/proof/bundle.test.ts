// All that was published of a log, in a folder: made from a database, and verified without one.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  generateKeyFile,
  generateSigningKey,
  parseHeadParts,
  parseNote,
  parseSigner,
  parseTrustPolicy,
  signNote,
  type TrustPolicy,
  withCosignatures,
} from "@scidex/audit-core";
import { openSink } from "@scidex/audit-sinks";
import { verifyBundle } from "@scidex/audit-verifier";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { openLog, type PolicyLog } from "../policy/open-log.ts";
import { jsonOf, runCli } from "../run-cli.ts";

let log: PolicyLog;
let folder: string;
let keys: string[];
let env: Record<string, string>;
beforeAll(async () => {
  log = await openLog("heads.log");
  env = { ...log.env, AUDIT_DATABASE_URL: log.db.url };
  folder = join(log.folder, "bundle");
  await log.db.sql`create table orders (id int primary key, v text)`;
  await runCli(["attach", "orders", "--mode", "strict"], { env });
  await log.db.sql`insert into orders select n, 'x' from generate_series(1, 600) as n`;
  await runCli(["publish"], { env });
  await log.db.sql`insert into orders values (1000, 'ü')`;
  await runCli(["publish"], { env });
  await log.db.sql`insert into orders values (1001, 'not published')`;
  keys = (await readFile(join(log.folder, "vkeys"), "utf8")).trim().split("\n");
});
afterAll(async () => await log.close());

/** The same folder, with something done to it. */
async function changed(change: (path: (name: string) => string) => Promise<void>) {
  const copy = await mkdtemp(join(tmpdir(), "audit-bundle-"));
  onTestFinished(async () => await rm(copy, { recursive: true }));
  await cp(folder, copy, { recursive: true });
  await change((name) => join(copy, name));
  return await found(copy);
}
async function found(
  path: string,
  trusted: readonly string[] = keys,
  { maxHeadAgeMs, witnesses }: { maxHeadAgeMs?: number; witnesses?: TrustPolicy } = {},
): Promise<string[]> {
  const sink = openSink({ kind: "tiles", name: "bundle", path });
  const { report } = await verifyBundle(
    sink,
    { keys: trusted, origin: log.env["AUDIT_ORIGIN"], witnesses },
    { maxHeadAgeMs },
  );
  return [
    report.status,
    ...report.divergences.map(({ check, seq, fromSeq, toSeq }) =>
      seq === undefined && fromSeq === undefined ? check : `${check} ${seq ?? `${fromSeq}-${toSeq}`}`,
    ),
  ];
}
const replace = async (path: string, from: string | RegExp, to: string) =>
  await writeFile(path, (await readFile(path, "latin1")).replace(from, to), "latin1");

describe("prove --all", () => {
  it("writes a folder that audit-verify --bundle finds intact, without a database or its sinks", async () => {
    const made = await runCli(["prove", "--all", "--out", folder, "--json"], { env });
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(jsonOf(made)).toEqual({ out: folder, links: 602, heads: 2, findings: [] });
    const { AUDIT_VERIFIER_KEYS = "", AUDIT_ORIGIN = "" } = log.env;
    const alone = { AUDIT_VERIFIER_KEYS, AUDIT_ORIGIN };
    const verified = await runCli(["verify", "--bundle", folder, "--json"], { env: alone });
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(jsonOf(verified)).toMatchObject({
      status: "intact",
      rows: 602,
      anchored_to: 602,
      checks: { links: "ok", heads: "ok", sources: "skipped" },
    });
    // It is of one log, whatever databases the environment names.
    const beside = { ...alone, AUDIT_FLEET: join(log.folder, "fleet.json") };
    expect((await runCli(["verify", "--bundle", folder], { env: beside })).code).toBe(0);
    const sealed = { ...alone, AUDIT_SHARD_SECRET: "0123456789abcdef" };
    const shards = [1, 2].map(async (k) => {
      const ended = await runCli(["verify", "--bundle", folder, "--shard", `${k}/2`, "--run", "7", "--json"], {
        env: sealed,
      });
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      const file = join(log.folder, `shard-${k}.json`);
      await writeFile(file, ended.stdout);
      return file;
    });
    const merged = await runCli(["verify", "merge", "--run", "7", "--json", ...(await Promise.all(shards))], {
      env: sealed,
    });
    expect(merged).toMatchObject({ code: 0, stderr: "" });
    expect(jsonOf(merged)).toMatchObject({
      status: "intact",
      rows: 602,
      anchored_to: 602,
      range: { from: 1, to: 602 },
    });
    expect((await runCli(["verify", "--bundle", folder, "--cut", "300"], { env: alone })).stderr).toContain("--shard");
    expect((await runCli(["verify", "--bundle", folder, "--from", "2"], { env: alone })).stderr).toContain(
      "leave --from out",
    );
    expect((await runCli(["verify", "--bundle", folder], { env: { AUDIT_ORIGIN } })).code).toBe(2);
    expect((await runCli(["verify", "--bundle", join(log.folder, "none")], { env: alone })).code).toBe(3);
    expect((await runCli(["verify", "--bundle", folder, "--max-head-age", "1s"], { env: alone })).code).toBe(1);
    expect((await runCli(["prove", "--all", "--out", folder], { env })).stderr).toContain("is not empty");
    expect((await runCli(["prove", "--all", "--out", folder, "--kind", "orders"], { env })).code).toBe(2);
    expect((await runCli(["prove", "--out", folder], { env })).stderr).toContain("Say --kind and --pk, or --all");
  });

  it("proves nothing to whoever has other keys", async () => {
    const { vkeys } = generateKeyFile(log.env["AUDIT_ORIGIN"] ?? "");
    expect(await found(folder, vkeys)).toEqual(["tampered", "sink_signature", "sink_signature", "sink_signature"]);
  });

  it.each<[what: string, change: (path: (name: string) => string) => Promise<void>, found: string[]]>([
    [
      "an edited key",
      async (path) => await replace(path("tile/entries/001"), '"event_pk":"300"', '"event_pk":"900"'),
      ["chain_hash 301", "head_mismatch 301", "head_mismatch 1-601"],
    ],
    [
      "an edited time",
      async (path) => await replace(path("tile/entries/000"), /(appended_at":"[^"]*)\d(Z")/u, "$1x$2"),
      ["gap 1", "head_mismatch 1", "head_mismatch 1-601"],
    ],
    [
      "a file of entries that is gone",
      async (path) => await rm(path("tile/entries/001")),
      ["gap 257", "head_mismatch 1-601", "head_mismatch 257-512"],
    ],
    [
      "a hash that was changed",
      async (path) => await replace(path("tile/0/000"), /^./su, "\\0"),
      ["head_mismatch 1-256"],
    ],
    [
      "an edited head",
      async (path) => await replace(path("chain_head.log"), '"seq":602', '"seq":603'),
      ["sink_signature"],
    ],
    ["no checkpoint", async (path) => await rm(path("checkpoint")), ["sink_rewound 602"]],
  ])("%s is found, and located", async (_what, change, expected) => {
    const [status, ...rest] = await changed(change);
    expect(status).toBe("tampered");
    expect(rest.toSorted()).toEqual(expected.toSorted());
  });

  it("has its newest head held to a quorum, by cosignatures that were not too old for it", async () => {
    const witness = parseSigner(generateSigningKey("w.example", 4).signer);
    const witnesses = parseTrustPolicy(Buffer.from(`witness W ${witness.vkey}\nquorum W\n`));
    expect(await found(folder, keys, { witnesses })).toEqual(["tampered", "witness_missing"]);
    const copy = await mkdtemp(join(tmpdir(), "audit-bundle-"));
    onTestFinished(async () => await rm(copy, { recursive: true }));
    await cp(folder, copy, { recursive: true });
    const heads = join(copy, "chain_head.log");
    const [first = "", last = ""] = (await readFile(heads, "utf8")).split("\n");
    const time = BigInt(Math.floor(Date.now() / 1_000) - 3_000);
    const note = signNote(parseNote(parseHeadParts(last).checkpoint).text, [witness], { time });
    await writeFile(heads, `${first}\n${withCosignatures(last, [note.split("\n\n")[1] ?? ""])}\n`);
    expect(await found(copy, keys, { witnesses })).toEqual(["intact"]);
    const late = { witnesses, maxHeadAgeMs: 1_000_000 };
    expect(await found(copy, keys, late)).toEqual(["tampered", "witness_missing"]);
  });

  it("is not made of a chain that was changed since it was published", async () => {
    await log.db.sql.unsafe(
      "set session_replication_role = replica; update audit_chain set payload_hash = sha256('x') where seq = 300; reset session_replication_role",
    );
    const refused = await runCli(["prove", "--all", "--out", join(log.folder, "forged")], { env });
    expect(refused).toMatchObject({ code: 3, stdout: "" });
    expect(refused.stderr).toContain("links have been changed since. Run audit-verify");
  });
});
