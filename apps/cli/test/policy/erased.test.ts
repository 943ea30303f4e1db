/** A row is erased on request: by whom it has to be signed, and who tries without (B20, C21). */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateSigningKey, parseSigner, signErasure } from "@scidex/audit-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Ended } from "../run-cli.ts";
import { openLog, type PolicyLog } from "./open-log.ts";

let log: PolicyLog;
let key: string;
beforeEach(async () => {
  log = await openLog("a.log", "b.log");
  await log.db.sql.unsafe(`
    create table customers (id int primary key, name text);
    select public.audit_chain_attach('public.customers', 'strict', 'refuse');
    insert into customers values (1, 'Ada'), (2, 'Bo'), (3, 'Cy')`);
  await ok("publish");
  key = join(log.folder, "privacy.key");
  const vkey = (await ok("keygen", "--erasure", "--name", "privacy.example.org", "--out", key)).stdout.trim();
  const policy = JSON.parse((await ok("policy")).stdout) as { tables: Record<string, object> };
  const tables = { "public.customers": { ...policy.tables["public.customers"], erasure: [vkey] } };
  await writeFile(log.file, JSON.stringify({ ...policy, tables }));
});
afterEach(async () => await log.close());

const run = async (...args: readonly string[]): Promise<Ended> => await log.db.run(args, { env: log.env });

async function ok(...args: readonly string[]): Promise<Ended> {
  const ended = await run(...args);
  expect(ended.code, ended.stdout + ended.stderr).toBe(0);
  return ended;
}

const verify = async (): Promise<Ended> => await run("verify", "--policy", log.file);

const erase = async (pk: string, file = key): Promise<Ended> =>
  await run("erase", "customers", pk, "--reason", "request 2026-17", "--sign", file);

it("is missing lawfully once a statement by the policy's key stands in the sinks", async () => {
  expect((await erase("2")).code).toBe(0);
  const between = await verify();
  expect(between.code).toBe(1);
  expect(between.stdout).toContain("no sink holds a statement of it");
  await ok("publish");
  const after = await verify();
  expect(after.code, after.stdout).toBe(0);
  expect(after.stdout).toContain("erased      customers: 1 row, each by a signed statement");
  expect((await readFile(join(log.folder, "b.log"), "utf8")).match(/request 2026-17/gu)).toHaveLength(1);
  const found = await ok("lookup", "--kind", "customers", "--pk", "2");
  expect(found.stdout).toMatch(/^seq \d+: erased, signed at .* by privacy\.example\.org\+\w+: request 2026-17$/mu);
  // Nothing is signed twice over one publication, and what was erased cannot be erased once more.
  await ok("publish");
  expect((await readFile(join(log.folder, "a.log"), "utf8")).match(/request 2026-17/gu)).toHaveLength(1);
  expect((await erase("4")).code).toBe(3);
  // Without the heads nobody can tell, and nobody is accused.
  const without = await run("verify", "--policy", log.file, "--checks", "sources");
  expect(without.code).toBe(3);
  expect(without.stdout).toContain("erased lawfully");
  // Where the policy does not have the key, it is as if nothing had been signed.
  await writeFile(log.file, (await readFile(log.file, "utf8")).replace(/"erasure":\["[^"]*"\]/u, '"erasure":[]'));
  expect((await verify()).stdout).toContain("source_deleted");
});

it("takes the salt with it, which is all that says what the row was, and that of a row that is gone already", async () => {
  await log.db.sql.unsafe(`
    create table guests (id int primary key, name text);
    select public.audit_chain_attach('public.guests', 'strict', 'track', salt => true);
    insert into guests values (1, 'Ada'), (2, 'Bo'); delete from guests where id = 2`);
  const lookup = async (id: string) =>
    await run("lookup", "--kind", "guests", "--pk", id, "--payload", await payloadFile({ id, name: "Ada" }));
  expect((await lookup("1")).code).toBe(0);
  const [, salt] = /^salt ([0-9a-f]{32})$/mu.exec((await lookup("1")).stdout) ?? [];
  await ok("publish");
  const proof = join(log.folder, "1.tlog-proof");
  await ok("prove", "--kind", "guests", "--pk", "1", "--out", proof);
  const told = async (...args: string[]) =>
    await run(
      "verify-proof",
      proof,
      "--kind",
      "guests",
      "--pk",
      "1",
      "--payload",
      await payloadFile({ id: 1, name: "Ada" }),
      ...args,
    );
  expect((await told("--salt", salt ?? "")).stdout).toContain("The payload is what was recorded");
  expect((await told()).code).toBe(1);
  expect((await told("--salt", "00".repeat(16))).code).toBe(1);
  const short = await told("--salt", "00");
  expect([short.code, short.stderr]).toEqual([
    2,
    expect.stringContaining("expected 16 bytes as 32 digits of lower-case hex"),
  ]);
  const gone = await run("erase", "guests", "2", "--reason", "request 2026-18", "--sign", key);
  expect([gone.code, gone.stdout]).toEqual([
    0,
    expect.stringContaining("guests 2: the row was gone already. Its salt is taken away"),
  ]);
  expect(await log.db.sql`select event_pk from audit_chain_salt`).toEqual([{ event_pk: "1" }]);
  expect((await run("erase", "guests", "2", "--reason", "request 2026-18", "--sign", key)).code).toBe(3);
  expect((await verify()).code).toBe(0);
  await log.db.sql`delete from audit_chain_salt`;
  expect((await lookup("1")).stdout).toContain("the row's salt is gone: nothing says what it was");
  expect((await lookup("1")).code).toBe(3);
});

async function payloadFile(payload: object): Promise<string> {
  const file = join(log.folder, "payload.json");
  await writeFile(file, JSON.stringify(payload));
  return file;
}

it("goes on where it was stopped between the row and the statement", async () => {
  await log.db.sql`select public.audit_chain_erase('customers', '2')`;
  await ok("publish");
  expect((await verify()).code).toBe(1);
  const again = await erase("2");
  expect(again.stdout).toContain("was erased before");
  await ok("publish");
  expect((await verify()).code).toBe(0);
});

it("is source_deleted with a statement of another key, event, row or log, and a replayed one", async () => {
  const other = join(log.folder, "other.key");
  await ok("keygen", "--erasure", "--name", "privacy.example.org", "--out", other);
  expect((await erase("1", other)).code).toBe(0);
  await log.db.sql`select public.audit_chain_erase('customers', '2')`;
  const events = await log.db.sql<{ pk: string; seq: string; hash: Uint8Array }[]>`
    select split_part(event_pk, '@', 1) as pk, seq::text, chain_hash as hash from audit_chain
     where event_kind = 'customers:erase' order by seq`;
  const [first, second] = events.map(({ seq, hash }) => ({ seq: BigInt(seq), chainHash: hash }));
  if (first === undefined || second === undefined) throw new Error("two rows were to be erased");
  const signer = parseSigner((await readFile(key, "utf8")).trim());
  const said = { kind: "customers", origin: "example.org/orders", pk: "2", reason: "x", at: 1_790_000_000n };
  const notes = [
    signErasure(signer, { ...said, event: first }),
    signErasure(signer, { ...said, event: { ...second, chainHash: first.chainHash } }),
    signErasure(signer, { ...said, event: second, pk: "1" }),
    signErasure(signer, { ...said, event: second, origin: "example.org/other" }),
    signErasure(parseSigner(generateSigningKey("privacy.example.org", 1).signer), { ...said, event: second }),
  ];
  for (const note of notes) {
    // Past the publisher, who puts none of the first three there.
    for (const name of ["a.log", "b.log"])
      await writeFile(join(log.folder, name), `{"statement":${JSON.stringify(note)}}\n`, { flag: "a" });
  }
  const { stdout, code } = await verify();
  expect(code).toBe(1);
  expect(stdout.match(/source_deleted/gu)).toHaveLength(2);
  expect(stdout).not.toContain("sink_signature");
});

it("is not what was recorded, so it stays; and is not there again under its key", async () => {
  await log.db.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update customers set name = 'Eve' where id = 3`;
  });
  const refused = await erase("3");
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain("is not what was recorded");
  expect(await log.db.sql`select from customers`).toHaveLength(3);
  expect((await erase("2")).code).toBe(0);
  await ok("publish");
  await expect(log.db.sql`insert into customers values (2, 'Bo')`).rejects.toMatchObject({ code: "AC001" });
});
