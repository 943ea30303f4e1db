import { LedgerError } from "../errors.ts";
import { isoOfStored } from "./timestamp.ts";

/** What an event records, in the words of the contract. */
export const OPERATIONS = ["task_start", "llm_call", "tool_call", "task_end"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The twelve members of an event, in the order of every JSON object and CSV line that is written. */
export const MEMBERS = [
  "id",
  "timestamp",
  "agent_id",
  "session_id",
  "operation",
  "input_hash",
  "output_hash",
  "model_used",
  "human_oversight_flag",
  "risk_flag",
  "prev_hmac",
  "hmac",
] as const;

/** A recorded event. Members are named as the columns are, here and in SQL, JSON and CSV. */
export interface LedgerEvent {
  /** UUID v4, lower case. */
  readonly id: string;
  /** `YYYY-MM-DDTHH:MM:SS.ffffffZ`; strictly increasing per agent where this package wrote it. */
  readonly timestamp: string;
  readonly agent_id: string;
  /** OpenTelemetry's `gen_ai.conversation.id`. */
  readonly session_id: string;
  /** One of `OPERATIONS` where this package wrote it; rows of other writers are judged by their HMAC alone. */
  readonly operation: string;
  /** SHA-256 as 64 lower-case hex digits; the content itself is not stored. */
  readonly input_hash: string | null;
  readonly output_hash: string | null;
  /** OpenTelemetry's `gen_ai.request.model`, or the tool's name. */
  readonly model_used: string | null;
  readonly human_oversight_flag: boolean;
  readonly risk_flag: boolean;
  /** The `hmac` of the agent's row before; null for its first. */
  readonly prev_hmac: string | null;
  /** HMAC-SHA256 of the signed text as 64 lower-case hex digits. */
  readonly hmac: string;
}

/** What the caller of `appendEvent` says; the other members are made by it. */
export interface NewEvent {
  readonly agent_id: string;
  readonly session_id: string;
  readonly operation: Operation;
  readonly input_hash?: string | null;
  readonly output_hash?: string | null;
  readonly model_used?: string | null;
  readonly human_oversight_flag?: boolean;
  readonly risk_flag?: boolean;
}

/** At most so many bytes of UTF-8 in `agent_id`, which stands in an index together with a HMAC. */
export const MAX_AGENT_ID_BYTES = 1000;

const HASH = /^[0-9a-f]{64}$/;

/**
 * Text that both databases can hold and every language can sign alike. A lone surrogate has no UTF-8, and PostgreSQL
 * cannot store NUL: both are refused everywhere, so that ledgers can be moved.
 */
function text(name: keyof NewEvent, value: unknown): string {
  if (typeof value !== "string") throw invalid(name, "must be text");
  if (!value.isWellFormed()) throw invalid(name, "must be well-formed Unicode: it has half a surrogate pair");
  if (value.includes("\0")) throw invalid(name, "must not contain NUL");
  return value;
}

function invalid(name: string, why: string): LedgerError {
  return new LedgerError("invalid_event", `${name} ${why}`);
}

function hash(name: "input_hash" | "output_hash", value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const digest = text(name, value);
  if (!HASH.test(digest)) throw invalid(name, "must be 64 lower-case hex digits: hashContent makes them");
  return digest;
}

function flag(name: "human_oversight_flag" | "risk_flag", value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") throw invalid(name, "must be true or false");
  return value;
}

/**
 * Checks what a caller says and fills in the defaults.
 *
 * @throws {LedgerError} `invalid_event`, naming the member
 */
export function checkNewEvent(event: NewEvent): Required<NewEvent> {
  if (typeof event !== "object" || event === null) throw invalid("the event", "must be an object");
  const agent = text("agent_id", event.agent_id);
  if (agent === "") throw invalid("agent_id", "must not be empty");
  if (Buffer.byteLength(agent) > MAX_AGENT_ID_BYTES)
    throw invalid("agent_id", `must have at most ${MAX_AGENT_ID_BYTES} bytes`);
  const operation = OPERATIONS.find((known) => known === event.operation);
  if (operation === undefined) throw invalid("operation", `must be one of ${OPERATIONS.join(", ")}`);
  return {
    agent_id: agent,
    session_id: text("session_id", event.session_id),
    operation,
    input_hash: hash("input_hash", event.input_hash),
    output_hash: hash("output_hash", event.output_hash),
    model_used:
      event.model_used === undefined || event.model_used === null ? null : text("model_used", event.model_used),
    human_oversight_flag: flag("human_oversight_flag", event.human_oversight_flag),
    risk_flag: flag("risk_flag", event.risk_flag),
  };
}

/** A row as a database gives it, before anything about it is believed. SQLite columns can hold any type. */
export type RawRow = Readonly<Record<(typeof MEMBERS)[number], unknown>>;

const nullable = (value: unknown): value is string | null => value === null || typeof value === "string";

/** 0 and 1 on SQLite, true and false on PostgreSQL; a 3 is neither, although it is as true as a 1 to most readers. */
function storedFlag(value: unknown): boolean | null {
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  return null;
}

/** Reads a row; null where a column does not have the type and form that it must have. */
export function decodeRow(row: RawRow): LedgerEvent | null {
  const { id, timestamp, agent_id, session_id, operation, input_hash, output_hash, model_used, prev_hmac, hmac } = row;
  if (typeof id !== "string" || typeof timestamp !== "string" || typeof agent_id !== "string") return null;
  if (typeof session_id !== "string" || typeof operation !== "string" || typeof hmac !== "string") return null;
  if (!nullable(input_hash) || !nullable(output_hash) || !nullable(model_used) || !nullable(prev_hmac)) return null;
  const human_oversight_flag = storedFlag(row.human_oversight_flag);
  const risk_flag = storedFlag(row.risk_flag);
  const iso = isoOfStored(timestamp);
  if (human_oversight_flag === null || risk_flag === null || iso === null) return null;
  return {
    id,
    timestamp: iso,
    agent_id,
    session_id,
    operation,
    input_hash,
    output_hash,
    model_used,
    human_oversight_flag,
    risk_flag,
    prev_hmac,
    hmac,
  };
}
