import { setTimeout as sleep } from "node:timers/promises";
import { sqlState } from "@scidex/audit-core";
import type { Sql, TransactionSql } from "postgres";
import { BackfillError } from "./errors.ts";
import { BACKFILL_DEFAULTS, type BackfillOptions, type TableResult } from "./options.ts";
import { transaction } from "./session.ts";
import { batchStatement, countStatement, type OrderColumn, type Phase, phases } from "./statements.ts";
import { type Target, targetOf } from "./target.ts";

/** Passes without a row chained after which something is wrong. */
const IDLE_PASSES = 20;

interface Counts {
  readonly rows: number;
  readonly unchained: number;
}

/** Chains what is unchained in one table, and records that it is complete. */
export async function chainTable(sql: Sql, target: Target, options: BackfillOptions): Promise<TableResult> {
  return await new TableBackfill(sql, target, options).run();
}

class TableBackfill {
  readonly #sql: Sql;
  readonly #options: BackfillOptions;
  #target: Target;
  #added = 0;
  #total = 0;

  constructor(sql: Sql, target: Target, options: BackfillOptions) {
    this.#sql = sql;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<TableResult> {
    const order = await this.#orderColumn();
    const counts = await this.#count();
    this.#total = counts.unchained;
    if (this.#options.dryRun !== true) await this.#chain(counts, order);
    return {
      table: this.#target.relation,
      kind: this.#target.kind,
      rows: counts.rows,
      unchained: counts.unchained,
      added: this.#added,
      complete: this.#target.complete,
    };
  }

  async #chain(counts: Counts, order: OrderColumn | undefined): Promise<void> {
    if (this.#target.complete) {
      if (counts.unchained === 0) return;
      if (this.#options.readmit !== true) throw readmitNeeded(this.#target, counts.unchained);
      await this.#record(false);
    }
    let unchained = counts.unchained;
    for (let idle = 0; unchained > 0;) {
      const before = this.#added;
      await this.#pass(order, unchained === counts.rows);
      ({ unchained } = await this.#count());
      if (this.#target.complete) break;
      idle = this.#added > before ? 0 : idle + 1;
      if (unchained === 0 || idle === 0) continue;
      if (idle >= IDLE_PASSES) throw stuck(this.#target, unchained);
      await sleep(50 * idle, undefined, { signal: this.#options.signal });
    }
    // Another backfill may have finished the table meanwhile.
    if (this.#target.complete && unchained > 0) throw readmitNeeded(this.#target, unchained);
    await this.#record(true);
  }

  /** Once through the table, oldest first. */
  async #pass(order: OrderColumn | undefined, isFresh: boolean): Promise<void> {
    for (const source of this.#sources()) {
      for (const phase of phases(await this.#keyColumns(), order)) {
        let position: readonly string[] | undefined;
        do position = await this.#batch(source, phase, position, isFresh);
        while (position !== undefined && !this.#target.complete);
      }
    }
  }

  /** One transaction. Returns where the next one goes on; undefined at the end. */
  async #batch(
    source: string,
    phase: Phase,
    position: readonly string[] | undefined,
    isFresh: boolean,
  ): Promise<readonly string[] | undefined> {
    const target = this.#target;
    const limit = this.#options.batch ?? BACKFILL_DEFAULTS.batch;
    const outcome = await this.#transaction(async (tx) => {
      const [row] = await tx.unsafe<{ taken: number; added: number; position: string | null }[]>(
        batchStatement(target, source, phase, position, limit, isFresh),
      );
      // Whoever changes the configuration needs the chain's lock, which is ours since rows were adopted: what is in
      // force now is in force for them.
      const current = await targetOf(tx, target.relid, target.relation);
      if (row === undefined || current.configId !== target.configId) throw new ConfigurationChanged(current);
      return row;
    });
    if (outcome === undefined) return undefined;
    this.#added += outcome.added;
    this.#options.onProgress?.({ table: target.relation, added: this.#added, total: this.#total });
    return outcome.position === null ? undefined : (JSON.parse(outcome.position) as string[]);
  }

  /** Work on the table; undefined when its configuration has changed, which makes a new pass necessary. */
  async #transaction<T>(work: (tx: TransactionSql) => Promise<T>): Promise<T | undefined> {
    try {
      return await transaction(this.#sql, work, this.#options.signal);
    } catch (error) {
      if (error instanceof ConfigurationChanged) {
        this.#target = error.current;
        return undefined;
      }
      const state = sqlState(error);
      const { relid, relation, configId } = this.#target;
      // The door refuses a table that is complete by now, and columns can be dropped or renamed: look what is in force.
      if (state === "AC002" || state === "42703") {
        this.#target = await transaction(this.#sql, (tx) => targetOf(tx, relid, relation), this.#options.signal);
        if (this.#target.configId !== configId) return undefined;
      }
      if (state === "42703") throw columnsChanged(relation, error);
      throw error;
    }
  }

  /** What its rows are read from, as SQL writes names. */
  #sources(): readonly string[] {
    return this.#options.partitions ?? [this.#target.relation];
  }

  async #count(): Promise<Counts> {
    for (;;) {
      const target = this.#target;
      const sources = this.#sources();
      const counts = await this.#transaction(async (tx) => {
        const sum = { rows: 0, unchained: 0 };
        for (const source of sources) {
          const [row] = await tx.unsafe<{ rows: string; unchained: string }[]>(countStatement(target, source));
          sum.rows += Number(row?.rows);
          sum.unchained += Number(row?.unchained);
        }
        return sum;
      });
      if (counts !== undefined) return counts;
    }
  }

  async #record(complete: boolean): Promise<void> {
    const { relid, relation } = this.#target;
    this.#target = await transaction(
      this.#sql,
      async (tx) => {
        await tx`select public.audit_chain_complete(${relid}::text::oid::regclass, ${complete})`;
        return await targetOf(tx, relid, relation);
      },
      this.#options.signal,
    );
  }

  async #keyColumns(): Promise<OrderColumn[]> {
    const types = await this.#columnTypes();
    return this.#target.keyColumns.map((name) => {
      const type = types.get(name);
      if (type === undefined) throw columnsChanged(this.#target.relation, undefined);
      return { name, type };
    });
  }

  async #orderColumn(): Promise<OrderColumn | undefined> {
    const name = this.#options.orderBy;
    if (name === undefined) return undefined;
    const type = (await this.#columnTypes()).get(name);
    if (type === undefined) {
      throw new BackfillError("unknown_column", `${this.#target.relation} has no column ${name} to order by`);
    }
    return { name, type };
  }

  async #columnTypes(): Promise<Map<string, string>> {
    const rows = await transaction(
      this.#sql,
      (tx) => tx<{ name: string; type: string }[]>`
        select a.attname::text as name, pg_catalog.format_type(a.atttypid, null) as type
          from pg_catalog.pg_attribute as a
         where a.attrelid = ${this.#target.relid}::text::oid and a.attnum > 0 and not a.attisdropped`,
      this.#options.signal,
    );
    return new Map(rows.map(({ name, type }) => [name, type]));
  }
}

/** Rolls a batch back that was hashed under a configuration that is not in force any more. */
class ConfigurationChanged extends Error {
  readonly current: Target;

  constructor(current: Target) {
    super("the configuration has changed");
    this.current = current;
  }
}

const readmitNeeded = (target: Target, unchained: number) =>
  new BackfillError(
    "readmit_needed",
    `${target.relation} is complete, and yet ${unchained} of its rows are not chained: they came in past its trigger. ` +
      "Look with audit-verify which they are, and find out where they come from. To chain them all the same, use " +
      "--readmit, which is recorded, and which audit-verify reports.",
  );

const columnsChanged = (relation: string, cause: unknown) =>
  new BackfillError(
    "columns_changed",
    `columns of ${relation} have been renamed or dropped since it was attached: run audit-chain sync ${relation}, then the backfill`,
    { cause },
  );

const stuck = (target: Target, unchained: number) =>
  new BackfillError("stuck", `${unchained} rows of ${target.relation} stay unchained although nothing is in their way`);
