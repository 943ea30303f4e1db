import { type Command, CommanderError } from "commander";
import { CommandError } from "./command-error.ts";
import { jsonText } from "@scidex/audit-core";
import { escapeMessage } from "./escape-text.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { withName } from "./fleet/databases.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { requireOwnFiles } from "./fleet/require-apart.ts";
import { type FleetRun, runFleet } from "./fleet/run-fleet.ts";
import { describeError } from "./describe-error.ts";
import { isWriteToLostConnection } from "./describe-lost-connection.ts";
import { clearProgress } from "./progress.ts";
import { redact } from "./redact.ts";
import { isClosedPipe, writeOut } from "./write-out.ts";

/**
 * What a finished command says about what it found, after its report has been printed. `EXIT.tampered` can come
 * from here only.
 */
export interface Outcome {
  readonly exit: ExitCode;
}

/** What {@link runCommand} hands to those who define commands. */
export interface CommandContext {
  /** Aborted by SIGINT, SIGTERM and SIGHUP, and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
  /**
   * Makes an action for commander of a function that may return an {@link Outcome}. A command that returns without one
   * has done its work (exit 0), unless it was interrupted (exit 3).
   */
  readonly run: <A extends readonly unknown[]>(
    action: (...args: A) => Promise<Outcome | void>,
  ) => (...args: A) => Promise<void>;
  /** Lets the action be run once for each of these databases. To be called before it, by a hook. */
  readonly over: (fleet: Fleet, how?: { readonly isGoingOn: boolean }) => void;
}

/**
 * Runs a command line to its end, and ends the process: the single way in for every command.
 *
 * - 0, 1, 3 and 4 as the {@link Outcome} says; `--help` and `--version` are 0.
 * - 2 for what commander does not understand, and for errors whose `code` is `usage` or `configuration`.
 * - 3 for everything else: any other error, an unhandled rejection, a promise that never settles, a signal, a
 *   `process.exit` that someone else calls. Never 1, whatever happens.
 *
 * An error is one `error: …` on stderr, without passwords and terminal escapes; with `--json` among the arguments,
 * stdout carries `{"error":{"code","message"}}` too.
 *
 * A module that cannot be loaded makes Node end with 1 before any of this runs. An executable therefore loads
 * everything else dynamically:
 *
 * ```ts
 * #!/usr/bin/env node
 * try {
 *   const { requireNode } = await import("@scidex/audit-command/node-version");
 *   requireNode();
 *   const { main } = await import("./main.ts"); // main = () => runCommand(…)
 *   await main();
 * } catch (error) {
 *   console.error("error:", error instanceof Error ? error.message : error);
 *   process.exitCode = 3;
 * }
 * ```
 *
 * @param define makes the command, subcommands included, from the context.
 */
export async function runCommand(
  define: (context: CommandContext) => Command | Promise<Command>,
  argv: readonly string[] = process.argv,
): Promise<void> {
  const end = new End(wantsJson(argv));
  const stop = new AbortController();
  end.guard(stop);
  let outcome: Outcome | undefined;
  let several: Pick<FleetRun, "fleet" | "isGoingOn"> | undefined;
  const { signal } = stop;
  const context: CommandContext = {
    signal,
    run:
      (action) =>
      async (...args) => {
        if (several === undefined) {
          outcome = (await action(...args)) ?? undefined;
          return;
        }
        for (const options of args) if (isOptions(options)) requireOwnFiles(options, several.fleet.members.length);
        const exit = await runFleet({ ...several, isJson: wantsJson(argv), signal }, async ({ name }) => {
          const done = await action(...forMember(args, name));
          if (done === undefined) signal.throwIfAborted();
          return done?.exit ?? EXIT.ok;
        });
        outcome = { exit };
      },
    over: (fleet, { isGoingOn } = { isGoingOn: false }) => {
      several = { fleet, isGoingOn };
    },
  };
  try {
    const command = await define(context);
    prepare(command);
    await command.parseAsync([...argv]);
    if (outcome === undefined) stop.signal.throwIfAborted();
    await end.with(outcome?.exit ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) await end.with(EXIT.ok);
    // After an interruption, whatever the action throws is its consequence.
    else await end.withError(stop.signal.aborted ? (stop.signal.reason as unknown) : error);
  }
}

/** An action's arguments as they are for one member: `{name}` in options is its name. */
function forMember<A extends readonly unknown[]>(args: A, name: string): A {
  const named = (value: unknown): unknown => (typeof value === "string" ? withName(value, name) : value);
  const of = (arg: unknown): unknown =>
    isOptions(arg) ? Object.fromEntries(Object.entries(arg).map(([option, value]) => [option, named(value)])) : arg;
  return args.map(of) as unknown as A;
}

/** Commander hands options over as a plain object. */
const isOptions = (arg: unknown): arg is Readonly<Record<string, unknown>> =>
  typeof arg === "object" &&
  arg !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(arg) as object | null);

/** Commander neither ends the process nor prints errors; that is done in one place for all kinds of them. */
function prepare(command: Command): void {
  command.exitOverride();
  command.configureOutput({ outputError: () => {} });
  for (const child of command.commands) prepare(child);
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}

/** How this process ends: decided once, and then kept against whatever else happens. */
class End {
  readonly #json: boolean;
  #exit: ExitCode | undefined;
  #hasFailed = false;

  constructor(json: boolean) {
    this.#json = json;
  }

  guard(stop: AbortController): void {
    // The last word: Node itself says 1 for an uncaught exception and 13 for a promise that never settles.
    process.on("exit", () => {
      process.exitCode = this.#exit ?? EXIT.failed;
    });
    const crash = (error: unknown): void => void this.withError(error);
    process.on("uncaughtException", (error) => {
      if (!isWriteToLostConnection(error)) crash(error);
    });
    process.on("unhandledRejection", crash);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(name, () => {
        // Whoever asks twice does not want to wait for a clean end.
        if (stop.signal.aborted) process.exit(EXIT.failed);
        stop.abort(new CommandError("interrupted", `interrupted by ${name}`));
      });
    }
    process.stdout.on("error", (error) => {
      if (isClosedPipe(error)) stop.abort(READER_GONE);
      else crash(new CommandError("output_closed", `cannot write to stdout: ${error.message}`, { cause: error }));
    });
    // Nowhere is left to say it.
    process.stderr.on("error", () => {});
  }

  async with(exit: ExitCode): Promise<void> {
    // What went wrong in the background outweighs what a report says.
    if (!this.#hasFailed) this.#exit = exit;
    clearProgress();
    await Promise.all([drained(process.stdout), drained(process.stderr)]);
    // Whatever a command leaves open (an idle connection, say) must not keep it from ending.
    process.exit();
  }

  async withError(reason: unknown): Promise<void> {
    const { code, message, exit } = describeError(reason);
    if (!this.#hasFailed) this.#exit = exit;
    this.#hasFailed = true;
    clearProgress();
    // `… | head` has what it wanted; a message about it would only be noise.
    if (reason !== READER_GONE) await this.#report(code, redact(message));
    await this.with(exit);
  }

  async #report(code: string, message: string): Promise<void> {
    process.stderr.write(`error: ${escapeMessage(message)}\n`);
    if (!this.#json) return;
    try {
      await writeOut(`${jsonText({ error: { code, message } })}\n`);
    } catch {
      // stderr and the exit code have said it.
    }
  }
}

const READER_GONE = new CommandError("output_closed", "nobody reads the output any more");

/** Resolves when everything that was written has left the process, or cannot leave it any more. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write("", () => resolve());
  });
}
