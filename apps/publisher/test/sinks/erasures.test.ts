/** What others have signed of erased rows, on its way into the sinks. */
import { rmSync, writeFileSync } from "node:fs";
import { type Erased, generateSigningKey, parseSigner, signErasure } from "@scidex/audit-core";
import { parsePolicy } from "@scidex/audit-verifier";
import { expect, it } from "vitest";
import { linesOf, type Log, openLog, ORIGIN } from "../log.ts";

const signer = parseSigner(generateSigningKey("privacy.example.org", 1).signer);

/** A log with a row that was erased, and how its event is named. */
async function erased(): Promise<{ readonly log: Log; readonly said: Omit<Erased, "key"> }> {
  const log = await openLog();
  await log.sql.unsafe(`create table customers (id int primary key);
    select audit_chain_attach('customers', 'strict', 'refuse');
    insert into customers values (1), (2)`);
  await log.publish();
  await log.sql`select audit_chain_erase('customers', '1')`;
  const [event] = await log.sql<{ seq: string; hash: Uint8Array }[]>`
    select e.seq::text, e.chain_hash as hash from audit_chain_erased('customers', '1') as e`;
  const { seq, hash } = event ?? { seq: "0", hash: new Uint8Array(32) };
  const said = {
    at: 1_790_000_000n,
    event: { seq: BigInt(seq), chainHash: hash },
    kind: "customers",
    origin: ORIGIN,
    pk: "1",
    reason: "request 17",
  };
  return { log, said };
}

const hand = async ({ sql }: Log, note: string): Promise<unknown> => await sql`select audit_chain_hand_over(${note})`;

const statements = (log: Log): string[] => linesOf(log.paths[1]).filter((line) => line.includes("request 17"));

it("each is published once, also where the state was rebuilt in between", async () => {
  const { log, said } = await erased();
  await hand(log, signErasure(signer, said));
  expect(await log.publish()).toMatchObject({ status: "intact" });
  expect(statements(log)).toHaveLength(1);
  await log.publish();
  rmSync(log.stateFile);
  expect(await log.publish({ recoverState: true })).toMatchObject({ status: "intact" });
  await log.append("a");
  await log.publish();
  expect(statements(log)).toHaveLength(1);
  expect(linesOf(log.paths[0])).toEqual(linesOf(log.paths[1]));
  // A sink that was cut back is one, whatever stands in it.
  writeFileSync(log.paths[0], `${linesOf(log.paths[0]).slice(0, 2).join("\n")}\n`);
  expect((await log.publish()).divergences.map(({ check }) => check)).toEqual(["sink_rewound"]);
});

it("what names no event of the chain, or is signed by a key that the policy does not have, stays where it is", async () => {
  const { log, said } = await erased();
  await hand(log, signErasure(signer, { ...said, pk: "2" }));
  await hand(log, "audit-chain.statement/v1\nanything");
  const { status, warnings } = await log.publish();
  expect(status).toBe("intact");
  expect(warnings.filter((text) => text.includes("of an erasure was not published"))).toHaveLength(2);
  expect(statements(log)).toHaveLength(0);
  await hand(log, signErasure(signer, said));
  const table = { kind: "customers", key: ["id"], exclude: [], changes: "refuse" };
  const policy = (keys: object) =>
    parsePolicy(JSON.stringify({ tables: { "public.customers": { ...table, ...keys } } }));
  await log.publish({ policy: policy({}) });
  expect(statements(log)).toHaveLength(0);
  await log.publish({ policy: policy({ erasure: [signer.vkey] }) });
  expect(statements(log)).toHaveLength(1);
});
