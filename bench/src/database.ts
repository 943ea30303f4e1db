import { attach, type AttachOptions, migrate } from "@scidex/audit-schema";
import { startEmbedded } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { milliseconds } from "./measure.ts";

/** A database of the benchmark's own, on the server of `AUDIT_DATABASE_URL` or on an embedded one. */
export interface BenchDatabase {
  readonly sql: Sql;
  readonly url: string;
  readonly server: string;
  attach(table: string, options?: AttachOptions): Promise<void>;
  /** A second database on the same server; to be ended before this one. */
  another(): Promise<BenchDatabase>;
  end(): Promise<void>;
}

/** Settings of a server for production on a small machine; what is written is synced. */
const SETTINGS = {
  fsync: "on",
  shared_buffers: "1GB",
  max_wal_size: "8GB",
  max_connections: "200",
  wal_level: "logical",
  max_slot_wal_keep_size: "16GB",
};

export async function benchDatabase(): Promise<BenchDatabase> {
  const given = process.env["AUDIT_DATABASE_URL"];
  const server = given === undefined ? await startEmbedded({ settings: SETTINGS }) : undefined;
  const db = await createOn(given ?? server?.url ?? "", given === undefined ? " (embedded)" : "");
  return {
    ...db,
    end: async () => {
      await db.end();
      await server?.stop();
    },
  };
}

let databases = 0;

async function createOn(url: string, kind: string): Promise<BenchDatabase> {
  const maintenance = postgres(url, { max: 1, onnotice: () => {} });
  const name = `audit_bench_${process.pid}_${++databases}`;
  await maintenance.unsafe(`create database ${name}`);
  const at = new URL(url);
  at.pathname = `/${name}`;
  const sql = postgres(at.href, { max: 4, onnotice: () => {} });
  await migrate(drizzle(sql));
  return {
    sql,
    url: at.href,
    server: `${await describeServer(sql)}${kind}`,
    attach: async (table, options) => {
      await attach(drizzle(sql), table, options);
    },
    another: async () => await createOn(url, kind),
    end: async () => {
      await sql.end();
      await maintenance.unsafe(`drop database ${name} with (force)`);
      await maintenance.end();
    },
  };
}

/** Its version, and whether it compiles queries: with LLVM a cost that is estimated too high is paid for in time. */
async function describeServer(sql: Sql): Promise<string> {
  const [row] = await sql<{ version: string; jit: string; llvm: boolean }[]>`
    select current_setting('server_version') as version, current_setting('jit') as jit, pg_jit_available() as llvm`;
  if (row === undefined) throw new Error("the database returned no row where one is certain");
  return `PostgreSQL ${row.version}, jit ${row.jit}, ${row.llvm ? "with" : "without"} LLVM`;
}

/** `count` clients with a connection each, for as long as `work` takes. */
export async function withClients<T>(
  url: string,
  count: number,
  work: (clients: readonly Sql[]) => Promise<T>,
): Promise<T> {
  const clients = Array.from({ length: count }, () => postgres(url, { max: 1, onnotice: () => {} }));
  try {
    await Promise.all(clients.map(async (client) => await client`select 1`));
    return await work(clients);
  } finally {
    await Promise.all(clients.map(async (client) => await client.end()));
  }
}

/** Transactions a second of all clients together, over `ms` milliseconds; a client repeats what fails with 40001. */
export async function throughput(
  clients: readonly Sql[],
  ms: number,
  transaction: (client: Sql) => Promise<unknown>,
): Promise<number> {
  const start = performance.now();
  let done = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() - start < ms) {
        await transaction(client);
        done++;
      }
    }),
  );
  return done / ((performance.now() - start) / 1000);
}

/** Links all that waits. */
export async function sealAll(sql: Sql): Promise<void> {
  for (let n = 1; n > 0;) n = Number((await sql`select public.audit_chain_seal(10000) as n`)[0]?.["n"] ?? 0);
}

/** How long it takes to write the first `rows` links once more, in milliseconds: the bound of all that makes links. */
export async function copyLinks(sql: Sql, rows: number): Promise<number> {
  await sql`create table same_rows (like public.audit_chain including all)`;
  const figure = await milliseconds(
    async () =>
      await sql`insert into same_rows select * from (select * from public.audit_chain order by seq limit ${rows}) as c`,
  );
  await sql`drop table same_rows`;
  return figure;
}
