import { connect as connectTo, createServer, type Server, type Socket } from "node:net";
import { createDatabase } from "@scidex/audit-testkit";
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { drizzle as overPostgres } from "drizzle-orm/postgres-js";
import { Pool } from "pg";
import postgres from "postgres";
import { expect, test } from "vitest";
import { createBatchWriter } from "../src/index.ts";
import { expectIntact } from "./chain.ts";
import { CHAIN } from "./databases.ts";

/** Something between client and server that can break all connections off without a word. */
class Cable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number, host: string) {
    this.#server = createServer((client) => {
      const server = connectTo(port, host);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => this.#sockets.delete(socket));
      }
      client.pipe(server).pipe(client);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

test.each(["postgres", "pg"])(
  "a connection over %s that breaks off without a word fails what was not acknowledged, and nothing else",
  async (driver) => {
    await using database = await createDatabase({ template: CHAIN });
    const url = new URL(database.url);
    const cable = new Cable(Number(url.port), url.hostname);
    url.port = String(await cable.listen());
    url.hostname = "127.0.0.1";
    const client = postgres(url.href, { max: 2, onnotice: () => {} });
    const pool = new Pool({ connectionString: url.href, max: 2 });
    pool.on("error", () => {});
    pool.on("connect", (one) => one.on("error", () => {}));
    const direct = overPostgres(database.sql);
    const writer = createBatchWriter(driver === "pg" ? overPg(pool) : overPostgres(client), {
      maxBatch: 2,
      maxDelayMs: 1,
    });

    const kept = [await writer.append({ kind: "kept", pk: 1, payload: 1 })];
    for (let round = 1; round <= 3; round++) {
      const held = postgres(database.url, { max: 1, onnotice: () => {} });
      await held.begin(async (tx) => {
        // Whoever holds the lock keeps the writer in the middle of its statement.
        await tx`select from audit_chain_lock for update`;
        const lost = Promise.allSettled([1, 2].map((pk) => writer.append({ kind: `lost ${round}`, pk, payload: pk })));
        while (
          (
            await database.sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
          ).length === 0
        );
        cable.cut();
        for (const outcome of await lost) expect(outcome).toMatchObject({ reason: { code: "connection_lost" } });
        await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      });
      await held.end();
      kept.push(await writer.append({ kind: "kept", pk: round + 1, payload: 1 }));
    }
    await writer.close();
    const links = await expectIntact(direct);
    expect(links.map(({ seq }) => seq)).toEqual(kept.map(({ seq }) => seq));
    await pool.end();
    await client.end({ timeout: 1 });
    cable.close();
  },
);
