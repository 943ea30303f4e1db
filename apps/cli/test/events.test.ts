import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogin } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf, runCli } from "./run-cli.ts";

interface Link {
  readonly seq: number;
  readonly event_kind: string;
  readonly event_pk: string;
  readonly payload_hash: string;
}

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

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};

const count = async (): Promise<number> => (await db.sql`select from audit_chain`).length;

describe("append and lookup", () => {
  it("record the hash of a payload's canonical form, and recognise the payload again", async () => {
    const payload = await file("release.json", '{ "b": [1.0, "\\u00e9"],\n "a": null }');
    const event = ["--kind", "model_release", "--pk", "r1"];
    const appended = await db.run(["append", ...event, "--payload", payload, "--json"]);
    expect(appended.code).toBe(0);
    const link = jsonOf(appended) as Link;
    expect(link).toMatchObject({
      event_kind: "model_release",
      event_pk: "r1",
      payload_hash: sha256('{"a":null,"b":[1,"é"]}'),
    });

    const again = await db.run(["append", ...event, "--payload", "-", "--json"], { input: '{"a":null,"b":[1,"é"]}' });
    expect((jsonOf(again) as Link).seq).toBe(link.seq);

    const found = await db.run(["lookup", ...event, "--payload", payload, "--json"]);
    expect(found.code).toBe(0);
    expect(jsonOf(found)).toMatchObject({
      verdict: "recorded",
      links: [{ seq: link.seq, payload_hash: link.payload_hash }],
    });

    const other = await file("other.json", '{"a":1}');
    const refused = await db.run(["append", ...event, "--payload", other]);
    expect(refused).toMatchObject({ code: 3, stdout: "" });
    expect(refused.stderr).toContain("[AC001]");
    const differs = await db.run(["lookup", ...event, "--payload", other]);
    expect(differs.code).toBe(1);
    expect(differs.stdout).toContain("NOT what was recorded");
  });

  it("record the empty object for an event without a payload", async () => {
    const ended = await db.run(["append", "--kind", "deploy", "--pk", "1", "--json"]);
    expect((jsonOf(ended) as Link).payload_hash).toBe(sha256("{}"));
  });

  it("find nothing where nothing is: 0 for a question, 3 for a payload that was to be compared", async () => {
    const nothing = await db.run(["lookup", "--kind", "deploy", "--pk", "none", "--json"]);
    expect(nothing.code).toBe(0);
    expect(jsonOf(nothing)).toEqual({ event_kind: "deploy", event_pk: "none", links: [] });
    const compared = await db.run(["lookup", "--kind", "deploy", "--pk", "none", "--payload", "-", "--json"], {
      input: "1",
    });
    expect(compared.code).toBe(3);
    expect(jsonOf(compared)).toMatchObject({ links: [], verdict: "unknown" });
  });

  it("refuse a payload that readers could understand differently, and record nothing", async () => {
    const before = await count();
    const expected: [string | Uint8Array, RegExp][] = [
      ['{"a":1,"\\u0061":2}', /the member "a" stands twice/],
      ['{"a":9007199254740993}', /write it as a string/],
      ['{"a":NaN}', /cannot be taken/],
      ['{"a":"\\ud800"}', /surrogate/],
      ["", /cannot be taken/],
      ['{"a":1} {}', /expected the end/],
      [Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8/],
      [Uint8Array.of(0xef, 0xbb, 0xbf, 0x31), /byte order mark/],
    ];
    for (const [content, message] of expected) {
      const payload = await file("bad.json", content);
      const ended = await db.run(["append", "--kind", "k", "--pk", "p", "--payload", payload]);
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toMatch(message);
    }
    const missing = await db.run(["append", "--kind", "k", "--pk", "p", "--payload", join(folder, "none.json")]);
    expect(missing.code).toBe(2);
    expect(await count()).toBe(before);
  });

  it("refuse labels that are missing, too long or someone else's, and record nothing", async () => {
    await db.sql`create table audited (id int primary key)`;
    await db.run(["attach", "audited"]);
    const before = await count();
    const expected: [string[], string][] = [
      [["--pk", "p"], "required option '--kind <kind>'"],
      [["--kind", "k"], "required option '--pk <key>'"],
      [["--kind", "", "--pk", "p"], "1 to 200 bytes"],
      [["--kind", "k".repeat(201), "--pk", "p"], "1 to 200 bytes"],
      [["--kind", "k", "--pk", "é".repeat(1001)], "2000 bytes"],
      [["--kind", "audit_chain_x", "--pk", "p"], "[AC003]"],
      [["--kind", "audited", "--pk", "1"], "belongs to an audited table"],
      [["--kind", "audited:update", "--pk", "1@7"], "contains a colon"],
    ];
    for (const [args, message] of expected) {
      const ended = await db.run(["append", ...args]);
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toContain(message);
    }
    expect(await count()).toBe(before);
  });

  it("are there for their roles: the writer appends, the read-only role looks up", async () => {
    const writer = await createLogin(db.sql, { grant: ["scidex_audit_writer"] });
    const reader = await createLogin(db.sql, { grant: ["scidex_audit_ro"] });
    const event = ["--kind", "by_role", "--pk", "1"];
    expect((await runCli(["append", ...event], { env: { AUDIT_DATABASE_URL: writer.url } })).code).toBe(0);
    expect((await runCli(["lookup", ...event], { env: { AUDIT_DATABASE_URL: reader.url } })).stdout).toContain(
      "by_role",
    );
    expect((await runCli(["append", ...event], { env: { AUDIT_DATABASE_URL: reader.url } })).code).toBe(3);
    await writer.drop();
    await reader.drop();
  });

  it("show the changes of a tracked row, and not those of another row with a similar key", async () => {
    await db.sql`create table tracked (id text primary key, state text)`;
    await db.run(["attach", "tracked", "--mode", "strict", "--changes", "track"]);
    await db.sql`insert into tracked values ('a', 'new'), ('a@1', 'other')`;
    await db.sql`update tracked set state = 'done' where id = 'a'`;
    await db.sql`update tracked set state = 'changed' where id = 'a@1'`;
    await db.sql`delete from tracked where id = 'a'`;
    const ended = await db.run(["lookup", "--kind", "tracked", "--pk", "a", "--json"]);
    const { links } = jsonOf(ended) as { links: Link[] };
    expect(links.map(({ event_kind }) => event_kind)).toEqual(["tracked", "tracked:update", "tracked:delete"]);
    expect(links.slice(1).map(({ seq, event_pk }) => event_pk === `a@${seq}`)).toEqual([true, true]);
    const row = await db.run(["lookup", "--kind", "tracked", "--pk", "a", "--payload", "-"], {
      input: '{"id":"a","state":"done"}',
    });
    expect(row.code).toBe(3);
    expect(row.stdout).toContain("has been deleted since");
    const other = await db.run(["lookup", "--kind", "tracked", "--pk", "a@1", "--payload", "-", "--json"], {
      input: '{"id":"a@1","state":"changed"}',
    });
    expect(jsonOf(other)).toMatchObject({ verdict: "recorded", links: [{}, { event_kind: "tracked:update" }] });
  });
});
