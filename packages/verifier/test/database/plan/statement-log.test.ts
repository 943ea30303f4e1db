// "Must hold": no planned statement of the verifier goes past the plan reader. The server's own log is asked.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asRole, createDatabase, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verify } from "../../../src/verify.ts";
import { AUDITED } from "../../structure-database.ts";

/** What is not planned. */
const UTILITIES =
  /^(?:(?:set|set local) [a-z_.]+ = [^;]*|reset [a-z_.]+|discard all|begin isolation level repeatable read read only|set transaction snapshot '[0-9A-F-]+'|savepoint attempt_\d+|rollback to savepoint attempt_\d+|release savepoint attempt_\d+|lock table "[^;]*" in access share mode(?: nowait)?)$/iu;

/**
 * What is: bare columns of one relation; keys of a table looked up in itself or in their order; something that is
 * reported. A statement that leaves a choice to the planner is explained first: EXPLAIN plans, and its plan is read too.
 */
const COLUMN = String.raw`(?:[tr]\.[^ ,]+|pg_catalog\.substr\([^ ]+, 1, \d+\)|s\.(?:name|reset_val)) as c\d+`;
const SCAN = String.raw`select ${COLUMN}(?:, ${COLUMN})* from (?:only ".+"\.".+" as t|".+"\.".+" as t|pg_catalog\.pg_roles as r|pg_catalog\.pg_show_all_settings\(\) as s)(?: where .+)?`;
const TABLE = String.raw`(?:only )?".+"\.".+"`;
const LOOKUP = String.raw`select (?:a\.[^ ,]+|1) as c0(?:, a\.[^ ,]+ as c\d+)* from ${TABLE} as a(?: left join lateral \(select b\..+ from ${TABLE} as b where .+ offset 0\) as b on true)?(?: where .+)?(?: order by .+)?`;
const KEYS = `${LOOKUP}(?: union all ${LOOKUP})*`;
const COUNT = String.raw`select from ${TABLE} as [at](?: order by .+)?`;
const FILE = String.raw`pg_catalog\.pg_relation_filenode\('\d+'::pg_catalog\.regclass\) as c\d+`;
const FILES = String.raw`select ${FILE}(?:, ${FILE})*`;
const REPORT = String.raw`select (?:where|from only pg_catalog\.pg_type as t where t\.oid operator\(pg_catalog\.=\) '\d+'::pg_catalog\.oid and) pg_catalog\.set_config\('application_name', .+, false\) is null`;
const FORMS = new RegExp(
  String.raw`^(?:explain (?:${SCAN}|${KEYS}|${COUNT})|copy \((?:${SCAN}|${KEYS}|${COUNT}|${FILES})\) to stdout \(format (?:binary|text)\)|${REPORT})$`,
  "u",
);

interface Entry {
  readonly user?: string;
  readonly pid: number;
  readonly message?: string;
  readonly detail?: string;
}

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded({
    settings: { logging_collector: "on", log_destination: "jsonlog", log_directory: "log", log_statement: "all" },
  });
});
afterAll(async () => await server.stop());

const logged = (): Entry[] => {
  const folder = join(server.dataDir, "log");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean))
    .map((line) => JSON.parse(line) as Entry);
};

test.each([false, true])(
  "every statement is a command from a list, or has its plan read (plain: %s)",
  async (plain) => {
    await using database = await createDatabase({ server, template: AUDITED });
    const inspector = plain ? "plain_inspector" : "bulk_inspector";
    await database.sql.unsafe(
      `create role ${inspector} login password 'inspector'; grant scidex_audit_inspector to ${inspector};
       -- With this right, the verifier keeps its statements out of the log, and this test would see none.
       revoke set on parameter log_min_messages from scidex_audit_inspector`,
    );
    // Rows that wait to be linked.
    await database.sql`insert into public.sealed_track values (100, 'new', 1)`;
    const client = postgres(asRole(database.url, inspector, "inspector"), { max: 2, onnotice: () => {} });
    const { report } = await verify(client, {}, { allowUnanchored: true, plain });
    await client.end({ timeout: 0 });
    // A table of the template was detached.
    expect([report.unproven, report.divergences.map(({ check }) => check)]).toEqual([[], ["coverage_narrowed"]]);

    const entries = logged().filter(({ user }) => user === inspector);
    const statements = entries.flatMap(({ message }) => {
      const [, statement] = /^(?:statement|execute [^:]*): (.*)$/su.exec(message ?? "") ?? [];
      return statement === undefined ? [] : [statement];
    });
    const planned = statements.filter((statement) => !statement.split("; ").every((part) => UTILITIES.test(part)));
    expect(planned.filter((statement) => !FORMS.test(statement))).toEqual([]);
    const plans = entries.filter(({ message }) => message === "plan:");
    expect(planned.length).toBeGreaterThan(100);
    expect(plans.length).toBe(planned.length);
  },
);

test("only the session speaks with the driver", () => {
  const speaking = ["../../../../reader/src", "../../../src"].flatMap((folder) => {
    const root = new URL(folder, import.meta.url).pathname;
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    return files.filter((name) => {
      const text = readFileSync(join(root, name), "utf8");
      return /import (?!type)[^;]* from "postgres"|\.unsafe\(|\.reserve\(|\bsql(?:<[^>]*>)?`/u.test(text);
    });
  });
  // The session's statements are sent by the second. The others say that they believe the database, or are for what is held
  // against what was signed: the publisher's increment, proofs, and a repair from tiles.
  expect(speaking).toEqual([
    "chain/copy-links.ts",
    "database/session.ts",
    "database/statements.ts",
    "lookup.ts",
    "prove/compare-with-tree.ts",
    "prove/tree-from-chain.ts",
    "record/has-changed-shape.ts",
  ]);
});
