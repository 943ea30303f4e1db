import { readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseHeadLine, parseKeyFile, parseVerifierKey, signHead } from "@scidex/audit-core";
import { attach } from "@scidex/audit-schema";
import { expect, test } from "vitest";
import { openAuditedDatabase } from "../src/audited-database.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain, type PublishedChain } from "../src/published-chain.ts";

const HOUR = 3_600;

/** What the publisher appends when nothing is new, at times to come: the last head again under each hour's signature. */
async function publishHourly(chain: PublishedChain, hours: number): Promise<void> {
  const keys = parseKeyFile(readFileSync(chain.keyFile, "utf8"));
  const path = fileURLToPath(chain.sink);
  const last = readFileSync(path, "utf8").split("\n").at(-2) ?? "";
  const verifiers = [keys.log, keys.timestamp].map(({ vkey }) => parseVerifierKey(vkey));
  const head = parseHeadLine(last, { origin: keys.origin, verifiers });
  const before = { size: head.seq - 1n, hashes: head.proof.toReversed() };
  for (let hour = 1; hour <= hours; hour++) {
    const line = signHead({ keys, leaf: head.leaf, before, time: head.signedTime + BigInt(hour * HOUR) });
    await appendFile(path, `${line}\n`);
  }
}

test("a week in which nothing happens while the publisher runs is clean, and one without the publisher is not", async () => {
  await using database = await openAuditedDatabase();
  await using chain = await openPublishedChain();
  const { sql } = database;
  await sql`create table notes (id int primary key)`;
  await attach(database.db, "notes", { mode: "strict" });
  await sql`insert into notes select generate_series(1, 5)`;
  expect((await chain.publish(sql)).status).toBe("intact");
  const start = Date.now();
  const after = (hours: number): number => start + hours * HOUR * 1_000;

  expectClean(await chain.verify(sql, { now: after(23) }));
  expect((await chain.verify(sql, { now: after(25) })).divergences).toMatchObject([{ check: "publisher_silent" }]);
  await publishHourly(chain, 7 * 24);
  expect(chain.heads()).toBe(1 + 7 * 24);
  const report = await chain.verify(sql, { now: after(7 * 24 + 1) });
  expectClean(report);
  expect(report).toMatchObject({ rows: 6n, unanchored: 0n });
});
