import type { BenchDatabase } from "../database.ts";
import type { Measurement } from "../measure.ts";
import { benchApplication } from "./application.ts";
import { benchPath } from "./path.ts";
import { Streaming } from "./streaming.ts";

/** What auditing from the write-ahead log costs those who write, and the machine. */
export async function benchStream(db: BenchDatabase): Promise<Measurement[]> {
  const streaming = new Streaming(db);
  try {
    await streaming.begin();
    return [...(await benchApplication(streaming)), ...(await benchPath(streaming))];
  } finally {
    await streaming.end();
  }
}
