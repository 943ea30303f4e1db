import { connectionLoss } from "@scidex/audit-core";

/** The driver (postgres 3.4) answers its own ROLLBACK with it where a COPY ended with its connection. */
const IN_COPY = "COPY_IN_PROGRESS";

/** What to say of an error that tells that the connection to the database has ended; undefined for any other. */
export function describeLostConnection(error: Error): string | undefined {
  const isInCopy = "code" in error && error.code === IN_COPY;
  if (!isInCopy && connectionLoss(error) !== "ended") return undefined;
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
