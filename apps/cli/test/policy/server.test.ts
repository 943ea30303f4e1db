import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "../chain-database.ts";
import { jsonOf } from "../run-cli.ts";

const env = { AUDIT_ORIGIN: "example.org/log" };

const UNSET = "AUDIT_SINKS is not set, so that no published head can be believed\n";
const NO_SINKS = `note: approved is left out: ${UNSET}`;
const NOTHING_TO_APPROVE = `warning: nothing of this can be approved: ${UNSET}`;
const NO_CHANGE = "no change of what is covered since the beginning";

let db: ChainDatabase;
let folder: string;
let file: string;
beforeEach(async () => {
  db = await chainDatabase();
  folder = await mkdtemp(join(tmpdir(), "audit-policy-"));
  file = join(folder, "policy.json");
});
afterEach(async () => {
  await db.drop();
  await rm(folder, { recursive: true });
});

const change = async (...statements: string[]) => {
  for (const statement of statements) await db.session().unsafe(`set allow_system_table_mods = on; ${statement}`);
};

/** A provider's changes: a function of its own under a builtin name, a view, a cast that is gone, a function more. */
const PROVIDED = [
  "create or replace function pg_catalog.lpad(text, integer) returns text language sql immutable strict as 'select $1'",
  "create or replace view pg_catalog.pg_file_settings as select * from pg_catalog.pg_show_all_file_settings() where false",
  "delete from pg_cast where castsource = 'money'::regtype and casttarget = 'numeric'::regtype",
  "create temporary table new as select * from pg_proc where oid = 3420; update new set oid = 9998, proname = 'provided', prosrc = 'sha512_bytea'; insert into pg_proc select * from new",
];

describe("policy --pin-server", () => {
  it("pins nothing on a plain server", async () => {
    const ended = await db.run(["policy", "--pin-server"], { env });
    expect(ended).toMatchObject({ code: 0, stderr: NO_SINKS });
    expect(jsonOf(ended)).not.toHaveProperty("server");
  });

  it("pins what a provider has changed, says it, and from then on that is how it has to be", async () => {
    await change(...PROVIDED);
    const pinned = await db.run(["policy", "--pin-server"], { env });
    expect(pinned.code, pinned.stderr).toBe(0);
    expect(pinned.stderr.trim().split("\n")).toEqual([
      expect.stringMatching(
        /^the function lpad is not PostgreSQL's own any more \(pg_proc, row 879\): .*prosrc select \$1/u,
      ),
      expect.stringMatching(
        /^the function provided was added among PostgreSQL's own \(pg_proc, row 9998\): oid 9998, /u,
      ),
      expect.stringMatching(
        /^the rule _RETURN of pg_file_settings is not PostgreSQL's own any more \(pg_rewrite, row pg_file_settings _RETURN\)/u,
      ),
      "the cast 790 1700 of PostgreSQL's own has gone (pg_cast, row 790 1700): no such row",
      NO_SINKS.trim(),
    ]);
    expect(jsonOf(pinned)).toMatchObject({
      server: [
        { catalog: "pg_proc", key: "879", hash: expect.stringMatching(/^[\w-]{12}$/u) },
        { catalog: "pg_proc", key: "9998" },
        { catalog: "pg_rewrite", key: "pg_file_settings _RETURN" },
        { catalog: "pg_cast", key: "790 1700", hash: null },
      ],
    });
    await writeFile(file, pinned.stdout);
    const verify = ["verify", "--policy", file, "--checks", "structure", "--json"];
    expect(jsonOf(await db.run(verify))).toMatchObject({ status: "intact", divergences: [] });
    const same = await db.run(["policy", "--diff", file]);
    expect(same).toEqual({
      code: 0,
      stdout: `${NO_CHANGE}\nthe server's own rows are as ${file} has them\n`,
      stderr: NOTHING_TO_APPROVE,
    });

    await change(PROVIDED[0]?.replace("$1", "$1 || ''x''") ?? "", "delete from pg_proc where oid = 9998");
    expect(jsonOf(await db.run(verify))).toMatchObject({
      status: "tampered",
      divergences: [
        { check: "catalog_changed", expected: "the row that the policy has pinned" },
        { check: "catalog_changed", actual: "no such row" },
      ],
    });
    const differs = await db.run(["policy", "--diff", file]);
    expect(differs).toMatchObject({ code: 4, stderr: NOTHING_TO_APPROVE });
    expect(differs.stdout.trim().split("\n")).toEqual([
      NO_CHANGE,
      expect.stringMatching(/^the function lpad is not as the policy has pinned it any more \(pg_proc, row 879\): /u),
      expect.stringMatching(
        /^the function 9998 has gone, which the policy has pinned \(pg_proc, row 9998\): no such row$/u,
      ),
    ]);
    const json = await db.run(["policy", "--diff", file, "--json"]);
    expect(json.code).toBe(4);
    expect(jsonOf(json)).toMatchObject({
      server: [{ catalog: "pg_proc", key: "879", how: "changed", wasPinned: true }, {}],
    });
  });

  it("pins no row that is there twice", async () => {
    await change(`update pg_index set indisready = false where indrelid = 'pg_cast'::regclass;
      insert into pg_cast select '20001'::oid, castsource, casttarget, castfunc, castcontext, castmethod from pg_cast where castsource = 790 and casttarget = 1700;
      update pg_index set indisready = true where indrelid = 'pg_cast'::regclass`);
    const ended = await db.run(["policy", "--pin-server"], { env });
    expect(ended).toMatchObject({ code: 3, stdout: "" });
    expect(ended.stderr).toContain("the cast from money to numeric is there twice (pg_cast, row 790 1700)");
  });
});

describe("policy --diff", () => {
  it("says which rows are not PostgreSQL's own where none is pinned", async () => {
    await change(PROVIDED[2] ?? "");
    await writeFile(file, JSON.stringify({ tables: {}, server: [] }));
    expect(await db.run(["policy", "--diff", file])).toEqual({
      code: 4,
      stdout: `${NO_CHANGE}\nthe cast 790 1700 of PostgreSQL's own has gone (pg_cast, row 790 1700): no such row\n`,
      stderr: NOTHING_TO_APPROVE,
    });
  });

  it.each([
    [{ catalog: "pg_statistic", key: "1", hash: null }, "server[0].catalog is not a catalog that is compared"],
    [{ catalog: "pg_cast", key: "1" }, "server[0] must have catalog and key as text"],
    ["pg_cast", "server[0] must have catalog and key as text"],
  ])("refuses %j", async (row, reason) => {
    await writeFile(file, JSON.stringify({ tables: {}, server: [row] }));
    const ended = await db.run(["policy", "--diff", file]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(reason);
  });
});
