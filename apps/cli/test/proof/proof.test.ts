import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSigningKey, parseKeyFile, parseNote, parseSigner, parseTlogProof, signNote } from "@scidex/audit-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { jsonOf, runCli } from "../run-cli.ts";

let db: ChainDatabase;
let folder: string;
let keys: string;
/** Sinks: a file only, and tiles too. */
const sinks = { file: "", tiles: "" };

beforeAll(async () => {
  db = await chainDatabase();
  folder = await mkdtemp(join(tmpdir(), "audit-cli-proof-"));
  sinks.file = `file:${join(folder, "head.log")}`;
  sinks.tiles = `tiles:${join(folder, "tiles")}`;
  mkdirSync(join(folder, "tiles"));
  keys = (await runCli(["keygen", "--name", "example.org/log", "--out", join(folder, "key")])).stdout;
  await db.sql`create table orders (id bigint primary key, amount numeric, done boolean, note text, at timestamptz)`;
  await db.run(["attach", "orders", "--changes", "track", "--mode", "strict"]);
  await db.sql`insert into orders select k, 120.00, true, null, '2026-04-28 12:00:00.120+00' from generate_series(1, 600) k`;
  await db.sql`update orders set amount = 130.50 where id = 42`;
  await publish();
});
afterAll(async () => {
  await db.drop();
  await rm(folder, { recursive: true });
});

const publish = async (): Promise<void> => {
  const env = { AUDIT_SIGNING_KEY_FILE: join(folder, "key"), AUDIT_SINKS: `${sinks.file},${sinks.tiles}` };
  expect(await db.run(["publish", "--json"], { env })).toMatchObject({ code: 0 });
};

/** Proves an event from the database, with the given sinks. */
const prove = async (args: readonly string[], urls: string = sinks.file) =>
  await db.run(["prove", ...args], { env: { AUDIT_SINKS: urls, AUDIT_VERIFIER_KEYS: keys } });

/** An auditor: the keys, and nothing else. */
const audit = async (args: readonly string[], input?: string) =>
  await runCli([...args], { env: { AUDIT_VERIFIER_KEYS: keys }, ...(input === undefined ? {} : { input }) });

const otherLog = generateSigningKey("example.org/log", 1).vkey;
const ORDER = ["--kind", "orders", "--pk", "42"];

describe("prove and verify-proof", () => {
  it("prove the same from all links, from tiles beside the database, and from tiles alone", async () => {
    const fromChain = await prove(ORDER);
    expect(fromChain).toMatchObject({ code: 0, stderr: "" });
    expect(fromChain.stdout).toMatch(/^c2sp\.org\/tlog-proof@v1\nextra .*\nindex \d+\n/u);
    expect((await prove(ORDER, `${sinks.file},${sinks.tiles}`)).stdout).toBe(fromChain.stdout);
    expect((await audit(["prove", ...ORDER, "--from", sinks.tiles])).stdout).toBe(fromChain.stdout);
    const index = /^index (\d+)$/mu.exec(fromChain.stdout)?.[1];
    const seq = String(Number(index) + 1);
    expect((await audit(["prove", ...ORDER, "--seq", seq, "--from", sinks.tiles])).stdout).toBe(fromChain.stdout);
    const { code, stdout } = await audit(["verify-proof", "-", ...ORDER], fromChain.stdout);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^orders 42 was recorded at .*Z as link \d+ of example\.org\/log, whose 60\d links were signed at .*Z\.\n$/u,
    );
  });

  it("say whether a row is what was recorded, and how it was read", async () => {
    const out = join(folder, "orders-42.tlog-proof");
    const made = await prove([...ORDER, "--out", out, "--json"]);
    expect(jsonOf(made)).toMatchObject({ event_kind: "orders", event_pk: "42", out });
    const row = await db.sql`select row_to_json(o)::text as json from orders o where id = 41`;
    const recorded = String(row[0]?.["json"]).replace('"id":41', '"id":42');
    for (const [payload, code, said] of [
      [
        recorded,
        0,
        "what was recorded (read as a row: numbers, booleans and JSON as PostgreSQL's texts, nulls left out, times",
      ],
      ['{"id":"42","amount":"120.00","done":"t","at":"2026-04-28 12:00:00.12+00"}', 0, "(read as it stands)"],
      [recorded.replace("120.00", "130.50"), 1, "NOT what was recorded"],
      [recorded.replace("120.00", "120"), 1, "NOT what was recorded"],
    ] as const) {
      const ended = await audit(["verify-proof", out, ...ORDER, "--payload", "-"], payload);
      expect([ended.code, ended.stdout]).toEqual([code, expect.stringContaining(said)]);
    }
    const change = (await db.sql`select event_pk from audit_chain where event_kind = 'orders:update'`)[0]?.["event_pk"];
    const changed = await prove(["--kind", "orders:update", "--pk", String(change)]);
    expect(changed.code).toBe(0);
    const ended = await audit(
      ["verify-proof", "-", "--kind", "orders:update", "--pk", String(change), "--json"],
      changed.stdout,
    );
    expect(jsonOf(ended)).toMatchObject({ event_kind: "orders:update", event_pk: change });
    const looked = await db.run(["lookup", ...ORDER, "--payload", "-", "--json"], {
      input: recorded.replace("120.00", "130.50"),
    });
    expect(looked.code).toBe(0);
    expect(jsonOf(looked)).toMatchObject({ verdict: "recorded", read_as: expect.stringContaining("as a row") });
  });

  it("say what an event is that is none of a row's first", async () => {
    const [link] = await db.sql`select event_pk as pk from audit_chain where event_kind = 'orders:update'`;
    const change = ["--kind", "orders:update", "--pk", String(link?.["pk"])];
    const { stdout } = await audit(["verify-proof", "-", ...change], (await prove(change)).stdout);
    expect(stdout.split("\n")[1]).toMatch(/^It is a change: what was recorded is the row after it\./u);
  });

  it("write a page that checks proofs, always the same, and say its hash", async () => {
    const page = join(folder, "check.html");
    const written = await audit(["prove", "--page", page, "--json"]);
    const html = readFileSync(page);
    const sha256 = createHash("sha256").update(html).digest("hex");
    expect([written.code, jsonOf(written)]).toEqual([0, { page, sha256 }]);
    expect(html.toString()).toMatch(/^<!doctype html>[^]*default-src 'none'; style-src 'sha256-/u);
    const out = join(folder, "with-page.tlog-proof");
    expect(await prove([...ORDER, "--page", page, "--out", out])).toMatchObject({ code: 0 });
    expect([readFileSync(page), readFileSync(out, "utf8").slice(0, 8)]).toEqual([html, "c2sp.org"]);
  });

  it("refuse what does not hold, with exit code 3, which accuses nobody", async () => {
    const { stdout: proof } = await prove(ORDER);
    for (const [text, event, code] of [
      [proof, ["--kind", "orders", "--pk", "43"], "event_mismatch"],
      [proof, ["--kind", "orders:update", "--pk", "42"], "event_mismatch"],
      [proof.replace("index ", "index 1"), ORDER, "proof_m"],
      [proof.replace("extra e", "extra f"), ORDER, "proof_mismatch"],
      [proof.replace("example.org/log\n6", "example.org/log\n5"), ORDER, "signature_invalid"],
      [proof.slice(0, 300), ORDER, "proof_malformed"],
      ["", ORDER, "proof_malformed"],
    ] as const) {
      const ended = await audit(["verify-proof", "-", ...event], text);
      expect([ended.code, ended.stdout]).toEqual([3, ""]);
      expect(ended.stderr).toContain(`the proof is refused (${code}`);
    }
    const other = (await runCli(["keygen", "--name", "example.org/other", "--out", join(folder, "other")])).stdout;
    const foreign = await runCli(["verify-proof", "-", ...ORDER], {
      env: { AUDIT_VERIFIER_KEYS: other },
      input: proof,
    });
    expect([foreign.code, foreign.stdout]).toEqual([3, ""]);
    expect((await runCli(["verify-proof", "-", ...ORDER], { env: {}, input: proof })).code).toBe(2);
  });

  it("ask for the quorum of a trust policy, where one is named", async () => {
    const { stdout: proof } = await prove(ORDER);
    const policy = join(folder, "trust.policy");
    const verified = async (text: string, ...lines: string[]) => {
      writeFileSync(policy, lines.map((line) => `${line}\n`).join(""));
      return await runCli(["verify-proof", "-", ...ORDER], {
        env: { AUDIT_VERIFIER_KEYS: keys, AUDIT_TRUST_POLICY: policy },
        input: text,
      });
    };
    const witness = parseSigner(generateSigningKey("w.example", 4).signer);
    const { text } = parseNote(parseTlogProof(proof).checkpoint);
    const line = signNote(text, [witness], { time: 1_777_381_200n }).split("\n\n")[1] ?? "";
    const asked = [`log ${keys.split("\n")[0]}`, `witness W ${witness.vkey}`, "quorum W"];
    const missing = await verified(proof, ...asked);
    expect([missing.code, missing.stdout]).toEqual([3, ""]);
    expect(missing.stderr).toContain("the proof is refused (witness_missing)");
    const unmade = await db.run(["prove", ...ORDER], {
      env: { AUDIT_SINKS: sinks.file, AUDIT_VERIFIER_KEYS: keys, AUDIT_TRUST_POLICY: policy },
    });
    expect([unmade.code, unmade.stdout]).toEqual([3, ""]);
    expect(unmade.stderr).toContain("its checkpoint lacks what is asked for: the quorum");
    const cosigned = await verified(`${proof}${line}`, ...asked);
    expect(cosigned).toMatchObject({ code: 0, stderr: "" });
    expect(cosigned.stdout).toContain("cosigned by W, the quorum W");
    expect(await verified(proof, "quorum none")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("quorum none: no witness need have seen"),
    });
    for (const wrong of [["quorum W"], [`log ${witness.vkey}`, "quorum none"], [`log ${otherLog}`, "quorum none"]])
      expect(await verified(proof, ...wrong)).toMatchObject({ code: 2, stdout: "" });
  });

  it("hold the keys that have signed to their time, where the policy has it", async () => {
    const { stdout: before } = await prove(ORDER);
    const old = parseKeyFile(readFileSync(join(folder, "key"), "utf8"));
    const env = { AUDIT_SIGNING_KEY_FILE: join(folder, "key"), AUDIT_SINKS: `${sinks.file},${sinks.tiles}` };
    const rotated = jsonOf(await db.run(["rotate-key", "--json"], { env })) as {
      retired: string[];
      keys: string[];
      publication: { published: { seq: number; published_at: string } };
    };
    keys = [...rotated.retired, ...rotated.keys].join(",");
    await db.sql`insert into orders values (601, 1, true)`;
    await publish();
    const { stdout: after } = await prove(ORDER);
    // Whoever has kept the old key file signs the newest tree with it.
    const { checkpoint } = parseTlogProof(after);
    const time = BigInt(Math.floor(Date.now() / 1_000));
    const stolen = after.replace(checkpoint, signNote(parseNote(checkpoint).text, [old.log, old.timestamp], { time }));
    const { seq: last, published_at: at } = rotated.publication.published;
    const policy = join(folder, "policy.json");
    const retired = rotated.retired.map((key) => ({ key, last, at }));
    writeFileSync(policy, JSON.stringify({ tables: {}, retired_keys: retired }));
    const verify = async (input: string, ...more: string[]) =>
      await runCli(["verify-proof", "-", ...ORDER, ...more], {
        env: { AUDIT_VERIFIER_KEYS: keys, AUDIT_POLICY: policy },
        input,
      });
    expect((await audit(["verify-proof", "-", ...ORDER], stolen)).code).toBe(0);
    const refused = await verify(stolen);
    expect([refused.code, refused.stdout]).toEqual([3, ""]);
    expect(refused.stderr).toContain("the proof is refused (retired_key");
    const earlier = await verify(before);
    expect(earlier.code).toBe(0);
    expect(earlier.stdout).toContain(`replaced since: their last head has ${last} links`);
    expect(jsonOf(await verify(before, "--json"))).toMatchObject({
      retired_key: { key: rotated.retired[0], last, at },
    });
    const newest = await verify(after, "--json");
    expect(newest).toMatchObject({ code: 0 });
    expect(jsonOf(newest)).toMatchObject({ retired_key: null });
  });

  it("prove nothing that was not published, or is not what was signed", async () => {
    for (const [args, urls, said] of [
      [["--kind", "orders", "--pk", "none"], sinks.file, "No event"],
      [["--kind", "orders", "--pk", "none", "--from", sinks.tiles], sinks.file, "There is no event"],
      [[...ORDER, "--seq", "9999", "--from", sinks.tiles], sinks.file, "none of them has the seq"],
      [ORDER, `file:${join(folder, "nothing.log")}`, "No sink holds a head"],
    ] as const) {
      const ended = await prove(args, urls);
      expect([ended.code, ended.stdout]).toEqual([3, ""]);
      expect(ended.stderr).toContain(said);
    }
    await db.sql`insert into orders values (1000, 1, true)`;
    expect((await prove(["--kind", "orders", "--pk", "1000"])).stderr).toContain("publish first");
    const bundle = join(folder, "tiles/tile/entries/000");
    const bytes = readFileSync(bundle);
    writeFileSync(bundle, bytes.toString("latin1").replace('"event_pk":"42"', '"event_pk":"99"'), "latin1");
    expect((await audit(["prove", "--kind", "orders", "--pk", "99", "--from", sinks.tiles])).code).toBe(0);
    const forged = await audit(["prove", "--kind", "orders", "--pk", "99", "--seq", "44", "--from", sinks.tiles]);
    expect([forged.code, forged.stdout]).toEqual([3, ""]);
    writeFileSync(bundle, bytes);
    await db.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update audit_chain set payload_hash = sha256('forged') where event_kind = 'orders' and event_pk = '42'`;
    });
    const tampered = await prove(ORDER);
    expect([tampered.code, tampered.stdout]).toEqual([3, ""]);
    expect(tampered.stderr).toContain("not what was signed");
    rmSync(join(folder, "tiles/tile/0/000"));
    expect((await audit(["prove", ...ORDER, "--from", sinks.tiles])).stderr).toContain("is missing");
  });
});
