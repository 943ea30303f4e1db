/**
 * How it shows that there is no connection to the database: `ended`, it was there and has gone; `not_made`, it could not
 * be had.
 */
export type ConnectionLoss = "ended" | "not_made";

/**
 * Codes of a connection that has ended.
 *
 * | code | from | meaning |
 * | --- | --- | --- |
 * | `08…` | server | class 08, connection exception |
 * | `25P03`, `25P04` | server | the transaction was idle or open for longer than the session may have one |
 * | `57P01` … `57P05` | server | shut down, crashed, starting or stopping, the database dropped, the session idle for too long |
 * | `CONNECTION_…` | `postgres` | closed, destroyed, or ended by the client |
 * | `ECONNABORTED`, `ECONNRESET`, `EPIPE` | system | the other end has closed it, or died |
 * | `EHOSTUNREACH`, `ENETUNREACH`, `ETIMEDOUT` | system | the network between has gone |
 *
 * SQLSTATEs are those of appendix A of PostgreSQL's documentation.
 */
const ENDED =
  /^(?:08[0-9A-Z]{3}|25P0[34]|57P0[1-5]|CONNECTION_(?:CLOSED|DESTROYED|ENDED)|ECONN(?:ABORTED|RESET)|EPIPE|E(?:HOST|NET)UNREACH|ETIMEDOUT)$/u;

/** What `pg` says without a code. */
const ENDED_MESSAGE =
  /^(?:Connection terminated|Client has encountered a connection error and is not queryable|Client was closed and is not queryable)/u;

/** Codes that only an attempt to connect has: of the system's resolver and sockets, and of `postgres`. */
const NOT_MADE = /^(?:CONNECT_TIMEOUT|ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/u;

/** What `pg` says without a code where its own time limit is over. */
const NOT_MADE_MESSAGE = /^(?:timeout expired|timeout exceeded when trying to connect)$/u;

/**
 * Whether an error of a database driver (`postgres`, `pg`) or of the system says that there is no connection; undefined
 * for any other. Causes are not looked at: an error that wraps another is another.
 *
 * The server says the same of its own connections to others (`dblink`, `postgres_fdw`), with the severity ERROR. That
 * ends a statement, and not the session; FATAL and PANIC end it. `pg` gives the severity in the server's language: what
 * it calls anything else than ERROR counts as a loss.
 */
export function connectionLoss(error: unknown): ConnectionLoss | undefined {
  if (!(error instanceof Error)) return undefined;
  if (!("code" in error)) return lossOf(error.message, ENDED_MESSAGE, NOT_MADE_MESSAGE);
  if ("severity" in error && error.severity === "ERROR") return undefined;
  const loss = lossOf(String(error.code), ENDED, NOT_MADE);
  // The same system codes stand for a connection that was never there.
  return loss !== undefined && "syscall" in error && error.syscall === "connect" ? "not_made" : loss;
}

function lossOf(text: string, ended: RegExp, notMade: RegExp): ConnectionLoss | undefined {
  if (ended.test(text)) return "ended";
  return notMade.test(text) ? "not_made" : undefined;
}
