// Uses the packed packages as a service and an operator would: libraries and commands, on a real server.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as backfill from "@scidex/audit-backfill";
import * as cli from "@scidex/audit-cli";
import * as core from "@scidex/audit-core";
import * as demo from "@scidex/audit-demo";
import * as ledger from "@scidex/audit-ledger";
import * as otel from "@scidex/audit-ledger/otel";
import * as publisher from "@scidex/audit-publisher";
import * as reader from "@scidex/audit-reader";
import * as schema from "@scidex/audit-schema";
import * as sinks from "@scidex/audit-sinks";
import { createDatabase, startEmbedded } from "@scidex/audit-testkit";
import { verify } from "@scidex/audit-verifier";
import { append } from "@scidex/audit-writer";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";

for (const module of [backfill, cli, core, demo, ledger, otel, publisher, reader, schema, sinks])
  assert(Object.keys(module).length > 0);

const folder = mkdtempSync(join(tmpdir(), "audit-use-"));
const server = await startEmbedded();
const env = {
  ...process.env,
  AUDIT_TEST_SERVER: "url",
  AUDIT_TEST_DATABASE_URL: server.url,
  AUDIT_DATABASE_URL: server.url,
  AUDIT_ORIGIN: "example.org/packed",
  AUDIT_SINKS: `file:${join(folder, "head.log")}`,
  AUDIT_SIGNING_KEY_FILE: join(folder, "key"),
};
const run = (command, ...args) => execFileSync(join("node_modules", ".bin", command), args, { env, encoding: "utf8" });

const sql = postgres(server.url, { max: 2, onnotice: () => {} });
try {
  assert.match(run("audit-chain", "init"), /is set up/);
  assert.match(run("audit-chain", "init"), /up to date/);
  await sql`create table readings (id int primary key, value numeric not null)`;
  run("audit-chain", "attach", "readings");
  await sql`insert into readings values (1, 1.50), (2, 20)`;
  const receipt = await drizzle(sql).transaction((tx) =>
    append(tx, { kind: "release", pk: "1", payload: { ok: true } }),
  );
  // The attachment itself is the first event; the rows are linked by the publisher.
  assert.equal(receipt.seq, 2n);

  env.AUDIT_VERIFIER_KEYS = run(
    "audit-chain",
    "keygen",
    "--name",
    env.AUDIT_ORIGIN,
    "--out",
    env.AUDIT_SIGNING_KEY_FILE,
  );
  assert.equal(JSON.parse(run("audit-publisher", "publish", "--json")).published.seq, 4);
  const clean = JSON.parse(run("audit-verify", "--json"));
  assert.deepEqual([clean.status, clean.rows, clean.anchored_to], ["intact", 4, 4]);
  assert.equal((await verify(sql, {}, { allowUnanchored: true })).report.status, "intact");

  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update readings set value = 2 where id = 1`;
  });
  const { report } = await verify(sql, {}, { allowUnanchored: true });
  assert.deepEqual([report.status, report.firstDivergence?.check], ["tampered", "source_edited"]);
} finally {
  await sql.end();
}
Object.assign(process.env, env);
{
  await using database = await createDatabase();
  assert.equal((await database.sql`select 1 as one`)[0].one, 1);
}
await server.stop();
rmSync(folder, { recursive: true });
