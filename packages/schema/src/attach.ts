import type { CaptureMode } from "@scidex/audit-core";
import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "./database.ts";
import { type AttachResult, type Changes, type Fallback, resultOf } from "./attach-result.ts";
import { inLockedTransaction, LOCK_DEFAULTS, type LockOptions } from "./locked-transaction.ts";
import { preparePublication } from "./prepare-publication.ts";
import { oneRow } from "./set-up/one-row.ts";

/**
 * Options of `attach`. What is left out stays as it is; at first: sealed, refuse, nothing excluded, the primary key, the
 * fallback `pending`.
 */
export interface AttachOptions extends LockOptions {
  readonly mode?: CaptureMode | undefined;
  readonly changes?: Changes | undefined;
  /** Columns that are noise and are not covered. */
  readonly exclude?: readonly string[] | undefined;
  /** Columns that identify a row: unique and NOT NULL. Default: the primary key. */
  readonly key?: readonly string[] | undefined;
  /** The events' kind. Default: the table's name without its schema. */
  readonly kind?: string | undefined;
  /**
   * Whether payloads are hashed with 16 random bytes of the row (core's `saltedHash`), which go when the row is retired or erased:
   * for values that could be guessed. Decided when the kind is first attached; default: no.
   */
  readonly salt?: boolean | undefined;
  /**
   * Whether the events' keys are blinded (core's `blindKey`) under a secret of the table, for keys that are personal data.
   * Decided when the kind is first attached; default: no.
   */
  readonly blindKey?: boolean | undefined;
  /** For strict tables. Default: `pending`. */
  readonly fallback?: Fallback | undefined;
  /** How old rows must be to be retired, as an ISO 8601 duration, or `none`. Default: `none`. */
  readonly retention?: string | undefined;
}

export const ATTACH_DEFAULTS = LOCK_DEFAULTS;

/** What `planAttach` found: nothing was locked or changed. */
export interface AttachPlan {
  readonly relation: string;
  /** The statement that does it, for a migration written in SQL. */
  readonly statement: string;
  /** The body of the capture function that would be made. */
  readonly captureFunction: string;
  readonly warnings: readonly string[];
}

const array = (values: readonly string[] | undefined) =>
  values === undefined
    ? sql`null::text[]`
    : values.length === 0
      ? sql`'{}'::text[]`
      : sql`array[${sql.join(
          values.map((v) => sql`${v}::text`),
          sql`, `,
        )}]`;

/**
 * Attaches a table: capture and guard triggers, in a transaction of its own. Waits for running writers only for
 * `lockTimeoutMs` at a time, so that it never makes a queue behind a long transaction.
 *
 * @param table the table's name as SQL writes it, with its schema where it is not on the search path
 * @throws the database's error:
 * - `AC003` a kind that is taken or reserved;
 * - `AC005` no usable key;
 * - `0A000` salt in the mode stream, or with another key than at first;
 * - `22023` blindKey or salt other than at first; a retention that is none;
 * - `42809` not a table that can be audited;
 * - `55000` the server is not set up for the mode `stream`; `AC002` no capture process follows the table's publication;
 * - `55P03` the table's lock could not be taken, or capture has not linked what was written before
 */
export async function attach(db: AnyPgDatabase, table: string, options: AttachOptions = {}): Promise<AttachResult> {
  if (options.mode === "stream") await preparePublication(db, table);
  return await inLockedTransaction(db, options, async (tx) =>
    resultOf(
      await tx
        .select({ result: sql<AttachResult | string>`a.result` })
        .from(
          sql`(select public.audit_chain_attach(${table}::regclass, ${options.mode ?? null}::text, ${options.changes ?? null}::text, ${array(options.exclude)}, ${array(options.key)}, ${options.kind ?? null}::text, ${options.salt ?? null}::boolean, ${options.blindKey ?? null}::boolean, ${options.fallback ?? null}::text, ${options.retention ?? null}::text) as result) as a`,
        ),
    ),
  );
}

/** Removes capture and guards. The detachment is chained; rows chained before stay checked. */
export async function detach(db: AnyPgDatabase, table: string, options: LockOptions = {}): Promise<void> {
  await inLockedTransaction(
    db,
    options,
    async (tx) => await tx.execute(sql`select public.audit_chain_detach(${table}::regclass)`),
  );
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** What `attach` would do, and what would go wrong, without taking a lock or changing anything. */
export async function planAttach(db: AnyPgDatabase, table: string, options: AttachOptions = {}): Promise<AttachPlan> {
  return await db.transaction(
    async (tx) => {
      const relation = sql`${table}::regclass`;
      const exclude = array(options.exclude ?? []);
      await tx.execute(sql`select public.audit_chain_check_attachable(${relation})`);
      const rows = await tx
        .select({
          relation: sql<string>`p.relation`,
          source: sql<string>`p.source`,
          warnings: sql<readonly string[] | string>`p.warnings`,
        })
        .from(
          sql`(select t.qualified as relation,
                 public.audit_chain_capture_source(coalesce(${options.kind ?? null}::text, t.relname), t.qualified, public.audit_chain_key_columns(t.oid, ${array(options.key)}),
                   public.audit_chain_covered_columns(t.oid, ${exclude}), public.audit_chain_covered_columns(t.oid, ${exclude}), '{}'::jsonb, ${options.changes ?? "refuse"}::text, ${options.mode ?? "sealed"}::text,
                   t.relkind = 'p' or ${options.changes ?? "refuse"}::text = 'track', ${options.blindKey ?? false}::boolean, ${options.salt ?? false}::boolean) as source,
                 public.audit_chain_attach_warnings(t.oid, public.audit_chain_covered_columns(t.oid, ${exclude}), ${options.changes ?? null}::text) as warnings
               from (select c.oid, c.relkind, c.relname::text as relname, pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname)) as qualified
                       from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.oid = ${relation}) as t) as p`,
        );
      const row = oneRow(rows);
      const named = [
        ...(options.mode === undefined ? [] : [`mode => ${literal(options.mode)}`]),
        ...(options.changes === undefined ? [] : [`changes => ${literal(options.changes)}`]),
        ...(options.exclude === undefined
          ? []
          : [`exclude => array[${options.exclude.map(literal).join(", ")}]::text[]`]),
        ...(options.key === undefined ? [] : [`key => array[${options.key.map(literal).join(", ")}]::text[]`]),
        ...(options.kind === undefined ? [] : [`kind => ${literal(options.kind)}`]),
        ...(options.salt === undefined ? [] : [`salt => ${options.salt}`]),
        ...(options.blindKey === undefined ? [] : [`blind_key => ${options.blindKey}`]),
        ...(options.fallback === undefined ? [] : [`fallback => ${literal(options.fallback)}`]),
        ...(options.retention === undefined ? [] : [`retention => ${literal(options.retention)}`]),
      ];
      return {
        relation: row.relation,
        statement: `select public.audit_chain_attach(${[literal(row.relation), ...named].join(", ")});`,
        captureFunction: row.source,
        warnings: typeof row.warnings === "string" ? (JSON.parse(row.warnings) as string[]) : row.warnings,
      };
    },
    { isolationLevel: "read committed", accessMode: "read only" },
  );
}
