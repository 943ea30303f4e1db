import { throughput, withClients } from "../database.ts";
import { held, interval, type Measurement, median, milliseconds, quantile, rounds } from "../measure.ts";
import { LagSampler } from "./lag-sampler.ts";
import { paced, type Paced } from "./paced.ts";
import { hasProcessorTime, processorTime } from "./processor-time.ts";
import { PathTimes } from "./path-time.ts";
import { insertInto, insertMany } from "./rows.ts";
import type { Contender, Streaming } from "./streaming.ts";

const PAIRS = 20;
const INSERTS = 2_000;
const BULK_ROWS = 50_000;
const CLIENTS = 16;
const ROUNDS = 3;
const LOAD_MS = 5_000;

/** What the mode `stream` costs those who write. */
export async function benchApplication(streaming: Streaming): Promise<Measurement[]> {
  const saturated = await atOnce(streaming);
  return [
    ...(await backendTime(streaming)),
    ...saturated.measurements,
    ...(await atHalf(streaming, saturated.unaudited / 2)),
    ...(await bulk(streaming)),
  ];
}

/** Processor time of the application's own backend, where that can be seen. */
async function backendTime(streaming: Streaming): Promise<Measurement[]> {
  const run = (contender: Contender) => async () => {
    await streaming.turnTo(contender);
    return await withClients(streaming.db.url, 1, async ([client]) => {
      if (client === undefined) return Number.NaN;
      const insert = insertInto(contender);
      for (let i = 0; i < INSERTS / 10; i++) await insert(client);
      const [{ pid } = { pid: 0 }] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`;
      if (!hasProcessorTime(pid)) return Number.NaN;
      const before = processorTime(pid);
      for (let i = 0; i < INSERTS; i++) await insert(client);
      return (processorTime(pid) - before) / INSERTS / 1_000;
    });
  };
  const figures = await rounds(PAIRS, { plain: run("plain"), streamed: run("streamed") });
  if (figures.plain.some(Number.isNaN)) return [];
  const { mean, from, to } = interval(figures.streamed.map((figure, i) => figure / (figures.plain[i] ?? Number.NaN)));
  return [
    {
      name: "stream, a single insert, processor time of its backend",
      value: median(figures.streamed),
      unit: "µs",
      against: { name: "unaudited (upper end)", value: median(figures.plain) },
      ratio: to,
      target: { ratio: 1.05, is: "at most" },
      note: `${PAIRS} pairs: ${mean.toFixed(3)}, with 95 % certainty ${from.toFixed(3)} to ${to.toFixed(3)}`,
    },
  ];
}

/** As fast as the machine goes, which the capture process has to share. */
async function atOnce(streaming: Streaming) {
  const lags: number[] = [];
  const behind: number[] = [];
  const figures = await withClients(
    streaming.db.url,
    CLIENTS,
    async (clients) =>
      await rounds(ROUNDS, {
        plain: async () => {
          await streaming.turnTo("plain");
          return await throughput(clients, LOAD_MS, insertInto("plain"));
        },
        streamed: async () => {
          await streaming.turnTo("streamed");
          const sampler = LagSampler.start(streaming.sql);
          const figure = await throughput(clients, LOAD_MS, insertInto("streamed"));
          lags.push(...(await sampler.stop()));
          behind.push(await milliseconds(async () => await streaming.untilLinked()));
          return figure;
        },
      }),
  );
  const unaudited = { name: "unaudited", figures: figures.plain };
  const measurements: Measurement[] = [
    { name: `unaudited, nobody captures, ${CLIENTS} clients`, value: median(figures.plain), unit: "tx/s" },
    held(`stream, ${CLIENTS} clients, the capture process included`, figures.streamed, unaudited, {
      unit: "tx/s",
      target: { ratio: 0.75, is: "at least" },
      note: `linked ${Math.round(median(behind))} ms after the end`,
    }),
    lagOf(lags, "at that load"),
  ];
  return { unaudited: median(figures.plain), measurements };
}

/** At half of what the machine can do without auditing. */
async function atHalf(streaming: Streaming, rate: number): Promise<Measurement[]> {
  const lags: number[] = [];
  const seen: Record<Contender, Paced[]> = { plain: [], streamed: [] };
  const times = new PathTimes();
  const run = async (contender: Contender) => {
    const figure = await withClients(
      streaming.db.url,
      CLIENTS,
      async (clients) => await paced(clients, { rate, ms: LOAD_MS }, insertInto(contender)),
    );
    seen[contender].push(figure);
    return figure.rate;
  };
  const figures = await rounds(ROUNDS, {
    plain: async () => {
      await streaming.turnTo("plain");
      return await run("plain");
    },
    streamed: async () => {
      await streaming.turnTo("streamed");
      const sampler = LagSampler.start(streaming.sql);
      let figure = Number.NaN;
      await times.measure(streaming.capture, async () => {
        figure = await run("streamed");
        await streaming.untilLinked();
        return (figure * LOAD_MS) / 1_000;
      });
      lags.push(...(await sampler.stop()));
      return figure;
    },
  });
  const p95 = (contender: Contender) => seen[contender].map((figure) => figure.p95);
  const name = `stream, ${CLIENTS} clients at half of that pace`;
  return [
    held(
      name,
      figures.streamed,
      { name: "unaudited", figures: figures.plain },
      { unit: "tx/s", target: { ratio: 0.98, is: "at least" }, note: String(times) },
    ),
    held(
      `${name}, latency p95`,
      p95("streamed"),
      { name: "unaudited", figures: p95("plain") },
      { unit: "ms", target: { ratio: 1.1, is: "at most" } },
    ),
    lagOf(lags, "at that pace"),
  ];
}

const lagOf = (lags: readonly number[], when: string): Measurement => ({
  name: `stream, how far linking is behind ${when}, p99`,
  value: quantile(lags, 0.99),
  unit: "ms",
  against: { name: "1 s", value: 1_000 },
  ratio: quantile(lags, 0.99) / 1_000,
  target: { ratio: 1, is: "at most" },
});

async function bulk(streaming: Streaming): Promise<Measurement[]> {
  const run = (contender: Contender) => async () => {
    await streaming.turnTo(contender);
    return await milliseconds(async () => await insertMany(streaming.sql, contender, BULK_ROWS));
  };
  const figures = await rounds(5, { plain: run("plain"), streamed: run("streamed") });
  return [
    held(
      "50,000 rows in one INSERT, stream",
      figures.streamed,
      { name: "unaudited", figures: figures.plain },
      {
        unit: "ms",
        target: { ratio: 1.1, is: "at most" },
      },
    ),
  ];
}
