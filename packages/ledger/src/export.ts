import { decodeRow, MEMBERS, type RawRow } from "./event/event.ts";
import { LedgerError } from "./errors.ts";
import { ledgerOf, type LedgerSource } from "./store/ledger.ts";
import type { EventFilter } from "./store/store.ts";

export type ExportFormat = "jsonl" | "csv";

/**
 * Writes the fitting events, ordered by time and id, as text: JSON lines (an event each, its twelve members in order) or CSV
 * (RFC 4180: a header, CRLF). Gives back how many there were. Rows whose columns do not have the type they must have are
 * written as well, in JSON as they are and in CSV as text: an export leaves nothing out.
 *
 * @throws {LedgerError} `missing_table`, `unreachable`, `busy`, `closed`
 */
export async function exportEvents(
  db: LedgerSource,
  format: ExportFormat,
  filter: EventFilter,
  write: (text: string) => Promise<void>,
): Promise<number> {
  const { store } = ledgerOf(db);
  if (!(await store.hasTable())) throw new LedgerError("missing_table", "the database has no table audit_events");
  let events = 0;
  if (format === "csv") await write(csvLine(MEMBERS));
  await store.batches(filter, async (rows) => {
    events += rows.length;
    const lines = rows.map((row) =>
      format === "csv" ? eventToCsv(exported(row)) : `${JSON.stringify(exported(row))}\n`,
    );
    await write(lines.join(""));
  });
  return events;
}

type Plain = string | number | boolean | null;

/** The event; the columns as they are where the row is not a valid event. */
export function exported(row: RawRow): Readonly<Record<(typeof MEMBERS)[number], Plain>> {
  const { id, timestamp, agent_id, session_id, operation, input_hash, output_hash } = row;
  return (
    decodeRow(row) ?? {
      id: plain(id),
      timestamp: plain(timestamp),
      agent_id: plain(agent_id),
      session_id: plain(session_id),
      operation: plain(operation),
      input_hash: plain(input_hash),
      output_hash: plain(output_hash),
      model_used: plain(row.model_used),
      human_oversight_flag: plain(row.human_oversight_flag),
      risk_flag: plain(row.risk_flag),
      prev_hmac: plain(row.prev_hmac),
      hmac: plain(row.hmac),
    }
  );
}

/** What a SQLite column of any type holds, as JSON can hold it; bytes as `\\x` and hex. */
function plain(value: unknown): Plain {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

function eventToCsv(event: ReturnType<typeof exported>): string {
  return csvLine(MEMBERS.map((name) => event[name]));
}

/**
 * One CSV record. null is an empty field and the empty text is `""`. A text gets an apostrophe before it if a
 * spreadsheet would take it for a formula, or if it begins with an apostrophe itself. Taking one off gives back exactly
 * what was recorded.
 */
export function csvLine(fields: readonly Plain[]): string {
  return `${fields.map(csvField).join(",")}\r\n`;
}

// = + - @ begin a formula, also in their full-width forms; white space before one of them is skipped by some programs.
const FORMULA = /^['=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]|^\s+[=+\-@\uff1d\uff0b\uff0d\uff20]/u;

function csvField(value: Plain): string {
  if (value === null) return "";
  const text = String(value);
  const guarded = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
  return guarded === "" || /[",\r\n]/.test(guarded) || guarded.trim() !== guarded
    ? `"${guarded.replaceAll('"', '""')}"`
    : guarded;
}
