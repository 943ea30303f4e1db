import { LedgerError } from "./errors.ts";
import { exported } from "./export.ts";
import { type Ledger, type LedgerSource, ledgerOf, openLedger } from "./store/ledger.ts";
import type { LedgerSecrets } from "./event/secrets.ts";
import type { EventFilter } from "./store/store.ts";
import { parseRfc3339 } from "./event/timestamp.ts";
import { verifyChain } from "./verify/verify.ts";

/** How many events a page has if the request does not say. */
export const DEFAULT_LIMIT = 100;
/** A larger `limit` is read as this. */
export const MAX_LIMIT = 500;

export interface AuditHandlerOptions {
  /** An open ledger, or where it is. Default: `AUDIT_LEDGER_DB`, opened for each request and closed after it. */
  readonly db?: LedgerSource | string;
  /** Default: from the environment; without a secret `chain_valid` is null. */
  readonly secrets?: LedgerSecrets;
  /** Whether the request may see events at all; what it refuses is answered with 403. Default: everything may. */
  readonly authorize?: (request: Request) => boolean | Promise<boolean>;
}

/**
 * A read-only view of the ledger as a standard function from Request to Response, to be mounted on any server.
 *
 * `GET …/audit?agent_id&session_id&from&to&limit&offset`, each at most once: RFC 3339 times, `from` inclusive, `to`
 * exclusive; 200 with `{"events":[…],"total":N,"chain_valid":true|false|null}`, events ordered by time and id. `chain_valid`
 * is about the agent's whole chain, whatever page is shown; it is null without `agent_id` and without a secret.
 * A cut tail is not seen here: that takes anchors (`audit-ledger verify`).
 *
 * 400 for a parameter that is not understood, 403, 404 for another path, 405, 503 where the ledger cannot be read; the body is
 * `{"error":"…"}`. Judging reads the agent's whole chain, so mount it where only those who may ask can.
 */
export function createAuditHandler(options: AuditHandlerOptions = {}): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    if (!/\/audit\/?$/.test(url.pathname)) return failure(404, "there is nothing here: the path ends in /audit");
    if (request.method !== "GET" && request.method !== "HEAD")
      return failure(405, "only GET is possible", { allow: "GET, HEAD" });
    try {
      if (options.authorize !== undefined && !(await options.authorize(request))) return failure(403, "not allowed");
      const query = parseQuery(url.searchParams);
      const body = await answer(options, query);
      return json(200, request.method === "HEAD" ? null : body);
    } catch (error) {
      if (error instanceof LedgerError && error.code === "invalid_filter") return failure(400, error.message);
      // What went wrong inside (paths, hosts) is not the client's business.
      return failure(503, "the ledger cannot be read");
    }
  };
}

interface Query {
  readonly filter: EventFilter;
  readonly limit: number;
  readonly offset: number;
}

const PARAMETERS = new Set(["agent_id", "session_id", "from", "to", "limit", "offset"]);

function parseQuery(search: URLSearchParams): Query {
  for (const name of search.keys()) {
    if (!PARAMETERS.has(name))
      throw new LedgerError("invalid_filter", `there is no parameter of this name: use ${[...PARAMETERS].join(", ")}`);
    if (search.getAll(name).length > 1) throw new LedgerError("invalid_filter", `${name} is given more than once`);
  }
  const given = (name: string): string | undefined => {
    const value = search.get(name);
    if (value?.includes("\0") === true) throw new LedgerError("invalid_filter", `${name} must not contain NUL`);
    return value === null || value === "" ? undefined : value;
  };
  const [agent, session, from, to] = [given("agent_id"), given("session_id"), given("from"), given("to")];
  return {
    filter: {
      ...(agent === undefined ? {} : { agent_id: agent }),
      ...(session === undefined ? {} : { session_id: session }),
      ...(from === undefined ? {} : { from: parseRfc3339(from, "from") }),
      ...(to === undefined ? {} : { to: parseRfc3339(to, "to") }),
    },
    limit: Math.min(MAX_LIMIT, whole("limit", given("limit"), DEFAULT_LIMIT, 1)),
    offset: whole("offset", given("offset"), 0, 0),
  };
}

function whole(name: string, text: string | undefined, fallback: number, least: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new LedgerError("invalid_filter", `${name} must be a whole number from ${least} on`);
  return value;
}

async function answer(options: AuditHandlerOptions, { filter, limit, offset }: Query): Promise<object> {
  const opened: Ledger | null = typeof options.db === "object" ? null : openLedger(options.db, { access: "read" });
  try {
    const ledger = opened ?? ledgerOf(options.db as LedgerSource);
    if (!(await ledger.store.hasTable())) throw new LedgerError("missing_table", "there is no table audit_events");
    const { rows, total } = await ledger.store.page(filter, limit, offset);
    return { events: rows.map(exported), total, chain_valid: await judge(ledger, options.secrets, filter.agent_id) };
  } finally {
    await opened?.close();
  }
}

async function judge(
  ledger: Ledger,
  secrets: LedgerSecrets | undefined,
  agentId: string | undefined,
): Promise<boolean | null> {
  if (agentId === undefined) return null;
  try {
    const report = await verifyChain(ledger, agentId, secrets === undefined ? {} : { secrets });
    return report.valid;
  } catch (error) {
    if (error instanceof LedgerError && error.code === "no_secret") return null;
    throw error;
  }
}

const HEADERS = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

function json(status: number, body: object | null, headers: Record<string, string> = {}): Response {
  return new Response(body === null ? null : JSON.stringify(body), { status, headers: { ...HEADERS, ...headers } });
}

function failure(status: number, error: string, headers: Record<string, string> = {}): Response {
  return json(status, { error }, headers);
}
