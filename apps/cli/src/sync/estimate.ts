import { CommandError } from "@scidex/audit-command";
import { sqlState } from "@scidex/audit-core";
import type { Sql } from "postgres";
import { ageText } from "../text/age.ts";
import type { Step } from "./plan.ts";

/** What recording a table's rows anew would take, at most: rows that still fit are not recorded. */
export interface Estimate {
  readonly links: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Links of all tables together from which on `sync` wants to be told to go on. */
const MANY_LINKS = 10_000_000;
/** Of a link with its two indexes, where the chain is too short to say. Measured with keys of seven digits. */
const BYTES_A_LINK = 400;
/** From how many links on the chain's own size says it. */
const ENOUGH_LINKS = 10_000;
/** What a publication compares, records and looks at again, on two cores. */
const LINKS_A_SECOND = 15_000;

/**
 * What each step would have recorded anew by the next publication, by its table. Rows are what the server's planner takes
 * from its statistics (`reltuples`) and the table's size; nothing is counted.
 */
export async function estimateRecording(sql: Sql, steps: readonly Step[]): Promise<ReadonlyMap<string, Estimate>> {
  const recording = steps.filter(
    ({ kind, differences }) => kind !== null && differences.some(({ records }) => records),
  );
  const estimates = new Map<string, Estimate>();
  if (recording.length === 0) return estimates;
  const bytes = await bytesALink(sql);
  for (const { table } of recording) {
    const links = await estimatedRows(sql, table);
    if (links !== null)
      estimates.set(table, { links, bytes: Math.round(links * bytes), seconds: Math.ceil(links / LINKS_A_SECOND) });
  }
  return estimates;
}

/**
 * Asks whether so much is meant.
 *
 * @throws {CommandError} `usage` for more than ten million links, unless `--yes` was said
 */
export function checkAmount(estimates: ReadonlyMap<string, Estimate>, yes: boolean): void {
  const all = sumOf([...estimates.values()]);
  if (yes || all.links <= MANY_LINKS) return;
  throw new CommandError(
    "usage",
    `the next publication would record rows anew, ${estimateText(all)} of ${[...estimates.keys()].join(", ")} (${HOW}). Say --yes if that is meant; --dry-run says it of each table`,
  );
}

/** How it was estimated. */
export const HOW =
  "estimated from the server's statistics and the size of the chain's links, at 15,000 links a second; rows that still fit are not recorded";

export const sumOf = (estimates: readonly Estimate[]): Estimate => ({
  links: estimates.reduce((sum, { links }) => sum + links, 0),
  bytes: estimates.reduce((sum, { bytes }) => sum + bytes, 0),
  seconds: estimates.reduce((sum, { seconds }) => sum + seconds, 0),
});

export const estimateText = ({ links, bytes, seconds }: Estimate): string =>
  `up to ${links.toLocaleString("en")} links, ${bytesText(bytes)}, ${ageText(seconds)}`;

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

function bytesText(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** unit;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit] ?? ""}`;
}

async function bytesALink(sql: Sql): Promise<number> {
  const [row] = await sql<{ links: string; bytes: string }[]>`
    select c.reltuples::text as links, pg_catalog.pg_total_relation_size(c.oid)::text as bytes
      from pg_catalog.pg_class as c where c.oid = 'public.audit_chain'::regclass`;
  const links = Number(row?.links ?? 0);
  return links < ENOUGH_LINKS ? BYTES_A_LINK : Number(row?.bytes) / links;
}

/**
 * How many rows the server takes a table to have: its statistics alone know nothing of a table that was never analyzed.
 *
 * @param table as SQL writes it
 */
async function estimatedRows(sql: Sql, table: string): Promise<number | null> {
  try {
    const [row] = await sql.unsafe<{ "QUERY PLAN": string | readonly Planned[] }[]>(
      `explain (format json) select from ${table} as t`,
    );
    const text = row?.["QUERY PLAN"];
    const [planned] = typeof text === "string" ? (JSON.parse(text) as Planned[]) : (text ?? []);
    return planned?.Plan["Plan Rows"] ?? null;
  } catch (error) {
    // No right to read it: attach says so.
    if (error instanceof Error && sqlState(error) !== undefined) return null;
    throw error;
  }
}

interface Planned {
  readonly Plan: { readonly "Plan Rows": number };
}
