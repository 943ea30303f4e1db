import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import { createDatabase } from "@scidex/audit-testkit";
import postgres from "postgres";
import { expect, test } from "vitest";
import { append, appendMany, withRetry } from "../src/index.ts";
import { expectIntact, pendingCount } from "./chain.ts";
import { CHAIN } from "./databases.ts";

const CONNECTIONS = 64;
const EACH = 6;

test.each(["read committed", "repeatable read", "serializable"] as const)(
  "64 connections that append at once to an empty chain under %s, beside an idle REPEATABLE READ session, leave one chain with every event",
  async (isolationLevel) => {
    await using database = await createDatabase({ template: CHAIN });
    const client = postgres(database.url, { max: CONNECTIONS, onnotice: () => {} });
    const db = drizzle(client);
    const idle = postgres(database.url, { max: 1, onnotice: () => {} });
    await idle`begin isolation level repeatable read`;
    await idle`select count(*) from audit_chain`;
    // Everyone is connected before anyone starts.
    await Promise.all(Array.from({ length: CONNECTIONS }, () => client`select pg_sleep(0.2)`));

    const acknowledged = new Map<string, bigint>();
    const worker = async (w: number): Promise<void> => {
      for (let i = 0; i < EACH; i++) {
        const receipts = await withRetry(
          db,
          async (tx) => {
            if (i % 3 === 2) await tx.execute(sql`select count(*) from public.senate_alerts`);
            const events = [0, 1].map((part) => ({ kind: `w${w}`, pk: `${i}.${part}`, payload: part }));
            if (i % 2 === 1) return await appendMany(tx, events);
            const [first, second] = events;
            if (first === undefined || second === undefined) throw new Error("there are two");
            return [await append(tx, first), await append(tx, second)];
          },
          { attempts: 10_000, delayMs: 50, maxDelayMs: 50, transaction: { isolationLevel } },
        );
        for (const [part, { seq }] of receipts.entries()) acknowledged.set(`w${w} ${i}.${part}`, seq);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, w) => worker(w)));

    const links = await expectIntact(db);
    expect(links).toHaveLength(CONNECTIONS * EACH * 2);
    expect(new Map(links.map((l) => [`${l.eventKind} ${l.eventPk}`, l.seq]))).toEqual(
      new Map([...acknowledged].toSorted((a, b) => Number(a[1] - b[1]))),
    );
    expect(await pendingCount(db)).toBe(0);
    await idle`commit`;
    await idle.end();
    await client.end();
  },
);
