import { CommanderError } from "commander";
import { describeLostConnection } from "./describe-lost-connection.ts";
import { EXIT } from "./exit-code.ts";

/** What a command says of an error, and how it ends. */
export interface Description {
  readonly code: string;
  readonly message: string;
  readonly exit: 2 | 3;
}

/** 2 for what was used or configured wrongly, 3 for everything else. The message may have passwords in it still. */
export function describeError(error: unknown): Description {
  if (error instanceof CommanderError) {
    const isBare = error.code === "commander.help";
    const message = isBare ? "a command is missing" : error.message.replace(/^error: /, "");
    return { code: "usage", message, exit: EXIT.usage };
  }
  if (!(error instanceof Error)) return { code: "failed", message: String(error), exit: EXIT.failed };
  const code = "code" in error && typeof error.code === "string" ? error.code : "failed";
  const isOurs = code === "usage" || code === "configuration";
  const lost = isOurs ? undefined : describeLostConnection(error);
  if (lost !== undefined) return { code: "unavailable", message: lost, exit: EXIT.failed };
  return { code, message: messageOf(error), exit: isOurs ? EXIT.usage : EXIT.failed };
}

/** An error's message; for one of our own mistakes (a TypeError, say) with where it happened, to be reported. */
function messageOf(error: Error): string {
  // Several addresses of one host were tried: the message is empty, those of the single attempts are not.
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join("; ");
  }
  const isBug = [TypeError, RangeError, ReferenceError, SyntaxError].some((type) => error instanceof type);
  return isBug && !("code" in error) ? (error.stack ?? String(error)) : error.message || error.name;
}
