/** What narrows the coverage up to a policy's approval was meant; what the approval says must be what the chain says. */
import { generateKeyFile } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { describeChanges, describeDifferences, formatPolicy, parsePolicy, type Policy } from "../../src/index.ts";
import { type Asked, type ChainDatabase, openChain, recompute, verifyAsked } from "../chain-database.ts";

const HASH = "ab".repeat(32);

interface Link {
  readonly seq: number;
  readonly hash: string;
}

/** A table that was tracked for a while, which links 2 and 4 say, and refuses changes again. */
async function detour(): Promise<ChainDatabase> {
  const chain = await openChain();
  await chain.sql.unsafe(`
    create table public.note (id int primary key, body text);
    select public.audit_chain_attach('public.note', mode => 'strict');
    select public.audit_chain_attach('public.note', mode => 'strict', changes => 'track');
    insert into public.note values (1, 'x'), (2, 'y');
    select public.audit_chain_attach('public.note', mode => 'strict', changes => 'refuse')`);
  return chain;
}

async function linkAt({ sql }: ChainDatabase, seq?: number): Promise<Link> {
  const [link] = await sql<Link[]>`
    select seq::int, encode(chain_hash, 'hex') as hash from public.audit_chain
     where seq = coalesce(${seq ?? null}::int, (select max(seq) from public.audit_chain))`;
  if (link === undefined) throw new Error("no such link");
  return link;
}

const ENTRY = { kind: "note", key: ["id"], exclude: [] as string[], changes: "refuse" };

const policyOf = (link: Link | undefined, entry: object = {}): Policy =>
  parsePolicy(
    JSON.stringify({
      tables: { "public.note": { ...ENTRY, ...entry } },
      ...(link === undefined ? {} : { approved: { seq: link.seq, chain_hash: link.hash } }),
    }),
  );

/** What is found with a policy: check, place, and message. */
async function found(chain: ChainDatabase, policy: Policy, asked: Partial<Asked> = {}) {
  const { status, divergences, unproven } = await chain.verify({ policy, ...asked });
  return {
    status,
    found: divergences.map(({ check, seq, fromSeq, toSeq }) =>
      [check, seq ?? `${fromSeq} to ${toSeq}`].map(String).join(" "),
    ),
    messages: divergences.map(({ message }) => message),
    unproven,
  };
}

const NO_SINKS = { heads: [], keys: [], allowUnanchored: true } as const;

describe("an approval in a policy file", () => {
  it.each([
    [{}],
    ["1"],
    [null],
    [{ seq: 1 }],
    [{ chain_hash: HASH }],
    [{ seq: 0, chain_hash: HASH }],
    [{ seq: -1, chain_hash: HASH }],
    [{ seq: 1.5, chain_hash: HASH }],
    [{ seq: "1", chain_hash: HASH }],
    [{ seq: 2 ** 53, chain_hash: HASH }],
    [{ seq: 1, chain_hash: HASH.toUpperCase() }],
    [{ seq: 1, chain_hash: HASH.slice(1) }],
    [{ seq: 1, chain_hash: `${HASH}\n` }],
    [{ seq: 1, chain_hash: HASH, by: "me" }],
  ])("is not %j", (approved) => {
    expect(() => parsePolicy(JSON.stringify({ tables: {}, approved }))).toThrow(/approved must have seq/u);
  });

  it("is not a number that no double holds", () => {
    expect(() => parsePolicy(`{"tables":{},"approved":{"seq":9007199254740993,"chain_hash":"${HASH}"}}`)).toThrow(
      expect.objectContaining({ code: "policy_malformed" }),
    );
  });

  it("comes with the keys that have been replaced, each with its last head", () => {
    const [key] = generateKeyFile("example.org/a").vkeys;
    const retired = [{ key, last: 1042, at: "2026-04-28T13:00:00Z" }];
    const policy = parsePolicy(JSON.stringify({ tables: {}, retired_keys: retired }));
    expect(policy.retiredKeys).toMatchObject([{ key, last: 1042n }]);
    expect(JSON.parse(formatPolicy(policy))).toEqual({ tables: {}, retired_keys: retired });
    for (const wrong of [
      {},
      [{}],
      [{ ...retired[0], key: "a" }],
      [{ ...retired[0], last: 0 }],
      [{ ...retired[0], more: 1 }],
    ])
      expect(() => parsePolicy(JSON.stringify({ tables: {}, retired_keys: wrong }))).toThrow(/retired_keys.* must/u);
  });

  it("comes with the logs that are followed, each by its hash", () => {
    const logs = [{ origin: "example.org/a/2", statement: "ab".repeat(32) }];
    const policy = parsePolicy(JSON.stringify({ tables: {}, logs }));
    expect(policy.logs).toEqual(logs);
    expect(JSON.parse(formatPolicy(policy))).toEqual({ tables: {}, logs });
    for (const wrong of [{}, [{}], [{ ...logs[0], statement: "AB".repeat(32) }], [{ ...logs[0], more: 1 }]])
      expect(() => parsePolicy(JSON.stringify({ tables: {}, logs: wrong }))).toThrow(/logs.* must/u);
  });
});

describe("a detour that ends where it began", () => {
  it("is a finding without an approval, and says how to approve it", async () => {
    const chain = await detour();
    await chain.publish();
    const { status, found: places, messages } = await found(chain, policyOf(undefined));
    expect({ status, places }).toEqual({ status: "tampered", places: ["coverage_narrowed 2"] });
    expect(messages[0]).toMatch(/audit-chain policy --diff FILE; .* audit-chain policy --approve FILE$/u);
    expect((await found(chain, policyOf(undefined, { changes: "track" }))).status).toBe("intact");
    const without = await chain.verify();
    expect(without.divergences.map(({ message }) => message)).toEqual([
      "public.note refused changes of its rows before, and has only tracked them since then",
    ]);
  });

  it("is clean once it is approved, with and without the fast way, whatever the approval ends at", async () => {
    const chain = await detour();
    await chain.publish();
    for (const seq of [2, 3, 5])
      expect(await found(chain, policyOf(await linkAt(chain, seq)))).toMatchObject({ status: "intact" });
    const plain = { ...chain.asked, policy: policyOf(await linkAt(chain)), plain: true };
    expect((await verifyAsked(chain.sql, plain)).report.status).toBe("intact");
    const before = await found(chain, policyOf(await linkAt(chain, 1)));
    expect(before).toMatchObject({ status: "tampered", found: ["coverage_narrowed 2"] });
  });

  it("is found again where it comes again after the approval (C08, B21)", async () => {
    const chain = await detour();
    const approved = await linkAt(chain);
    await chain.sql.unsafe(`
      select public.audit_chain_attach('public.note', mode => 'strict', changes => 'track');
      select public.audit_chain_attach('public.note', mode => 'strict', changes => 'refuse');
      select public.audit_chain_attach('public.note', mode => 'strict', exclude => array['body'])`);
    await chain.publish();
    expect(await found(chain, policyOf(approved))).toMatchObject({
      status: "tampered",
      found: ["coverage_narrowed 6", "coverage_narrowed 8"],
    });
    expect(await found(chain, policyOf(approved, { exclude: ["body"] }))).toMatchObject({
      found: ["coverage_narrowed 6"],
    });
    // What is in force is held against the tables, approved or not.
    expect(await found(chain, policyOf(await linkAt(chain)))).toMatchObject({ found: ["coverage_narrowed 8"] });
  });
});

describe("an approval that the chain does not have (C20)", () => {
  it("is a finding, and approves nothing", async () => {
    const chain = await detour();
    await chain.publish();
    const wrong = policyOf({ seq: 3, hash: HASH });
    expect(await found(chain, wrong)).toMatchObject({
      status: "tampered",
      found: ["coverage_narrowed 2", "head_mismatch 1 to 3"],
    });
    const { report } = await verifyAsked(chain.sql, { ...chain.asked, policy: wrong });
    expect(report.divergences[1]).toMatchObject({
      group: "heads",
      expected: HASH,
      message: expect.stringMatching(/policy has approved/u),
    });
  });

  it("approves nothing either where only the coverage is asked for", async () => {
    const chain = await detour();
    const checks = ["coverage"] as const;
    expect(await found(chain, policyOf({ seq: 3, hash: HASH }), { checks })).toMatchObject({
      found: ["coverage_narrowed 2"],
    });
    expect(await found(chain, policyOf(await linkAt(chain, 3)), { checks })).toMatchObject({ status: "intact" });
  });

  it("is a finding where a published head of that seq fits too", async () => {
    const chain = await detour();
    await chain.publish();
    expect(await found(chain, policyOf({ seq: 5, hash: HASH }))).toMatchObject({
      found: ["coverage_narrowed 2", "head_mismatch 1 to 5"],
    });
  });

  it("is located after the published head before it", async () => {
    const chain = await detour();
    await chain.publish({ seq: 2n });
    expect((await found(chain, policyOf({ seq: 4, hash: HASH }))).found).toContain("head_mismatch 3 to 4");
  });

  it("shows a full rewrite without any sink", async () => {
    const chain = await detour();
    const policy = policyOf(await linkAt(chain));
    expect(await found(chain, policy, NO_SINKS)).toMatchObject({ status: "intact" });
    await chain.attack(
      `update public.audit_chain set appended_at = appended_at + interval '1 microsecond' where seq = 3; ${recompute(3)}`,
    );
    expect(await found(chain, policy, NO_SINKS)).toMatchObject({
      found: ["coverage_narrowed 2", "head_mismatch 1 to 5"],
    });
  });

  it("is one finding with the published head that does not fit", async () => {
    const chain = await detour();
    await chain.publish();
    const policy = policyOf(await linkAt(chain));
    await chain.attack(
      `update public.audit_chain set appended_at = appended_at + interval '1 microsecond' where seq = 3; ${recompute(3)}`,
    );
    expect(await found(chain, policy)).toMatchObject({ found: ["coverage_narrowed 2", "head_mismatch 1 to 5"] });
  });

  it("shows a cut, after which the coverage cannot be judged", async () => {
    const chain = await detour();
    await chain.publish({ seq: 2n });
    const approved = await linkAt(chain);
    await chain.attack(
      "delete from public.audit_chain where seq > 3; delete from public.note where id = 2; delete from public.audit_chain_config where id > 2",
    );
    const { status, found: places, messages, unproven } = await found(chain, policyOf(approved));
    expect({ status, places }).toEqual({ status: "tampered", places: ["truncated 4"] });
    expect(messages[0]).toContain("the policy has approved a chain of 5 links");
    expect(unproven).toEqual(["coverage: the chain has 3 links, fewer than the 5 that the policy has approved"]);
  });

  it("does not count as published (C20): above the newest head it says nothing of what is anchored", async () => {
    const chain = await detour();
    await chain.publish({ seq: 2n });
    const report = await chain.verify({ policy: policyOf(await linkAt(chain)) });
    expect(report).toMatchObject({ status: "intact", anchoredTo: 2n, unanchored: 3n });
  });
});

describe("only the configuration", () => {
  it("is compared where that is asked for: rows of other tables are not, and it gives no verdict", async () => {
    const chain = await detour();
    await chain.publish();
    await chain.attack("update public.note set body = 'evil' where id = 1");
    const asked = { ...chain.asked, checks: undefined, onlyConfiguration: true, now: Date.now() + 5000 };
    const { report, state } = await verifyAsked(chain.sql, { ...asked, checks: ["links", "heads", "sources"] });
    expect(report).toMatchObject({ status: "intact" });
    expect(state.awaitedSince).toBe(asked.now);
    await chain.attack("update public.audit_chain_config set changes = 'refuse' where id = 2");
    const lied = await verifyAsked(chain.sql, { ...asked, checks: ["links", "heads", "sources"] });
    expect(lied.report.divergences).toMatchObject([{ check: "source_edited", eventKind: "audit_chain_config" }]);
  });
});

describe("the changes in words", () => {
  it("say what widens too, and of what narrows whether the policy expects it", async () => {
    const chain = await detour();
    await chain.sql.unsafe(`
      alter table public.note rename column body to words; alter table public.note add column more int;
      select public.audit_chain_attach('public.note', mode => 'sealed');
      select public.audit_chain_attach('public.note', exclude => array['more'], mode => 'sealed');
      select public.audit_chain_detach('public.note')`);
    await chain.publish();
    const { overview } = await verifyAsked(chain.sql, chain.asked);
    const history = overview.coverage ?? [];
    const texts = (policy: Policy) =>
      describeChanges(history, policy).map(({ seq, text, narrows, needsApproval }) =>
        [seq, needsApproval ? "approve" : narrows ? "expected" : "", text].join("|"),
      );
    const policy = policyOf(await linkAt(chain, 1), { exclude: ["more"] });
    expect(texts(policy)).toEqual([
      "2|approve|public.note refused changes of its rows before, and has only tracked them since then",
      "5||public.note refuses changes of its rows, and tracked them before",
      "6|approve|public.note: body is now called words",
      "6||public.note covers more too",
      "6||public.note is captured in sealed mode, and was in strict mode",
      "7|expected|public.note covers less since then: more is excluded",
      "8|approve|public.note was detached: its new rows are not captured any more",
    ]);
    expect(texts(policyOf(undefined))[0]).toBe(
      "1||public.note is covered under the kind note, keyed by id, with body, id; changes are refused, the mode is strict",
    );
    expect(describeChanges(history, policy)[0]).toMatchObject({
      kind: "note",
      actor: "postgres",
      recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\d .*\+00$/u),
    });
    expect(describeDifferences(history, policy)).toEqual([
      { kind: "note", narrows: true, text: expect.stringContaining("public.note is detached") },
    ]);
    expect(describeDifferences(history.slice(0, 1), parsePolicy('{"tables":{}}'))).toEqual([
      { kind: "note", narrows: false, text: "public.note is covered, and the policy does not know it yet" },
    ]);
  });
});
