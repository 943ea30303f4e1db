/**
 * What can go wrong with a test server, as a closed set:
 *
 * - `no_binaries`: no PostgreSQL binaries for this machine are installed, or they cannot be run.
 * - `server_failed`: PostgreSQL did not start, stopped by itself, or did not stop; the message ends with its log.
 * - `no_server`: none of the ways to get a server worked; the message says what was tried.
 * - `wrong_setting`: an environment variable or an option has a value that means nothing.
 */
export type TestkitErrorCode = "no_binaries" | "server_failed" | "no_server" | "wrong_setting";

/** Every error that the testkit raises itself; errors of PostgreSQL and its driver pass through as they are. */
export class TestkitError extends Error {
  override readonly name = "TestkitError";
  readonly code: TestkitErrorCode;

  constructor(code: TestkitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
