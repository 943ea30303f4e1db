import {
  chainHash,
  eventHash,
  FrontierBuilder,
  formatTime,
  type Frontier,
  generateKeyFile,
  jsonForm,
  jsonText,
  leafHash,
  leafText,
  parseKeyFile,
  sameBytes,
  signHead,
} from "@scidex/audit-core";
import { type HeadLog, type Trust, verify, type VerifyOptions } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { type BenchDatabase, sealAll } from "./database.ts";
import { type Measurement, median, milliseconds, ratioOf, rounds } from "./measure.ts";
import { peakMemory } from "./peak-memory.ts";

/** Heads that are published while the chain grows. Each costs two signatures to check, 0.3 ms. */
const HEADS = 100;

/** Rows of the way that verification is compared with: it is slow, and its rate does not depend on their number. */
const CURSOR_ROWS = 200_000;

/** Verification, against what it costs to get the same rows out of the server at all. */
export async function benchVerify(db: BenchDatabase, rows: number): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, action text not null, n int, created_at timestamptz not null default now())`;
  await db.attach("events", { mode: "sealed" });
  const publisher = new Publisher(sql, Math.max(1, Math.floor(rows / HEADS)));
  const quarter = Math.floor(rows / 4);
  await grow(sql, quarter);
  await publisher.publish();
  const memoryBefore = peakMemory(db.url, publisher.lines, publisher.keys);
  await grow(sql, rows - quarter);
  await publisher.publish();
  await sql`vacuum analyze`;
  const trust: Trust = { heads: [publisher.log], keys: publisher.keys };
  const run = (trusted: Trust, options: VerifyOptions) => async () =>
    await milliseconds(async () => {
      const { report } = await verify(sql, trusted, options);
      if (report.status !== "intact")
        throw new Error(
          `the benchmark's own database does not verify: ${jsonText(jsonForm(report.firstDivergence ?? report.unproven))}`,
        );
    });
  const figures = await rounds(3, {
    drainChain: async () =>
      await milliseconds(
        async () => await drain(sql, "copy (select * from public.audit_chain order by seq) to stdout (format binary)"),
      ),
    heads: run(trust, { checks: ["links", "heads"] }),
    links: run({}, { checks: ["links", "heads"], allowUnanchored: true }),
    drainTable: async () =>
      await milliseconds(async () => await drain(sql, "copy (select * from public.events) to stdout")),
    sources: run({}, { checks: ["sources"] }),
    rows: run(trust, { checks: ["links", "heads", "sources"] }),
    access: run(trust, { checks: ["links", "heads", "sources", "access"] }),
    cursor: async () => (await milliseconds(async () => await walk(sql))) * (rows / Math.min(rows, CURSOR_ROWS)),
  });
  const plain = await run(trust, { checks: ["links", "heads"], plain: true })();
  const memory = peakMemory(db.url, publisher.lines, publisher.keys);
  const speed = (ms: readonly number[]) => median(ms.map((one) => rows / (one / 1000)));
  const count = rows.toLocaleString("en");
  const drained = { name: "draining the same COPY", value: speed(figures.drainChain) };
  return [
    {
      name: `links and heads, ${count} rows, ${HEADS} heads`,
      value: speed(figures.heads),
      unit: "rows/s",
      against: drained,
      ratio: ratioOf(figures.drainChain, figures.heads),
      target: { ratio: 0.5, is: "at least" },
      note: "moonshot 0.9",
    },
    {
      name: "the same without heads",
      value: speed(figures.links),
      unit: "rows/s",
      against: drained,
      ratio: ratioOf(figures.drainChain, figures.links),
    },
    {
      name: "links and heads",
      value: speed(figures.heads),
      unit: "rows/s",
      against: { name: "a cursor of row objects, hashed one by one", value: speed(figures.cursor) },
      ratio: ratioOf(figures.cursor, figures.heads),
      target: { ratio: 4, is: "at least" },
    },
    {
      name: "links and heads, row by row (--plain)",
      value: rows / (plain / 1000),
      unit: "rows/s",
      against: drained,
      ratio: median(figures.drainChain) / plain,
    },
    {
      name: `sources, ${count} rows`,
      value: speed(figures.sources),
      unit: "rows/s",
      against: { name: "draining the text COPY of the table", value: speed(figures.drainTable) },
      ratio: ratioOf(figures.drainTable, figures.sources),
      target: { ratio: 0.3, is: "at least" },
      note: "moonshot 0.8",
    },
    {
      name: "links, heads, sources and access (one unique index)",
      value: median(figures.access),
      unit: "ms",
      against: { name: "the same without access", value: median(figures.rows) },
      ratio: ratioOf(figures.access, figures.rows),
      target: { ratio: 1.5, is: "at most" },
    },
    {
      name: `peak memory of audit-verify, ${count} rows`,
      value: memory.megabytes,
      unit: "MB",
      against: { name: `that of ${quarter.toLocaleString("en")} rows`, value: memoryBefore.megabytes },
      ratio: memory.megabytes / memoryBefore.megabytes,
      // Of 4 million, at most 200 MB and the same as of 1 million.
      ...(rows < 4_000_000 ? {} : { target: { ratio: 1.2, is: "at most" as const } }),
      note: `at most 200 MB; ${memory.isBuilt ? "from the built package" : "from source: a build needs about 80 MB less"}`,
    },
  ];
}

export async function grow(sql: Sql, rows: number): Promise<void> {
  for (let done = 0; done < rows; done += 100_000) {
    const part = Math.min(100_000, rows - done);
    await sql`insert into events (actor, action, n) select 'agent-' || g, 'wrote a paragraph', g from generate_series(1, ${part}) as g`;
    await sealAll(sql);
  }
}

async function drain(sql: Sql, query: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of await sql.unsafe(query).readable()) bytes += (chunk as Buffer).length;
  return bytes;
}

interface Row {
  readonly seq: string;
  readonly event_kind: string;
  readonly event_pk: string;
  readonly payload_hash: Buffer;
  readonly event_hash: Buffer;
  readonly prev_hash: Buffer;
  readonly chain_hash: Buffer;
  readonly before_hash: Buffer | null;
  readonly micros: string;
}

const columns = `seq::text, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash,
  (extract(epoch from appended_at) * 1000000)::bigint::text as micros`;

/** How one would write it first: row objects from a cursor, each hashed and compared. */
async function walk(sql: Sql): Promise<void> {
  const query = `select ${columns} from public.audit_chain order by public.audit_chain.seq limit ${CURSOR_ROWS}`;
  for await (const rows of sql.unsafe<Row[]>(query).cursor(1000)) {
    for (const row of rows) {
      const event = eventHash({
        eventKind: row.event_kind,
        eventPk: row.event_pk,
        payloadHash: row.payload_hash,
        beforeHash: row.before_hash,
        appendedAt: formatTime(BigInt(row.micros)),
      });
      const chain = chainHash(row.prev_hash, event, BigInt(row.seq));
      if (!sameBytes(event, row.event_hash) || !sameBytes(chain, row.chain_hash)) throw new Error("a broken link");
    }
  }
}

/** Signs heads of the chain as it grows, into a log in memory: after every so many links, and the last. */
export class Publisher {
  readonly #sql: Sql;
  readonly #every: number;
  readonly #file = generateKeyFile("example.org/bench");
  readonly #tree = new FrontierBuilder();
  readonly lines: string[] = [];

  constructor(sql: Sql, every: number) {
    this.#sql = sql;
    this.#every = every;
  }

  get keys(): readonly string[] {
    return this.#file.vkeys;
  }

  get log(): HeadLog {
    const { lines } = this;
    return {
      name: "memory",
      async *read() {
        for (const [i, text] of lines.entries()) yield { number: i + 1, text, defect: null };
      },
    };
  }

  /** Publishes every so many links, and the last one. */
  async publish(): Promise<void> {
    const keys = parseKeyFile(this.#file.text);
    const time = BigInt(Math.floor(Date.now() / 1000));
    let last: { leaf: Parameters<typeof signHead>[0]["leaf"]; before: Frontier } | undefined;
    const query = `select ${columns} from public.audit_chain where seq > ${this.#tree.size} order by public.audit_chain.seq`;
    for await (const rows of this.#sql.unsafe<Row[]>(query).cursor(1000)) {
      for (const row of rows) {
        const leaf = {
          seq: BigInt(row.seq),
          eventKind: row.event_kind,
          eventPk: row.event_pk,
          payloadHash: row.payload_hash,
          beforeHash: row.before_hash,
          chainHash: row.chain_hash,
          appendedAt: formatTime(BigInt(row.micros)),
        };
        last = { leaf, before: this.#tree.frontier() };
        this.#tree.append(leafHash(leafText(leaf)));
        if (Number(leaf.seq) % this.#every !== 0) continue;
        this.lines.push(signHead({ keys, ...last, time }));
        last = undefined;
      }
    }
    if (last !== undefined) this.lines.push(signHead({ keys, ...last, time }));
  }
}
