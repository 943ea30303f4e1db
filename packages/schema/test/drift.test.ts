import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import {
  captureSource,
  chainHash,
  fromHex,
  keyExpression,
  payloadExpression,
  TEXT_SETTINGS,
  toHex,
} from "@scidex/audit-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chainDatabase, stateOf, textArray } from "./database.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

const sources = new URL("../src/sql/", import.meta.url);
const vectors = new URL("../../../vectors/", import.meta.url);
const NAMES = ["id", 'a"b', "it's", "back\\slash", "ünï", "𝒳", "", "\u0001", "select", "missing", "event"];

test("the functions in the database are those of src/sql", async () => {
  execFileSync(process.execPath, [new URL("../assemble.ts", import.meta.url).pathname, "--check"], { stdio: "pipe" });
  const rows = await database.sql<{ name: string; source: string }[]>`
    select p.oid::regprocedure::text as name, p.prosrc as source from pg_proc as p
     where p.pronamespace = 'public'::regnamespace and p.proname ~ '^audit_chain' and p.proname !~ '^audit_chain_capture_[0-9a-f]{16}$'`;
  const journal = readFileSync(new URL("../../../migrations/0001_functions.sql", import.meta.url), "utf8");
  for (const { name, source } of rows)
    expect([name, journal.includes(`$function$${source}$function$`)]).toEqual([name, true]);
  expect(rows.length).toBe(journal.match(/^CREATE OR REPLACE FUNCTION/gm)?.length);
  expect(readFileSync(new URL("link/link.sql", sources), "utf8").length).toBeGreaterThan(1000);
});

for (const changes of ["refuse", "track"] as const) {
  for (const mode of ["strict", "sealed"] as const) {
    for (const [rowWise, blindKey, salt] of [
      [false, false, false],
      [true, false, false],
      [false, true, false],
      [true, true, false],
      [false, false, true],
      [true, false, true],
      [false, true, true],
      [true, true, true],
    ] as const) {
      test(`TypeScript generates the capture function that SQL generates: ${changes}, ${mode}, ${rowWise ? "row-wise" : "set-wise"}${blindKey ? ", blinded" : ""}${salt ? ", salted" : ""}`, async () => {
        const many = Array.from({ length: 230 }, (_, i) => `c${i}`);
        for (const columns of [["id"], NAMES, many]) {
          const d = {
            kind: "it's \\ a %kind",
            relation: 'public."T"',
            keyColumns: columns.slice(0, 2),
            columns,
            members: columns.map((column, i) => (i % 3 === 1 ? `${column}#2` : column)),
            absent: new Map(columns.flatMap((column, i) => (i % 3 === 0 ? [[column, `it's \\ ${column}`]] : []))),
            changes,
            mode,
            rowWise,
            blindKey,
            salt,
          };
          const [row] = await database.sql`
            select public.audit_chain_capture_source(${d.kind}, ${d.relation}, ${textArray(d.keyColumns)}::text[], ${textArray(d.columns)}::text[], ${textArray(d.members)}::text[], ${JSON.stringify(Object.fromEntries(d.absent))}::text::jsonb, ${changes}, ${mode}, ${rowWise}, ${blindKey}, ${salt}) as source,
                   public.audit_chain_key_expression(${textArray(d.keyColumns)}::text[]) as key, public.audit_chain_payload_expression(${textArray(d.columns)}::text[], ${textArray(d.members)}::text[], ${JSON.stringify(Object.fromEntries(d.absent))}::text::jsonb) as payload`;
          expect(captureSource(d)).toBe(row?.["source"]);
          expect(keyExpression(d.keyColumns)).toBe(row?.["key"]);
          expect(payloadExpression(d)).toBe(row?.["payload"]);
        }
      });
    }
  }
}

test("every function that hashes texts of rows runs under the text settings of the format", async () => {
  const rows = await database.sql<{ name: string; config: string[] }[]>`
    select p.proname as name, to_json(p.proconfig) as config from pg_proc as p
     where p.pronamespace = 'public'::regnamespace and p.proconfig::text ~* 'timezone'`;
  // init itself attaches tables, whose capture functions are there.
  const names = new Set(rows.map(({ name }) => name.replace(/[0-9a-f]{16}$/, "…")));
  expect(names).toEqual(
    new Set([
      "audit_chain_append",
      "audit_chain_joins",
      "audit_chain_leaving_rows",
      "audit_chain_erasing_row",
      "audit_chain_capture_…",
    ]),
  );
  const expected = TEXT_SETTINGS.map((setting) => setting.replace(/ = '?(.+?)'?$/, "=$1"));
  for (const { config } of rows) expect(config.slice(0, expected.length)).toEqual(expected);
});

interface LinkVector {
  readonly seq: number;
  readonly event_kind: string;
  readonly event_pk: string;
  readonly payload_hash: string;
  readonly before_hash: string | null;
  readonly event_hash: string;
  readonly prev_hash: string;
  readonly chain_hash: string;
  readonly appended_at: string;
}

test("SQL computes the hashes of the link vectors", async () => {
  const { links } = JSON.parse(readFileSync(new URL("links.json", vectors), "utf8")) as { links: LinkVector[] };
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) {
    const [row] = await database.sql`
      select encode(sha256(convert_to(concat('{"appended_at":"', to_char(${link.appended_at}::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               '"', ',"before_hash":"' || ${link.before_hash}::text || '"', ',"event_kind":', to_json(${link.event_kind}::text), ',"event_pk":', to_json(${link.event_pk}::text),
               ',"payload_hash":"', ${link.payload_hash}::text, '"}'), 'UTF8')), 'hex') as event,
             encode(sha256(decode(${link.prev_hash}, 'hex') || decode(${link.event_hash}, 'hex') || int8send(${link.seq}::bigint)), 'hex') as chain`;
    expect(row).toEqual({ event: link.event_hash, chain: link.chain_hash });
    expect(toHex(chainHash(fromHex(link.prev_hash), fromHex(link.event_hash), BigInt(link.seq)))).toBe(link.chain_hash);
  }
});

test("SQL blinds the keys of the vectors, and needs a secret of 32 bytes", async () => {
  const { cases } = JSON.parse(readFileSync(new URL("blind-keys.json", vectors), "utf8")) as {
    cases: { secret: string; key: string; blinded: string }[];
  };
  for (const { secret, key, blinded } of cases) {
    const [row] = await database.sql`select audit_chain_blind_key(decode(${secret}, 'hex'), ${key}) as blinded`;
    expect(row).toEqual({ blinded });
  }
  for (const secret of [null, "", "00".repeat(31), "00".repeat(33)])
    expect(await stateOf(database.sql`select audit_chain_blind_key(decode(${secret}, 'hex'), 'k')`)).toBe("AC002");
});

test("the generated payload expression reproduces the payload vectors", async () => {
  const { cases } = JSON.parse(readFileSync(new URL("payloads.json", vectors), "utf8")) as {
    cases: { name: string; payload: Record<string, string>; canonical: string; sha256: string }[];
  };
  let checked = 0;
  for (const { name, payload, canonical, sha256 } of cases) {
    const columns = Object.keys(payload).toSorted((a, b) => (a < b ? -1 : 1));
    const texts = Object.values(payload).join("");
    // Names in PostgreSQL have 1 to 63 bytes, and text has no zero byte.
    if (
      columns.length === 0 ||
      columns.some((c) => c === "" || Buffer.byteLength(c) > 63) ||
      (columns.join("") + texts).includes("\0")
    )
      continue;
    const values = columns.map((c, i) => `$${i + 1}::text as "${c.replaceAll('"', '""')}"`).join(", ");
    const [row] = await database.sql.unsafe<{ payload: string; hash: string }[]>(
      `select p.payload, encode(sha256(convert_to(p.payload, 'UTF8')), 'hex') as hash from (select ${payloadExpression({ columns, members: columns, absent: new Map() })} as payload from (select ${values}) as r) as p`,
      columns.map((c) => String(payload[c])),
    );
    expect([name, row]).toEqual([name, { payload: canonical, hash: sha256 }]);
    checked++;
  }
  expect(checked).toBeGreaterThan(3);
});
