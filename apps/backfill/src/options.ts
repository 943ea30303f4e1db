/** How a backfill is to go about it. */
export interface BackfillOptions {
  /** Tables as SQL writes their names. Default: every attached table that is not complete. */
  readonly tables?: readonly string[] | undefined;
  /** Only rows of these partitions, where one table is given and it is partitioned. Default: all rows. */
  readonly partitions?: readonly string[] | undefined;
  /** The column that says how old a row is. Default: the key. An index on it makes large tables faster. */
  readonly orderBy?: string | undefined;
  /** Rows in one transaction. The chain's lock is held for some 20 ms per 1,000 rows. */
  readonly batch?: number | undefined;
  /** Only count. */
  readonly dryRun?: boolean | undefined;
  /** Chain rows of tables that are complete too; that is recorded, and the verifier reports it. */
  readonly readmit?: boolean | undefined;
  /** Stops after the batch that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch. */
  readonly onProgress?: ((progress: TableProgress) => void) | undefined;
}

export const BACKFILL_DEFAULTS = { batch: 5000 } as const;

/** How far a table is. */
export interface TableProgress {
  readonly table: string;
  /** Rows chained by now. */
  readonly added: number;
  /** Rows that were to be chained at the start. */
  readonly total: number;
}

/** What was done with a table. */
export interface TableResult {
  /** Schema and name as SQL writes them. */
  readonly table: string;
  readonly kind: string;
  /** Rows that the table had at the start. */
  readonly rows: number;
  /** Rows of these that were neither chained nor waiting for the sealer. */
  readonly unchained: number;
  /** Rows that were chained by this run. */
  readonly added: number;
  /** Whether the table is recorded as complete now. */
  readonly complete: boolean;
}

export interface BackfillResult {
  readonly tables: readonly TableResult[];
}
