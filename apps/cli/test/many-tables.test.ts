// Hundreds of tables: what is said of each is a line, and what is said of many is said once.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf } from "./run-cli.ts";

let db: ChainDatabase;
const names = Array.from({ length: 12 }, (_, i) => `t${i}`);
beforeEach(async () => {
  db = await chainDatabase();
  await db.sql`create table parent (id int primary key)`;
  for (const name of names)
    await db.sql.unsafe(
      `create table ${name} (id int primary key, parent int references parent on delete cascade); insert into ${name} values (1, null)`,
    );
});
afterEach(() => db.drop());

const linesOf = ({ stdout }: { readonly stdout: string }): string[] => stdout.trimEnd().split("\n");

describe("attach of many tables", () => {
  it("--dry-run says a line of each, each warning once, and no SQL", async () => {
    const ended = await db.run(["attach", ...names, "--dry-run"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).not.toContain("select public.audit_chain_attach");
    expect(linesOf(ended)).toEqual([
      ...names.map((name) => `public.${name} would be attached: 1 warning`),
      "Warnings, with the number of tables:",
      expect.stringMatching(/^ {2}12 {2}foreign key t0_parent_fkey changes rows .* too \(t0, t1, t2, …\)$/),
    ]);
  });

  it("--dry-run --json has all of it", async () => {
    const { tables } = jsonOf(await db.run(["attach", ...names, "--dry-run", "--json"])) as {
      tables: { statement: string; warnings: string[] }[];
    };
    expect(tables).toHaveLength(names.length);
    for (const { statement, warnings } of tables) {
      expect(statement).toContain("audit_chain_attach");
      expect(warnings).toHaveLength(1);
    }
  });

  it("says a line of each and each warning once, and what failed", async () => {
    const ended = await db.run(["attach", ...names, "missing_one"]);
    expect(ended.code).toBe(3);
    const lines = linesOf(ended);
    expect(lines.filter((line) => line.includes(" is attached: kind "))).toHaveLength(names.length);
    expect(lines.filter((line) => line.includes("cascade"))).toHaveLength(1);
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}12 {2}1 rows that were there are not chained yet; run: audit-chain backfill/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^missing_one: FAILED: /));
    expect(lines.at(-1)).toBe("1 of 13 failed.");
  });
});

describe("status of many tables", () => {
  beforeEach(async () => {
    await db.run(["attach", ...names]);
    await db.sql`create table fine (id int primary key)`;
    await db.run(["attach", "fine"]);
  });

  it("says a problem of many tables once", async () => {
    const lines = linesOf(await db.run(["status"]));
    expect(lines.filter((line) => line.includes("not chained yet"))).toHaveLength(1);
    expect(lines).toContain("  … and 11 more like this: audit-chain status --problems lists them");
    const { to_do } = jsonOf(await db.run(["status", "--json"])) as { to_do: object[] };
    expect(to_do).toHaveLength(12);
  });

  it("--problems leaves out what is right, and says each problem", async () => {
    const lines = linesOf(await db.run(["status", "--problems"]));
    expect(lines).toContain("1 tables are as they were attached.");
    expect(lines.some((line) => line.startsWith("public.fine"))).toBe(false);
    expect(lines.filter((line) => line.includes("not chained yet"))).toHaveLength(12);
    const { tables } = jsonOf(await db.run(["status", "--problems", "--json"])) as { tables: object[] };
    expect(tables).toHaveLength(12);
  });

  it("--table shows only these, also one that is gone, and knows which was never attached", async () => {
    await db.sql`drop table t3 cascade`;
    const named = await db.run(["status", "--table", "t1", "public.fine", "t3"]);
    expect(named.code).toBe(0);
    const lines = linesOf(named);
    expect(lines.flatMap((line) => /^(public\.\w+) /.exec(line)?.[1] ?? [])).toEqual([
      "public.fine",
      "public.t1",
      "public.t3",
    ]);
    expect(lines.filter((line) => line.includes("not chained yet"))).toHaveLength(1);
    const { tables, to_do } = jsonOf(await db.run(["status", "--table", "fine", "--json"])) as {
      tables: object[];
      to_do: object[];
    };
    expect(tables).toMatchObject([{ relation: "public.fine" }]);
    expect(to_do).toEqual([]);
    const unknown = await db.run(["status", "--table", "parent"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain("parent is not attached, and never was");
  });
});
