import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leavesOf } from "@scidex/audit-publisher";
import { openSink } from "@scidex/audit-sinks";
import { type VerificationReport, verify, verifyBundle } from "@scidex/audit-verifier";
import { type BenchDatabase, sealAll } from "../database.ts";
import { held, type Measurement, milliseconds, rounds } from "../measure.ts";
import { Publisher } from "../verify.ts";

const HEADS = 100;

/** A log's links and heads from its files alone, against the same from the database. */
export async function benchBundle(db: BenchDatabase, rows: number): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, n int)`;
  await db.attach("events", { mode: "sealed" });
  await sql`insert into events (actor, n) select 'agent-' || g, g from generate_series(1, ${rows}) as g`;
  await sealAll(sql);
  await sql`vacuum analyze`;
  const publisher = new Publisher(sql, Math.max(1, Math.floor(rows / HEADS)));
  await publisher.publish();
  const { keys, lines, log } = publisher;
  const folder = await mkdtemp(join(tmpdir(), "audit-bench-"));
  const bundle = openSink({ kind: "tiles", name: "bundle", path: folder });
  try {
    await bundle.append(lines, { leaves: leavesOf(sql, undefined) });
    const timed = async (look: () => Promise<VerificationReport>) =>
      await milliseconds(async () => {
        const { status, divergences, unproven } = await look();
        if (status !== "intact") throw new Error(`it does not verify: ${divergences[0]?.message ?? unproven.join()}`);
      });
    const figures = await rounds(3, {
      database: async () =>
        await timed(async () => (await verify(sql, { heads: [log], keys }, { checks: ["links", "heads"] })).report),
      bundle: async () => await timed(async () => (await verifyBundle(bundle, { keys })).report),
    });
    return [
      held(
        `links and heads of a bundle, ${rows.toLocaleString("en")} rows, ${HEADS} heads`,
        figures.bundle,
        { name: "the same from the database", figures: figures.database },
        { unit: "ms", target: { ratio: 1, is: "at most" } },
      ),
    ];
  } finally {
    await bundle.close();
    await rm(folder, { recursive: true });
  }
}
