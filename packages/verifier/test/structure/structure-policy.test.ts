import { type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parsePolicy, type Policy } from "../../src/coverage/policy.ts";
import { lookAtStructure, openAudited, said } from "../structure-database.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

const policyOf = (relation: string, more: object, rest: object = {}): Policy =>
  parsePolicy(
    JSON.stringify({
      tables: { [relation]: { kind: "k", key: ["id"], exclude: [], changes: "refuse", ...more } },
      ...rest,
    }),
  );

/** What is found after an attack, with a policy and without one. */
async function after(sql: string, policy: Policy | null) {
  await using database = await openAudited(server);
  await database.sql.unsafe(sql);
  return await lookAtStructure(database.sql, policy);
}

describe("row security of an audited table", () => {
  const enable = "alter table public.strict_refuse enable row level security";

  test("is its owner's business where it was there at the attachment", async () => {
    const attach = "select public.audit_chain_attach('public.strict_refuse')";
    expect(said(await after(`${enable}; ${attach}`, null))).toEqual([]);
  });

  test("is a finding where it came later, also on a partition", async () => {
    const { findings } = await after(enable, null);
    expect(findings).toMatchObject([{ check: "relation_changed", eventKind: "strict_refuse" }]);
    const looked = await after("alter table public.parts_new_1 enable row level security", null);
    expect(said(looked)).toEqual([
      "relation_changed: public.parts_new_1, a partition of public.parts, has row security, which was not there when it was attached: it can hide rows from applications. If a migration has switched it on, run audit-chain sync",
    ]);
  });
});

describe("a partition's guard against TRUNCATE", () => {
  const drop = "drop trigger audit_chain_guard_truncate on public.parts_old";
  const made =
    "create table public.parts_newer partition of public.parts for values from ('2030-01-01') to ('2031-01-01')";

  test("is a warning without a policy: partitions made later have none either", async () => {
    for (const sql of [drop, made]) {
      const looked = await after(sql, null);
      expect(said(looked)).toEqual([]);
      expect(looked.warnings.join()).toContain("is not guarded against TRUNCATE");
    }
  });

  test("is missed where the policy pinned it, and only there", async () => {
    const policy = policyOf("public.parts", { guarded: ["public.parts_old"] });
    expect(said(await after(drop, policy))).toEqual([
      "trigger_missing: public.parts_old has lost its trigger audit_chain_guard_truncate",
    ]);
    expect(said(await after(made, policy))).toEqual([]);
  });
});

describe("an event trigger at login", () => {
  const trigger = `create function public.at_login() returns event_trigger language plpgsql as 'begin end';
    create event trigger at_login on login execute function public.at_login()`;

  test("makes the structure unproven, unless the policy knows it", async () => {
    const looked = await after(trigger, null);
    expect(said(looked)).toEqual([]);
    expect(looked.unproven).toHaveLength(1);
    expect(looked.unproven[0]).toContain("the event trigger at_login calls public.at_login() at each login");
    const known = policyOf("public.strict_refuse", {}, { login_triggers: ["at_login"] });
    expect((await after(trigger, known)).unproven).toEqual([]);
  });

  test("is a finding where a table is at hand that it could serve instead", async () => {
    const looked = await after(`create schema evil; create table evil.strict_refuse (id bigint); ${trigger}`, null);
    expect(looked.findings).toMatchObject([{ check: "relation_shadowed", eventKind: "strict_refuse" }]);
  });

  test("that is disabled does nothing", async () => {
    const looked = await after(`${trigger}; alter event trigger at_login disable`, null);
    expect([...said(looked), ...looked.unproven]).toEqual([]);
  });
});

test("a function that switches triggers off while it runs is a warning", async () => {
  const looked = await after(
    "create function public.load() returns void language sql set session_replication_role = replica as 'select'",
    null,
  );
  expect(said(looked)).toEqual([]);
  expect(looked.warnings).toEqual([
    "the function public.load sets session_replication_role to replica: no trigger fires while it runs",
  ]);
});

test("a policy with a member of the wrong type is refused by name", () => {
  for (const [member, value] of [
    ["guarded", "public.x"],
    ["replaced", [1]],
  ] as const)
    expect(() => policyOf("public.t", { [member]: value })).toThrow(member);
  expect(() => policyOf("public.t", {}, { login_triggers: {} })).toThrow("login_triggers");
});
