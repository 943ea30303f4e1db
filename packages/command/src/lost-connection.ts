/** Error codes of the driver and of the system, and SQLSTATEs, by which the end of a connection shows. */
const LOST = /^(?:08|57P0[123]|CONNECTION_(?:CLOSED|DESTROYED|ENDED)|ECONNRESET|EPIPE|COPY_IN_PROGRESS)/u;

/**
 * What to say of an error that tells that the connection to the database has ended; undefined for any other. One of them
 * is `COPY_IN_PROGRESS`: so the driver (postgres 3.4) answers its own ROLLBACK where a COPY ended with its connection.
 */
export function lostConnection(error: Error): string | undefined {
  if (!("code" in error) || typeof error.code !== "string" || !LOST.test(error.code)) return undefined;
  // The server says such things of its own connections to others, too; that ends a statement, and not the session.
  if ("severity" in error && error.severity !== "FATAL" && error.severity !== "PANIC") return undefined;
  return `the connection to the database was lost (${error.message}): the server was stopped, or it ended this session; try again`;
}

/**
 * Whether an uncaught error is the driver's, which writes a ROLLBACK to a connection that has gone. Whoever asked for the
 * transaction is told of the loss all the same, and decides what comes of it: a daemon goes on. The client must be ended,
 * though: when it connects again, it would begin with what it could not write.
 */
export function isWriteToLostConnection(error: unknown): boolean {
  return error instanceof TypeError && /\bnextWrite \(.*[/\\]postgres[/\\].*\bconnection\.js:/u.test(error.stack ?? "");
}
