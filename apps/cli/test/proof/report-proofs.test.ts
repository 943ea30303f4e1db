/** The page of a verification carries proofs of what it accuses, from what was signed and from nothing else. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openLog, type PolicyLog } from "../policy/open-log.ts";
import type { Ended } from "../run-cli.ts";

const ROWS = 300;

let log: PolicyLog;
let tree: string;
let original: Buffer;
const sinks = { file: "", tiles: "" };

beforeAll(async () => {
  log = await openLog();
  tree = join(log.folder, "tree");
  // It may be a disk that is not mounted: no publisher makes it.
  mkdirSync(tree);
  sinks.tiles = `tiles:${tree}`;
  sinks.file = `file:${join(log.folder, "b.log")}`;
  await log.db.sql.unsafe(`
    create table orders (id int primary key, item text); select public.audit_chain_attach('public.orders', mode => 'strict', changes => 'track');
    insert into orders select n, 'item ' || n from generate_series(1, ${ROWS}) as n`);
  await published();
  original = readFileSync(ENTRIES());
  await log.db.sql.unsafe("create table orders_then as table orders; create table chain_then as table audit_chain");
  writeFileSync(log.file, (await run(sinks.file, "policy")).stdout);
});
afterAll(async () => await log.close());
beforeEach(async () => {
  writeFileSync(ENTRIES(), original);
  await attack(`delete from orders; insert into orders table orders_then;
    delete from audit_chain; insert into audit_chain table chain_then`);
});

const published = async (): Promise<void> =>
  expect(await run(`${sinks.tiles},${sinks.file}`, "publish")).toMatchObject({ code: 0 });

const ENTRIES = (): string => join(tree, "tile", "entries", "000");

const run = async (urls: string, ...args: readonly string[]): Promise<Ended> =>
  await log.db.run(args, { env: { ...log.env, AUDIT_SINKS: urls } });

const attack = async (statements: string): Promise<void> =>
  void (await log.db.sql.begin(
    async (tx) => await tx.unsafe(`set local session_replication_role = replica; ${statements}`),
  ));

/** The page of a verification, and the proofs that can be downloaded from it, by file name. */
async function pageOf(urls: string): Promise<{ readonly html: string; readonly proofs: ReadonlyMap<string, string> }> {
  const file = join(log.folder, "page.html");
  const args = ["--policy", log.file, "--checks", "links,heads,sources", "--report", file];
  expect((await run(urls, "verify", ...args)).code).toBe(1);
  const html = readFileSync(file, "utf8");
  const links = html.matchAll(/<a download="([^"]*)" href="data:[^"]*;base64,([A-Za-z0-9+/=]*)">/gu);
  return {
    html,
    proofs: new Map(
      [...links].map(([, name, bytes]) => [name ?? "", Buffer.from(bytes ?? "", "base64").toString("utf8")]),
    ),
  };
}

/** What an auditor sees of a proof, without the database and the sinks. */
const audit = async (proof: string | undefined, pk: string, row: object): Promise<Ended> => {
  const [file, payload] = [join(log.folder, "taken.tlog-proof"), join(log.folder, "row.json")];
  writeFileSync(file, proof ?? "");
  writeFileSync(payload, JSON.stringify(row));
  return await run("", "verify-proof", file, "--kind", "orders", "--pk", pk, "--payload", payload);
};

const seqOf = async (pk: string): Promise<string> =>
  String((await log.db.sql`select seq from chain_then where event_pk = ${pk}`)[0]?.["seq"]);

describe("the page of a verification", { timeout: 120_000 }, () => {
  it.each(["tiles", "file"] as const)(
    "has the proof of a row that was edited or deleted, from %s, which shows what it was",
    async (source) => {
      await attack("update orders set item = 'forged' where id = 17; delete from orders where id = 290");
      const { proofs } = await pageOf(sinks[source]);
      const [edited, deleted] = [await seqOf("17"), await seqOf("290")].map((seq) => `link-${seq}.tlog-proof`);
      expect([...proofs.keys()]).toEqual([edited, deleted]);
      expect(await audit(proofs.get(edited ?? ""), "17", { id: 17, item: "item 17" })).toMatchObject({ code: 0 });
      expect(await audit(proofs.get(edited ?? ""), "17", { id: 17, item: "forged" })).toMatchObject({ code: 1 });
      expect(await audit(proofs.get(deleted ?? ""), "290", { id: 290, item: "item 290" })).toMatchObject({ code: 0 });
    },
  );

  it("has of links that were changed or deleted what a tree outside keeps of them, and without one says that there is none", async () => {
    const [gone, changed] = [await seqOf("40"), await seqOf("55")];
    await attack(
      `delete from audit_chain where seq = ${gone}; update audit_chain set event_pk = 'x' where seq = ${changed}`,
    );
    const outside = await pageOf(sinks.tiles);
    expect(await audit(outside.proofs.get(`link-${gone}.tlog-proof`), "40", { id: 40, item: "item 40" })).toMatchObject(
      {
        code: 0,
      },
    );
    expect(
      await audit(outside.proofs.get(`link-${changed}.tlog-proof`), "55", { id: 55, item: "item 55" }),
    ).toMatchObject({ code: 0 });
    expect(outside.html).toContain("another event than this finding names");
    const alone = await pageOf(sinks.file);
    expect(alone.proofs).toEqual(new Map());
    expect(alone.html).toContain("the chain is not what was published, or cannot be read, and no sink keeps a tree");
  });

  it("takes nothing from a tree that was changed, and still has the proof from the chain", async () => {
    const seq = await seqOf("17");
    await attack("update orders set item = 'forged' where id = 17");
    writeFileSync(
      ENTRIES(),
      Buffer.from(original.toString("latin1").replace('"event_pk":"17"', '"event_pk":"71"'), "latin1"),
    );
    const { proofs } = await pageOf(sinks.tiles);
    const proof = proofs.get(`link-${seq}.tlog-proof`);
    expect(await audit(proof, "17", { id: 17, item: "item 17" })).toMatchObject({ code: 0 });
    // With the chain rewritten too there is nothing left to prove it by.
    await attack(`update audit_chain set payload_hash = sha256('x') where seq = ${seq}`);
    expect((await pageOf(sinks.tiles)).proofs.has(`link-${seq}.tlog-proof`)).toBe(false);
  });

  it("has none of what is newer than the last published head, and says so", async () => {
    await log.db.sql`insert into orders values (1000, 'new')`;
    await attack("update orders set item = 'forged' where id = 1000");
    const { html, proofs } = await pageOf(sinks.tiles);
    expect(proofs).toEqual(new Map());
    expect(html).toContain("1 link: newer than the last published head");
  });

  it("carries the first hundred, and says of how many others it does not", async () => {
    await attack("update orders set item = 'forged' where id <= 130");
    const { html, proofs } = await pageOf(sinks.tiles);
    expect(proofs.size).toBe(100);
    expect(html).toContain("30 links: only the first 100 get one");
  });
});
