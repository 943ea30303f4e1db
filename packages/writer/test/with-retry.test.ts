import { sqlState } from "@scidex/audit-core";
import type { AnyPgDatabase } from "@scidex/audit-schema";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { append, RETRY_DEFAULTS, withRetry, WriterError } from "../src/index.ts";
import { expectIntact } from "./chain.ts";
import { type Opened, SERVERS } from "./databases.ts";

const NO_DELAY = { delayMs: 0 };
const SERIALIZABLE = { ...NO_DELAY, transaction: { isolationLevel: "serializable" } } as const;
const REPEATABLE_READ = { ...NO_DELAY, transaction: { isolationLevel: "repeatable read" } } as const;

/** A statement that the server refuses with the given state. */
const failing = (state: string, message = "on purpose") =>
  sql.raw(`do $$ begin raise exception using errcode = '${state}', message = '${message}'; end $$`);

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each(SERVERS)("over drizzle with %s, withRetry", (name, open) => {
  let opened: Opened;
  let db: AnyPgDatabase;

  beforeAll(async () => {
    opened = await open();
    ({ db } = opened);
    await db.execute(sql`create table counter (n int not null)`);
  });

  beforeEach(async () => {
    await db.execute(sql`truncate counter`);
    await db.execute(sql`insert into counter values (0)`);
  });

  afterAll(() => opened.close());

  const count = async (tx: AnyPgDatabase): Promise<number> => {
    const [row] = await tx.select({ n: sql<string>`n::text` }).from(sql`counter`);
    return Number(row?.n);
  };

  test("returns what the work returns, and runs it once", async () => {
    let runs = 0;
    const result = await withRetry(db, async (tx) => {
      runs++;
      await tx.execute(sql`update counter set n = n + 1`);
      return "done";
    });
    expect([result, runs, await count(db)]).toEqual(["done", 1, 1]);
  });

  test("runs a transaction again whose statement meets another's update", async () => {
    let runs = 0;
    const read = await withRetry(
      db,
      async (tx) => {
        const before = await count(tx);
        if (++runs === 1) await db.execute(sql`update counter set n = 10`);
        await tx.execute(sql`update counter set n = n + 1`);
        return before;
      },
      REPEATABLE_READ,
    );
    expect([read, runs, await count(db)]).toEqual([10, 2, 11]);
  });

  test("runs a transaction again that only its commit refuses", async () => {
    let runs = 0;
    let finished = 0;
    const addSum = (tx: AnyPgDatabase) => tx.execute(sql`insert into counter select sum(n) + 1 from counter`);
    await withRetry(
      db,
      async (tx) => {
        runs++;
        await addSum(tx);
        if (runs === 1) await db.transaction(addSum, { isolationLevel: "serializable" });
        finished++;
      },
      SERIALIZABLE,
    );
    expect([runs, finished]).toEqual([2, 2]);
    expect(await db.select({ n: sql<string>`string_agg(n::text, ' ' order by n)` }).from(sql`counter`)).toEqual([
      { n: "0 1 2" },
    ]);
  });

  test("appends an event after all whose transaction had an old snapshot", async () => {
    const before = (await expectIntact(db)).length;
    let runs = 0;
    const receipt = await withRetry(
      db,
      async (tx) => {
        await count(tx);
        if (++runs === 1) await append(db, { kind: "between", pk: 1, payload: 1 });
        return await append(tx, { kind: "retried", pk: 1, payload: 1 });
      },
      REPEATABLE_READ,
    );
    expect(runs).toBe(2);
    const links = await expectIntact(db);
    expect(links).toHaveLength(before + 2);
    expect(links.at(-1)).toMatchObject({ seq: receipt.seq, eventKind: "retried" });
  });

  test("brings every one of eight that count together to its end", async () => {
    const increment = () =>
      withRetry(
        db,
        async (tx) => {
          const n = await count(tx);
          await tx.execute(sql`update counter set n = ${n + 1}`);
        },
        { ...SERIALIZABLE, attempts: 1000, delayMs: 20, maxDelayMs: 20 },
      );
    await Promise.all(Array.from({ length: 8 }, increment));
    expect(await count(db)).toBe(8);
  });

  test.each(["40001", "40P01", "55P03"])(
    "runs a transaction again after %s, also as a cause of a cause",
    async (state) => {
      let runs = 0;
      await withRetry(
        db,
        async (tx) => {
          await tx.execute(sql`update counter set n = n + 1`);
          if (++runs === 1) await tx.execute(failing(state));
          if (runs === 2) {
            const error = await rejection(tx.execute(failing(state)));
            throw new Error("wrapped", { cause: new Error("again", { cause: error }) });
          }
        },
        NO_DELAY,
      );
      expect([runs, await count(db)]).toEqual([3, 1]);
    },
  );

  test.each(["23505", "22012", "25P02", "57014", "42501"])(
    "does not run a transaction again after %s",
    async (state) => {
      let runs = 0;
      const error = await rejection(
        withRetry(db, async (tx) => {
          runs++;
          await tx.execute(failing(state));
        }),
      );
      expect([runs, sqlState(error)]).toEqual([1, state]);
    },
  );

  test("passes on at once what the work itself throws", async () => {
    const ours = new Error("on purpose");
    let runs = 0;
    const failed = withRetry(db, async () => {
      runs++;
      throw ours;
    });
    expect(await rejection(failed)).toBe(ours);
    expect(runs).toBe(1);
    const conflict = withRetry(db, async (tx) => {
      await append(tx, { kind: "conflict", pk: 1, payload: 1 });
      await append(tx, { kind: "conflict", pk: 1, payload: 2 });
    });
    expect(await rejection(conflict)).toMatchObject({ name: "WriterError", code: "conflict" });
  });

  test("passes on what the last attempt has failed with", async () => {
    let runs = 0;
    const error = await rejection(
      withRetry(
        db,
        async () => {
          runs++;
          throw new WriterError("retry", `attempt ${runs}`);
        },
        { ...NO_DELAY, attempts: 3 },
      ),
    );
    expect(error).toMatchObject({ message: "attempt 3" });
    expect(runs).toBe(3);
    runs = 0;
    await rejection(withRetry(db, (tx) => (runs++, tx.execute(failing("40001"))), NO_DELAY));
    expect(runs).toBe(RETRY_DEFAULTS.attempts);
  });

  test("does not run a transaction again whose connection is lost", async () => {
    let runs = 0;
    const error = await rejection(
      withRetry(db, async (tx) => {
        runs++;
        await tx.execute(sql`update counter set n = n + 1`);
        const lost = rejection(tx.execute(sql`select pg_terminate_backend(pg_backend_pid())`));
        // The driver rejects the transaction itself. Were the work to fail as well, it would write to the closed socket.
        if (name === "postgres") await lost.then(() => new Promise<never>(() => {}));
        throw await lost;
      }),
    );
    expect(error).toBeInstanceOf(Error);
    expect([runs, await count(db)]).toEqual([1, 0]);
  });

  test("gives each attempt the isolation level that is asked for", async () => {
    const levels: unknown[] = [];
    await withRetry(
      db,
      async (tx) => {
        levels.push(await tx.select({ level: sql`current_setting('transaction_isolation')` }).from(sql`counter`));
        if (levels.length === 1) await tx.execute(failing("40001"));
      },
      SERIALIZABLE,
    );
    expect(levels).toEqual([[{ level: "serializable" }], [{ level: "serializable" }]]);
  });

  test.each([{ attempts: 0 }, { attempts: Number.NaN }, { delayMs: -1 }, { maxDelayMs: Number.POSITIVE_INFINITY }])(
    "runs nothing with %o",
    async (options) => {
      let runs = 0;
      expect(await rejection(withRetry(db, async () => runs++, options))).toBeInstanceOf(RangeError);
      expect(runs).toBe(0);
    },
  );
});
