// C18: rows of our own tables written past their guards, and configuration rows that do not decode. The verifier names
// them, and the doors in the database believe nothing that the verifier does not.
import { attach } from "@scidex/audit-schema";
import { createLogin, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/index.ts";
import { lookAtStructure, openAudited, said } from "../structure-database.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

const past = (sql: string) => `set session_replication_role = replica; ${sql}; reset session_replication_role`;
/** Past the ticket's own trigger, which fires for replicas too and takes every ticket back. */
const aside = (sql: string) =>
  `alter table public.audit_chain_ticket disable trigger audit_chain_commit; ${sql}; alter table public.audit_chain_ticket enable always trigger audit_chain_commit`;
const loose = (table: string, column: string) => `alter table public.${table} alter column ${column} drop not null;`;

describe("rows that steer linking", () => {
  test.each<readonly [string, string, RegExp]>([
    [
      "tickets made in advance",
      aside(
        "insert into public.audit_chain_ticket select (pg_current_xact_id()::text::bigint + i)::text::xid8 from generate_series(1, 2000) as i",
      ),
      /^relation_changed: public\.audit_chain_ticket has tickets/u,
    ],
    [
      "a ticket of the largest number",
      aside("insert into public.audit_chain_ticket values ('18446744073709551615')"),
      /has tickets/u,
    ],
    ["no row to lock", "delete from public.audit_chain_lock", /audit_chain_lock does not have the one row/u],
    ["another row to lock", "insert into public.audit_chain_lock values (false)", /audit_chain_lock does not have/u],
    [
      "a kind that belongs to no table any more",
      "delete from public.audit_chain_relation where kind = 'strict_refuse'",
      /does not say that the kind strict_refuse belongs to public\.strict_refuse/u,
    ],
    [
      "a kind that belongs to another table",
      "create table public.evil (id int); update public.audit_chain_relation set relid = 'public.evil' where kind = 'strict_refuse'",
      /does not say that the kind strict_refuse belongs to public\.strict_refuse/u,
    ],
    [
      "a kind that was never attached",
      "create table public.evil (id int); insert into public.audit_chain_relation values ('evil', 'public.evil', '{}')",
      /has the kind evil, which no table was attached under/u,
    ],
    ...["{}x", "[1]", '{"id": "1"}', '{"id": 0}', '{"nobody": 1}', '{"id": 99999999999999999999}'].map(
      (numbers) =>
        [
          `columns of a kind as ${numbers}`,
          `update public.audit_chain_relation set column_numbers = '${numbers}' where kind = 'strict_refuse'`,
          /does not have the columns of public\.strict_refuse as attach writes them/u,
        ] as const,
    ),
    [
      "a migration that is missing",
      "delete from public.audit_chain_migrations where id = 0",
      /audit_chain_migrations does not have the migrations/u,
    ],
    [
      "a pending row of no mode",
      "insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash) values ('never', 'event', 'k', '1', sha256(''))",
      /audit_chain_pending has rows that capture does not write/u,
    ],
    [
      "a pending row from the end of time",
      "insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, staged_at) values ('sealed', 'event', 'k', '1', sha256(''), 'infinity')",
      /audit_chain_pending has rows that capture does not write/u,
    ],
  ])("%s", async (_, attack, where) => {
    await using database = await openAudited(server);
    await database.sql.unsafe(past(attack));
    const found = said(await lookAtStructure(database.sql));
    expect(found).toEqual([expect.stringMatching(where)]);
    const login = await createLogin(database.sql, { grant: ["scidex_audit_inspector"] });
    const inspector = postgres(login.url, { max: 2, onnotice: () => {} });
    expect(said(await lookAtStructure(inspector))).toEqual(found);
    await inspector.end();
    await login.drop();
  });

  test("tickets made in advance are taken back where the ticket's trigger is there", async () => {
    await using database = await openAudited(server);
    await database.sql.unsafe(
      past("insert into public.audit_chain_ticket select i::text::xid8 from generate_series(1, 100) as i"),
    );
    expect(await database.sql`select from public.audit_chain_ticket`).toHaveLength(0);
  });

  test("transactions at work leave nothing that is seen", async () => {
    await using database = await openAudited(server);
    await database.sql.begin(async (tx) => {
      await tx`insert into public.strict_refuse (id) values (1000)`;
      expect(said(await lookAtStructure(database.sql))).toEqual([]);
    });
    expect(said(await lookAtStructure(database.sql))).toEqual([]);
  });
});

/** A configuration row as that of `strict_refuse`, with these columns instead. */
const forged = (columns: Readonly<Record<string, string>>): string => {
  const names = `id recorded_at actor action kind relation key_columns columns members absent column_types excluded renamed changes mode complete present`;
  const values = names.split(" ").map((name) => columns[name] ?? (name === "id" ? "99" : `c.${name}`));
  return `insert into public.audit_chain_config (${names.replaceAll(" ", ", ")}) select ${values.join(", ")} from public.audit_chain_config as c where kind = 'strict_refuse'`;
};

describe("a configuration row that no release writes", () => {
  test.each([
    ["a negative id that is newest in the chain", { id: "-5" }],
    ["id 0", { id: "0" }],
    ["an unknown action", { action: "'admit'" }],
    ["unknown changes", { changes: "'ignore'" }],
    ["an unknown mode", { mode: "'never'" }],
    ["a relation without a schema", { relation: "'strict_refuse'" }],
    ["a time without end", { recorded_at: "'infinity'" }],
    [
      "a column list with a NULL",
      { columns: "array['id', null]::text[]", members: "array['id', 'b']", column_types: "array['bigint', 'text']" },
    ],
    ["a list of lists", { excluded: "array[['a'], ['b']]" }],
    ["a list that begins at 0", { excluded: "'[0:0]={a}'::text[]" }],
    ["fewer types than columns", { column_types: "'{}'::text[]" }],
    ["no key", { key_columns: "'{}'::text[]" }],
    ["renames that are a list", { renamed: "'[]'" }],
    ["fewer members than columns", { members: "'{}'::text[]" }],
    [
      "a member that two columns have",
      { columns: "array['id', 'body']", members: "array['id', 'id']", column_types: "array['bigint', 'text']" },
    ],
    ["what is left out as a list", { absent: "'[]'" }],
    ["what is left out as a number", { absent: `'{"id": 1}'` }],
    ["what is left out of no member", { absent: `'{"nobody": "1"}'` }],
    ["an empty kind", { kind: "''" }],
    ["no id at all", { id: "null" }],
    ["no completeness", { complete: "null" }],
    ["a kind of 201 bytes", { kind: "repeat('x', 201)" }],
  ] as const)("%s", async (_, columns) => {
    await using database = await openAudited(server);
    await database.sql.unsafe("alter table public.audit_chain_config drop constraint audit_chain_config_pkey");
    for (const name of Object.keys(columns)) await database.sql.unsafe(loose("audit_chain_config", name));
    // Chained like any other, where its id can be a key.
    const isKeyed = !("id" in columns && columns.id === "null");
    await database.sql.unsafe(isKeyed ? forged(columns) : past(forged(columns)));
    const { report } = await verify(database.sql, {}, { checks: ["coverage"] });
    expect(report.divergences.map(({ message }) => message).join("\n")).toMatch(
      /the configuration row .* was written past attach: it cannot be read, and is left out/u,
    );
  });

  test("is believed by no door", async () => {
    await using database = await openAudited(server);
    const { sql } = database;
    await sql.unsafe(forged({ complete: "false", mode: "'never'" }));
    const refused = "was not written by the audit chain";
    await expect(sql`select public.audit_chain_adopt('strict_refuse', array['7'], array[sha256('')])`).rejects.toThrow(
      refused,
    );
    await expect(sql`select public.audit_chain_complete('public.strict_refuse')`).rejects.toThrow(refused);
    await expect(sql`select public.audit_chain_detach('public.strict_refuse')`).rejects.toThrow(refused);
    await expect(attach(drizzle(sql), "public.strict_refuse")).rejects.toMatchObject({
      cause: { message: expect.stringContaining(refused) as string },
    });
  });

  test("is believed by no door if it is not chained, which is a finding", async () => {
    await using database = await openAudited(server);
    const { sql } = database;
    await sql.unsafe(past(forged({ complete: "false" })));
    await expect(sql`select public.audit_chain_adopt('strict_refuse', array['7'], array[sha256('')])`).rejects.toThrow(
      "was not written by the audit chain",
    );
    const { report } = await verify(sql, {}, { checks: ["sources"] });
    expect(report.divergences).toMatchObject([
      { check: "source_unchained", eventKind: "audit_chain_config", eventPk: "99" },
    ]);
  });

  test("of an id with 19 digits is read as the database reads it: the table is declared incomplete", async () => {
    await using database = await openAudited(server);
    await database.sql.unsafe(forged({ id: "1000000000000000000", complete: "false" }));
    const { report } = await verify(database.sql, {}, { checks: ["coverage"] });
    expect(report.divergences.map(({ message }) => message)).toContain(
      "public.strict_refuse was declared incomplete again, so that rows past the trigger could be admitted",
    );
  });

  test("of an id below the newest is a finding: the database believes another one", async () => {
    await using database = await openAudited(server);
    await database.sql.unsafe(forged({ id: "1000" }));
    await database.sql.unsafe(forged({ id: "999" }).replace("where", "where id < 100 and"));
    const { report } = await verify(database.sql, {}, { checks: ["coverage"] });
    expect(report.divergences.map(({ message }) => message).join("\n")).toMatch(
      /the configuration row 999 of the kind strict_refuse is newer in the chain than the row 1000, which the database believes instead/u,
    );
  });
});
