/** `audit-chain policy`, `--diff` and `--approve`: from a first policy to what was approved since. */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChainDatabase } from "../chain-database.ts";
import { type Ended, jsonOf } from "../run-cli.ts";
import { openLog, type PolicyLog } from "./open-log.ts";

interface Approval {
  readonly seq: number;
  readonly chain_hash: string;
}

let log: PolicyLog;
let db: ChainDatabase;
let folder: string;
let file: string;
let env: Record<string, string>;
beforeEach(async () => {
  log = await openLog("head.log");
  ({ db, folder, file, env } = log);
  await db.sql.unsafe(`
    create table orders (id int primary key, amount int, note text); create table b (id int primary key);
    select public.audit_chain_attach('public.orders', 'strict'); select public.audit_chain_attach('public.b', 'strict')`);
  await db.sql`insert into orders values (1, 10, 'x')`;
});
afterEach(async () => await log.close());

const run = async (args: readonly string[], more: Record<string, string> = {}): Promise<Ended> =>
  await db.run(args, { env: { ...env, ...more } });
const policy = async (...args: string[]) => await run(["policy", ...args]);
const linesOf = ({ stdout }: Ended): string[] => stdout.trim().split("\n");

async function publish(): Promise<void> {
  const ended = await run(["publish"]);
  expect(ended.code, ended.stderr).toBe(0);
}

/** Publishes, and pins a first policy. */
async function pin(): Promise<Approval> {
  await publish();
  const ended = await policy();
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  await writeFile(file, ended.stdout);
  return (jsonOf(ended) as { approved: Approval }).approved;
}

const approvedIn = async (path = file): Promise<Approval> =>
  (JSON.parse(await readFile(path, "utf8")) as { approved: Approval }).approved;

/** The exit of a verification with the policy, and the checks and seqs of what it finds. */
async function verified(): Promise<unknown[]> {
  const ended = await run(["verify", "--policy", file, "--json"]);
  const { divergences } = jsonOf(ended) as { divergences: { check: string; seq?: number }[] };
  return [ended.code, ...divergences.map(({ check, seq }) => `${check} ${seq}`)];
}

const attach = async (table: string, options: string): Promise<void> => {
  await db.sql.unsafe(`select public.audit_chain_attach('public.${table}', ${options})`);
};

/** Lawful ways that end where they began: orders tracked for a while, b under another name. */
async function detour(): Promise<void> {
  await attach("orders", "changes => 'track'");
  await attach("orders", "changes => 'refuse'");
  await db.sql.unsafe(`alter table b rename to b2; select public.audit_chain_attach('public.b2');
    alter table b2 rename to b; select public.audit_chain_attach('public.b')`);
}

const chainHash = async (seq: number): Promise<string | undefined> => {
  const [link] = await db.sql<{ hash: string }[]>`
    select encode(chain_hash, 'hex') as hash from public.audit_chain where seq = ${seq}`;
  return link?.hash;
};

describe("a first policy", () => {
  it("approves what came up to the newest published head, and a detour before it is clean", async () => {
    await detour();
    const approved = await pin();
    expect(approved).toEqual({ seq: 7, chain_hash: await chainHash(7) });
    expect(await verified()).toEqual([0]);
  });

  it("approves nothing that is not published, and says so", async () => {
    await publish();
    await attach("orders", "exclude => array['note']");
    const ended = await policy();
    expect(jsonOf(ended)).toMatchObject({ approved: { seq: 3 }, tables: { "public.orders": { exclude: ["note"] } } });
    expect(ended.stderr).toMatch(
      /1 newer changes of what is covered are not published, and not approved\. Publish first/u,
    );
  });

  it("leaves the approval out where no head can be believed, and says why", async () => {
    const expected: [Record<string, string>, RegExp][] = [
      [{ AUDIT_SINKS: "" }, /^note: approved is left out: AUDIT_SINKS is not set/u],
      [{ AUDIT_VERIFIER_KEYS: "" }, /^note: approved is left out: AUDIT_VERIFIER_KEYS is not set/u],
      [{}, /^note: approved is left out: no sink holds a head of this log whose signature holds/u],
    ];
    for (const [more, said] of expected) {
      const ended = await run(["policy"], more);
      expect(ended).toMatchObject({ code: 0, stderr: expect.stringMatching(said) });
      expect(jsonOf(ended)).not.toHaveProperty("approved");
    }
  });

  it("believes no head that others have signed, nor one that the chain does not have", async () => {
    await publish();
    const [line = ""] = (await readFile(join(folder, "head.log"), "utf8")).split("\n");
    await writeFile(join(folder, "head.log"), `${line.replace('"seq":3', '"seq":2')}\n`);
    expect(jsonOf(await policy())).not.toHaveProperty("approved");
    await writeFile(join(folder, "head.log"), `${line}\n`);
    await db.sql.begin(async (tx) => {
      await tx.unsafe("set local session_replication_role = replica; delete from public.audit_chain where seq = 3");
    });
    const ended = await policy();
    expect(jsonOf(ended)).not.toHaveProperty("approved");
    expect(ended.stderr).toContain("the chain does not have the newest published head, of 3 links");
  });
});

describe("a later policy", () => {
  it("keeps what the policy before has and the database cannot say", async () => {
    const first = await pin();
    const more = {
      ...(JSON.parse(await readFile(file, "utf8")) as { tables: Record<string, object> }),
      verdict: "P2D",
      server: [{ catalog: "pg_cast", key: "1 2", hash: null }],
      login_triggers: ["mine"],
    };
    more.tables["public.b"] = { ...more.tables["public.b"], replaced: ["was"] };
    await writeFile(file, JSON.stringify(more));
    await attach("orders", "exclude => array['note']");
    await publish();
    const ended = await run(["policy"], { AUDIT_POLICY: file, AUDIT_ORIGIN: "" });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const { "public.orders": orders = {}, ...tables } = more.tables;
    expect(jsonOf(ended)).toEqual({
      ...more,
      tables: { ...tables, "public.orders": { ...orders, exclude: ["note"] } },
      approved: first,
    });
    const pinned = await run(["policy", "--pin-server"], { AUDIT_POLICY: file });
    expect(jsonOf(pinned)).not.toHaveProperty("server");
  });

  it("does not approve by itself what the one before did not", async () => {
    await pin();
    await writeFile(file, JSON.stringify({ tables: {} }));
    const ended = await run(["policy"], { AUDIT_POLICY: file });
    expect(jsonOf(ended)).not.toHaveProperty("approved");
    expect(ended.stderr).toContain("has no approval, and gets none here");
  });

  it("is a first one where the shell has emptied the one before, which is said", async () => {
    await pin();
    await writeFile(file, "");
    const ended = await run(["policy"], { AUDIT_POLICY: file });
    expect(ended.code).toBe(0);
    expect(jsonOf(ended)).toHaveProperty("approved");
    expect(ended.stderr).toMatch(/is empty, so this is a first policy.*policy > new\.json && mv new\.json/u);
  });
});

describe("policy --diff", () => {
  it("says each change since the approval, a line each, and notes how far it has looked", async () => {
    await pin();
    expect(linesOf(await policy("--diff", file))[0]).toBe("no change of what is covered since seq 3");
    await attach("orders", "mode => 'sealed'");
    await publish();
    const wider = await policy("--diff", file);
    expect(wider).toMatchObject({ code: 0, stderr: "" });
    expect(linesOf(wider)).toEqual([
      expect.stringMatching(
        /^seq 4, \d{4}-.*\+00, by postgres: public\.orders is captured in sealed mode, and was in strict mode$/u,
      ),
      `the server's own rows are as ${file} has them`,
      `looked up to seq 4, chain hash ${await chainHash(4)}`,
    ]);
    await attach("orders", "exclude => array['note'], mode => 'sealed'");
    await publish();
    await attach("b", "changes => 'track'");
    const narrower = await policy("--diff", file);
    expect(narrower).toMatchObject({ code: 4, stderr: "" });
    expect(linesOf(narrower).map((line) => line.replace(/, 2.*by postgres/u, ""))).toEqual([
      "seq 4: public.orders is captured in sealed mode, and was in strict mode",
      "seq 5: public.orders covers less since then: note is excluded; this narrows, and needs approval",
      // Between them a row is recorded anew without its note, and the statement of that is chained.
      "seq 8: public.b refused changes of its rows before, and has only tracked them since then; this narrows, and needs approval; not published yet",
      "now: public.b tracks changes, the policy says that they must be refused; this is less",
      "now: public.orders leaves out note, which the policy does not allow; this is less",
      `the server's own rows are as ${file} has them`,
      `looked up to seq 7, chain hash ${await chainHash(7)}`,
    ]);
    expect(JSON.parse(await readFile(`${file}.shown`, "utf8"))).toEqual({ seq: 7, chain_hash: await chainHash(7) });
    const json = await policy("--diff", file, "--json");
    expect(json.code).toBe(4);
    expect(jsonOf(json)).toMatchObject({
      since: { seq: 3 },
      shown: { seq: 7, chain_hash: await chainHash(7) },
      changes: [{ seq: 4, narrows: false }, { seq: 5, needs_approval: true, actor: "postgres" }, { seq: 8 }],
      differences: [
        { kind: "b", narrows: true },
        { kind: "orders", narrows: true },
      ],
      server: [],
    });
  });

  it("says it without sinks too, and that nothing of it can be approved", async () => {
    await writeFile(file, JSON.stringify({ tables: {} }));
    const ended = await run(["policy", "--diff", file], { AUDIT_SINKS: "" });
    expect(ended.code).toBe(0);
    expect(linesOf(ended)[0]).toContain("public.orders is covered under the kind orders, keyed by id");
    expect(ended.stderr).toContain("nothing of this can be approved: AUDIT_SINKS is not set");
    await expect(stat(`${file}.shown`)).rejects.toThrow("ENOENT");
  });

  it("escapes what comes from the database", async () => {
    await pin();
    await db.sql.unsafe(
      `alter table orders rename column note to "no\u001b[31mte"; select public.audit_chain_attach('public.orders')`,
    );
    const ended = await policy("--diff", file);
    expect(ended.stdout).toContain(String.raw`note is now called no\u001b[31mte`);
  });

  it("warns where it cannot note what it has shown", async () => {
    await pin();
    // A folder in its place: root cannot write there either.
    await mkdir(`${file}.shown`);
    const ended = await policy("--diff", file);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/^warning: what was shown is not noted, so that --approve will show it again: /u);
  });
});

describe("policy --approve", () => {
  it("approves what --diff has shown, and nothing that came after (C20)", async () => {
    await pin();
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), verdict: "P2D" }));
    await detour();
    await publish();
    expect(await verified()).toEqual([1, "coverage_narrowed 4", "coverage_narrowed 6"]);
    expect((await policy("--diff", file)).code).toBe(4);
    await attach("b", "changes => 'track'");
    await publish();
    const ended = await policy("--approve", file);
    expect(ended).toMatchObject({ code: 4, stderr: "" });
    expect(linesOf(ended).map((line) => line.replace(/, 2.*by postgres/u, ""))).toEqual([
      `approved up to seq 7, chain hash ${await chainHash(7)}`,
      "not approved: seq 8: public.b refused changes of its rows before, and has only tracked them since then; this narrows, and needs approval",
    ]);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({
      verdict: "P2D",
      approved: { seq: 7, chain_hash: await chainHash(7) },
      tables: { "public.orders": { exclude: [] } },
    });
    await expect(stat(`${file}.shown`)).rejects.toThrow("ENOENT");
    expect(await verified()).toEqual([1, "coverage_narrowed 8"]);
    // Nothing was shown since: it is shown now.
    const rest = await policy("--approve", file);
    expect(rest.code).toBe(0);
    expect(linesOf(rest)).toEqual([
      expect.stringContaining("has only tracked them since then; this narrows, and needs approval"),
      expect.stringContaining("now: public.b tracks changes"),
      `approved up to seq 8, chain hash ${await chainHash(8)}`,
    ]);
    expect(await verified()).toEqual([0]);
    expect(jsonOf(await policy("--approve", file, "--json"))).toEqual({
      approved: { seq: 8, chain_hash: await chainHash(8) },
      changes: [],
      logs: [],
      retired_keys: [],
      later: [],
    });
  });

  it("takes detached tables out, and brings new ones in with what the catalog says", async () => {
    await pin();
    await db.sql.unsafe(`create table c (id int primary key); alter table c enable row level security;
      select public.audit_chain_attach('public.c'); select public.audit_chain_detach('public.b')`);
    await publish();
    expect((await policy("--approve", file)).code).toBe(0);
    const { tables } = JSON.parse(await readFile(file, "utf8")) as { tables: object };
    expect(tables).toMatchObject({ "public.c": { kind: "c", present: ["security public.c"] }, "public.orders": {} });
    expect(tables).not.toHaveProperty("public.b");
    expect(await verified()).toEqual([0]);
  });

  it("approves nothing above the published heads, whatever the note says (C20)", async () => {
    await pin();
    await attach("orders", "exclude => array['note']");
    const before = await readFile(file, "utf8");
    const notes: unknown[] = [
      { seq: 4, chain_hash: await chainHash(4) },
      { seq: 2, chain_hash: await chainHash(2) },
      { seq: 3, chain_hash: "ab".repeat(32) },
      { seq: 99, chain_hash: "ab".repeat(32) },
    ];
    for (const note of notes) {
      await writeFile(`${file}.shown`, JSON.stringify(note));
      const ended = await policy("--approve", file);
      expect(ended).toMatchObject({ code: 3, stdout: "" });
      expect(ended.stderr).toContain("which is not a published head with that chain hash");
    }
    await writeFile(`${file}.shown`, "{}");
    expect(await policy("--approve", file)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is not what --diff writes/u),
    });
    expect(await readFile(file, "utf8")).toBe(before);
    await rm(`${file}.shown`);
    const ended = await policy("--approve", file);
    expect(ended).toMatchObject({
      code: 4,
      stdout: expect.stringMatching(/not published yet\n.*\n?approved up to seq 3/su),
    });
    expect(await approvedIn()).toMatchObject({ seq: 3 });
  });

  it("does not go back behind what is approved", async () => {
    const first = await pin();
    await attach("orders", "mode => 'sealed'");
    await publish();
    expect((await policy("--approve", file)).code).toBe(0);
    await writeFile(`${file}.shown`, JSON.stringify(first));
    const ended = await policy("--approve", file);
    expect(ended).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringMatching(/has approved seq 4 already, and what was shown ends at 3/u),
    });
  });

  it("approves nothing of a chain that was tampered with, nor past an approval that it does not have", async () => {
    await pin();
    await detour();
    await publish();
    const before = await readFile(file, "utf8");
    const forged = { ...(JSON.parse(before) as object), approved: { seq: 3, chain_hash: "ab".repeat(32) } };
    await writeFile(file, JSON.stringify(forged));
    for (const option of ["--diff", "--approve"]) {
      const ended = await policy(option, file, "--json");
      expect(ended.code).toBe(1);
      expect(jsonOf(ended)).toMatchObject({ status: "tampered", first_divergence: { check: "head_mismatch" } });
    }
    await writeFile(file, JSON.stringify({ ...forged, approved: { seq: 99, chain_hash: "ab".repeat(32) } }));
    expect(await policy("--approve", file)).toMatchObject({ code: 1, stdout: expect.stringMatching(/truncated/u) });
    await writeFile(file, before);
    // A narrowing that is told as something else while the auditor looks.
    await db.sql.begin(async (tx) => {
      await tx.unsafe(
        "set local session_replication_role = replica; update public.audit_chain_config set changes = 'refuse'",
      );
    });
    for (const option of ["--diff", "--approve"])
      expect(await policy(option, file)).toMatchObject({ code: 1, stdout: expect.stringMatching(/source_edited/u) });
    expect(await readFile(file, "utf8")).toBe(before);
  });

  it("is refused where nothing can be verified", async () => {
    await pin();
    for (const more of [
      { AUDIT_SINKS: "" },
      { AUDIT_VERIFIER_KEYS: "" },
      { AUDIT_SINKS: `file:${join(folder, "none.log")}` },
    ]) {
      const ended = await run(["policy", "--approve", file], more);
      expect(ended).toMatchObject({ code: 3, stdout: "", stderr: expect.stringMatching(/nothing can be approved: /u) });
    }
    const sinks = `${env["AUDIT_SINKS"]},file:${join(folder, "nowhere", "head.log")}`;
    expect(await run(["policy", "--approve", file], { AUDIT_SINKS: sinks })).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/not proven +heads: the sink .* could not be read/u),
    });
  });

  it("is not asked for together with --diff or --pin-server", async () => {
    expect(await policy("--approve", file, "--diff", file)).toMatchObject({ code: 2, stdout: "" });
    expect(await policy("--approve", file, "--pin-server")).toMatchObject({ code: 2, stdout: "" });
  });
});
