import { copyLinks, withClients } from "../database.ts";
import { held, type Measurement, milliseconds, rounds } from "../measure.ts";
import { hasProcessorTime, processorTime } from "./processor-time.ts";
import { PathTimes } from "./path-time.ts";
import { insertMany } from "./rows.ts";
import type { Streaming } from "./streaming.ts";

const ROWS = 100_000;
const HUGE_ROWS = 1_000_000;

/** What it takes to bring rows from the log into the chain, whoever does it. */
export async function benchPath(streaming: Streaming): Promise<Measurement[]> {
  return [...(await wholePath(streaming)), ...(await huge(streaming))];
}

/** Processor time of the whole path, against that of writing the same links once more; where it can be seen. */
async function wholePath(streaming: Streaming): Promise<Measurement[]> {
  const { sql, capture, db } = streaming;
  const times = new PathTimes();
  const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  if (!hasProcessorTime(pid)) return [];
  const figures = await rounds(5, {
    path: async () => {
      await streaming.turnTo("streamed");
      return await times.measure(capture, async () => {
        await insertMany(sql, "streamed", ROWS);
        await streaming.untilLinked();
        return ROWS;
      });
    },
    copy: async () => {
      await streaming.turnTo("plain");
      return await withClients(db.url, 1, async ([client]) => {
        if (client === undefined) return Number.NaN;
        const [{ own } = { own: 0 }] = await client<{ own: number }[]>`select pg_backend_pid() as own`;
        const before = processorTime(own);
        await copyLinks(client, ROWS);
        return (processorTime(own) - before) / ROWS / 1_000;
      });
    },
  });
  return [
    held(
      "stream, processor time of a row from the log into the chain",
      figures.path,
      { name: "INSERT … SELECT of the same rows", figures: figures.copy },
      {
        unit: "µs",
        target: { ratio: 2.5, is: "at most" },
        note: String(times),
      },
    ),
  ];
}

/** One transaction of a million rows. */
async function huge(streaming: Streaming): Promise<Measurement[]> {
  const { sql, capture } = streaming;
  await capture.stop();
  await streaming.turnTo("streamed");
  await insertMany(sql, "streamed", HUGE_ROWS);
  const ms = await milliseconds(async () => await streaming.untilLinked());
  const memory = capture.peakMemory;
  return [
    {
      name: "stream, 1,000,000 rows in one transaction, linked after its commit",
      value: ms,
      unit: "ms",
      against: { name: "30 s", value: 30_000 },
      ratio: ms / 30_000,
      target: { ratio: 1, is: "at most" },
    },
    {
      name: "peak memory of the capture process then",
      value: memory,
      unit: "MB",
      against: { name: "200 MB", value: 200 },
      ratio: memory / 200,
      target: { ratio: 1, is: "at most" },
      ...(capture.isBuilt ? {} : { note: "from source code, with its compiler" }),
    },
  ];
}
