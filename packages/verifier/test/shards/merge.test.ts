// Shards of one verification, each in a process of its own, and their reports made one.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Divergence } from "@scidex/audit-reader";
import { describe, expect, it } from "vitest";
import { append, type ChainDatabase, now } from "../chain-database.ts";
import { prepared, run } from "../command.ts";

const SECRET = { AUDIT_SHARD_SECRET: "0123456789abcdef" };
/** A published head, after which more is published while shards are running. */
const CUT = 24;
type Json = { readonly [name: string]: unknown };

/** A chain of 33 links with several heads, of two tables and of events without one. */
async function published(): Promise<ChainDatabase> {
  const chain = await prepared();
  await chain.sql.unsafe(
    "create table public.paper (id int primary key); select public.audit_chain_attach('public.paper', changes => 'track', mode => 'sealed')",
  );
  await chain.sql`insert into public.paper select n from generate_series(1, 2) as n`;
  await chain.sql`select public.audit_chain_seal(100)`;
  for (let n = 5; n < 25; n++) {
    await append(chain.sql, "thing", String(n));
    if (n % 6 === 0) await chain.publish({ time: now() + n });
  }
  return chain;
}

/** Runs a shard, and keeps what it prints. */
async function shard(
  chain: ChainDatabase,
  which: string,
  name: string,
  more: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const args = ["--shard", which, "--run", name, "--cut", String(CUT), "--json", ...more];
  const { stdout } = await run(chain, args, { ...SECRET, ...env });
  const file = join(chain.folder, `${name}-${which.replace("/", "-")}.json`);
  writeFileSync(file, stdout);
  return file;
}

const merge = async (chain: ChainDatabase, name: string, files: readonly string[], secret = SECRET) =>
  await run(chain, ["merge", "--run", name, ...files, "--json"], secret);

/** What two reports of the same chain have in common. */
const common = (stdout: string): Json => {
  const {
    started_at: at,
    duration_ms: _,
    access_ms: _access,
    pending_age: _age,
    ...report
  } = JSON.parse(stdout) as Json;
  expect(at).toMatch(/^20/u);
  return report;
};
type Place = Pick<Divergence, "check" | "seq"> & { readonly event_kind?: string; readonly event_pk?: string };
/** Which event of a row that changes is its newest, a broken link makes doubtful, for whoever has seen that link. */
const places = (stdout: string) =>
  (JSON.parse(stdout) as { divergences: Place[] }).divergences.map(
    ({ check, seq, event_kind: kind, event_pk: pk }) => `${check} ${kind === "paper" ? undefined : seq} ${pk}`,
  );

describe("audit-verify merge", { timeout: 240_000 }, () => {
  it("makes the report of one run of the reports of its shards, and refuses others", async () => {
    const chain = await published();
    const first = await shard(chain, "1/3", "today");
    // A head and a captured row that come meanwhile move no shard.
    await append(chain.sql, "thing", "late");
    await chain.publish({ time: now() + 30 });
    await chain.sql`insert into public.paper values (3)`;
    const second = await shard(chain, "2/3", "today");
    const third = await shard(chain, "3/3", "today");
    const whole = await run(chain, ["--json"]);
    const merged = await merge(chain, "today", [third, first, second]);
    expect(merged.exit).toBe(0);
    expect(common(merged.stdout)).toEqual(common(whole.stdout));
    expect(common(whole.stdout)).toMatchObject({ status: "intact", pending: 1, events_without_source: 25 });
    const missing = await merge(chain, "today", [first, third]);
    expect(missing.exit).toBe(3);
    expect(JSON.parse(missing.stdout)).toMatchObject({
      status: "unproven",
      unproven: ["links: shard 2/3 is missing"],
      checks: { links: "unproven", sources: "unproven" },
    });
    const refused = async (given: readonly string[], message: string, secret = SECRET) => {
      const { exit, stdout } = await merge(chain, "today", given, secret);
      expect({ exit, stdout }).toEqual({ exit: 3, stdout: expect.stringContaining(message) });
      expect(JSON.parse(stdout)).toEqual({ error: expect.objectContaining({ code: "failed" }) });
    };
    await refused([first, second, second, third], "are both of shard 2/3");
    await refused([first, second, third], "its MAC does not hold", { AUDIT_SHARD_SECRET: "another secret of 16" });
    const edited = join(chain.folder, "edited.json");
    writeFileSync(edited, readFileSync(second, "utf8").replace('"status":"intact"', '"status":"unproven"'));
    await refused([first, edited, third], "edited.json is refused: its MAC does not hold");
    writeFileSync(edited, whole.stdout);
    await refused([first, edited, third], "it is no shard's report");
    const policy = join(chain.folder, "policy.json");
    writeFileSync(policy, '{"tables":{}}');
    const other = await shard(chain, "2/3", "today", ["--policy", policy]);
    await refused([first, other, third], "are not of one verification: the policy is");
    writeFileSync(policy, "quorum none\n");
    const unwitnessed = await shard(chain, "2/3", "today", [], { AUDIT_TRUST_POLICY: policy });
    await refused([first, unwitnessed, third], "are not of one verification: the trust policy is");
  });

  it("names what was found by any shard", async () => {
    const chain = await published();
    await chain.attack("update public.audit_chain set chain_hash = sha256('x') where seq in (14, 20)");
    await chain.attack("delete from public.note where id = 4; insert into public.note values (99, 'past')");
    await chain.attack("delete from public.paper where id = 2; insert into public.paper values (98)");
    const files: string[] = [];
    for (const which of ["1/2", "2/2"]) files.push(await shard(chain, which, "attacked"));
    const merged = await merge(chain, "attacked", files);
    const whole = await run(chain, ["--json"]);
    expect([merged.exit, whole.exit]).toEqual([1, 1]);
    for (const place of places(whole.stdout)) expect(places(merged.stdout)).toContain(place);
    expect(places(merged.stdout)).toContainEqual(expect.stringMatching(/^source_unchained undefined 9[89]$/u));
    expect(places(merged.stdout)[0]).toEqual(places(whole.stdout)[0]);
    expect(JSON.parse(merged.stdout)).toMatchObject({
      status: "tampered",
      checks: { links: "failed", sources: "failed", structure: "ok" },
      divergence_count: places(merged.stdout).length,
    });
  });

  it("looks itself where the rows of a table do not add up, or says which shard has to", async () => {
    const chain = await published();
    await chain.attack("update public.note set body = 'other' where id = 3");
    const files: string[] = [];
    for (const which of ["1/2", "2/2"]) files.push(await shard(chain, which, "night"));
    const alone = await merge(chain, "night", files, { ...SECRET, AUDIT_DATABASE_URL: "" } as typeof SECRET);
    expect(alone.exit).toBe(3);
    expect(JSON.parse(alone.stdout)).toMatchObject({
      status: "unproven",
      divergences: [],
      unproven: [
        expect.stringMatching(
          /^sources: the rows of note do not add up to its events: run audit-verify --shard [12]\/2 again with --in-order/u,
        ),
      ],
      checks: { links: "unproven", sources: "unproven", structure: "ok" },
    });
    const merged = await merge(chain, "night", files);
    expect(merged.exit).toBe(1);
    expect(places(merged.stdout)).toEqual([expect.stringMatching(/^source_edited \d+ 3$/u)]);
  });

  it("says what an option or a secret lacks", async () => {
    const chain = await prepared();
    expect((await run(chain, ["--run", "x"], SECRET)).stderr).toContain("it goes with --shard and --json");
    const args = ["--shard", "1/2", "--run", "x", "--json"];
    expect((await run(chain, args)).stderr).toContain("set AUDIT_SHARD_SECRET");
    expect(await run(chain, args, { AUDIT_SHARD_SECRET: "short" })).toMatchObject({ exit: 2 });
    expect((await run(chain, ["--cut", "3"])).stderr).toContain("it goes with --shard");
    expect(await run(chain, ["merge", "--run", "x", "none.json"], SECRET)).toMatchObject({ exit: 2 });
    expect(await run(chain, ["merge", "none.json"], SECRET)).toMatchObject({ exit: 2 });
  });
});
