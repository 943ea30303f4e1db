import type { BenchDatabase } from "../database.ts";
import type { Measurement } from "../measure.ts";
import { benchStream } from "./stream.ts";
import { benchTriggers } from "./triggers.ts";

/** What auditing a table costs those who write to it, and the machine that they share with it. */
export async function benchCapture(db: BenchDatabase): Promise<Measurement[]> {
  const triggers = await benchTriggers(db);
  const another = await db.another();
  try {
    return [...triggers, ...(await benchStream(another))];
  } finally {
    await another.end();
  }
}
