// Compiled in an empty folder against the packed packages: every entry resolves, and its types are not `any`.
import * as backfill from "@scidex/audit-backfill";
import * as cli from "@scidex/audit-cli";
import { canonicalJson, type Link } from "@scidex/audit-core";
import * as demo from "@scidex/audit-demo";
import * as ledger from "@scidex/audit-ledger";
import * as otel from "@scidex/audit-ledger/otel";
import { publishHead, type PublishResult } from "@scidex/audit-publisher";
import { withSnapshot } from "@scidex/audit-reader";
import { attach, auditChain, migrate } from "@scidex/audit-schema";
import { openSink, type Sink } from "@scidex/audit-sinks";
import { createDatabase, startEmbedded } from "@scidex/audit-testkit";
import { type VerificationReport, verify } from "@scidex/audit-verifier";
import { append, appendMany, createBatchWriter, enqueue } from "@scidex/audit-writer";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";

type IsAny<T> = 0 extends 1 & T ? true : false;
const isTyped = <T>(_value: T, _check: IsAny<T> extends true ? never : true): void => {};
for (const value of [backfill, cli, demo, ledger, otel]) isTyped(value, true);
for (const value of [publishHead, openSink, createDatabase, startEmbedded, attach, migrate, withSnapshot])
  isTyped(value, true);

export const seqOf = (link: Link): bigint => link.seq;
export const headOf = (result: PublishResult): unknown => result.published;

export async function use(url: string): Promise<void> {
  const sql = postgres(url);
  const db = drizzle(sql);
  await migrate(db);
  await attach(db, "task_events", { mode: "strict", changes: "refuse" });
  const receipt = await db.transaction(async (tx) => {
    await enqueue(tx, { kind: "k", pk: "1", payload: {} });
    await appendMany(tx, [{ kind: "k", pk: "2", payload: { a: 1n } }]);
    return await append(tx, { kind: "model_release", pk: "3", payload: { name: "m" } });
  });
  const seq: bigint = receipt.seq;
  const writer = createBatchWriter(db, { maxBatch: 100, maxDelayMs: 5 });
  await writer.close();
  const rows: (typeof auditChain.$inferSelect)[] = await db.select().from(auditChain);
  const verification = await verify(sql, {}, { allowUnanchored: true });
  const report: VerificationReport = verification.report;
  const text: string = canonicalJson({ seq, status: report.status, rows: rows.length });
  const sink: Sink = openSink("file:/tmp/head.log");
  console.log(text, sink.name);
}
