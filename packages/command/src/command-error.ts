import { CodedError } from "@scidex/audit-core";
import { EXIT } from "./exit-code.ts";

/**
 * Why a command ended without doing its work:
 *
 * - `usage`: the command line makes no sense (exit 2).
 * - `configuration`: an environment variable or a file that it names is missing or wrong (exit 2).
 * - `unavailable`: a database, sink or service cannot be reached, does not let us in, or has gone (exit 3).
 * - `interrupted`: a signal asked us to stop (exit 3).
 * - `output_closed`: nobody reads our output any more, or it cannot be written (exit 3).
 * - `failed`: everything else (exit 3).
 */
export type CommandErrorCode = "usage" | "configuration" | "unavailable" | "interrupted" | "output_closed" | "failed";

/** An error that a command reports to its user: the message says what was read and what is expected. */
export class CommandError extends CodedError<CommandErrorCode> {
  override readonly name = "CommandError";

  /** Never 1: that code belongs to finished reports. */
  get exit(): 2 | 3 {
    return this.code === "usage" || this.code === "configuration" ? EXIT.usage : EXIT.failed;
  }
}
