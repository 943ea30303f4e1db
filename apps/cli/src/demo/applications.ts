import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CommandError } from "@scidex/audit-command";

/** The executables that the demo starts, each as a process of its own. */
const EXECUTABLES = {
  "audit-chain": () => cliUrl(),
  "audit-backfill": () => import.meta.resolve("@scidex/audit-backfill/cli"),
  "audit-publisher": () => import.meta.resolve("@scidex/audit-publisher/cli"),
  "audit-verify": () => import.meta.resolve("@scidex/audit-verifier/cli"),
} as const;

export type Application = keyof typeof EXECUTABLES;

/** This package's own executable. */
const cliUrl = (): string => import.meta.resolve("@scidex/audit-cli/cli");

/** No process of the demo takes longer, in milliseconds: one that does will not end by itself. */
const LONGEST = 120_000;

/** How a process ended. */
export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
}

/**
 * Runs an application as a process that knows nothing but the variables it is given.
 *
 * @throws CommandError `failed`, with what it said on stderr, when it ends in another way than `accept` has it
 */
export async function application(
  name: Application,
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    /** Whether the process has ended as it should; default: with exit code 0. */
    readonly accept?: (ended: Ended) => boolean;
  },
): Promise<Ended> {
  const { env, signal, accept = ({ exit }) => exit === 0 } = options;
  const tooLong = AbortSignal.timeout(LONGEST);
  const inherited = Object.entries(process.env).filter(([variable]) => !/^(?:AUDIT_|DATABASE_URL$|PG)/.test(variable));
  const argv = [...process.execArgv, fileURLToPath(EXECUTABLES[name]()), ...args];
  const child = spawn(process.execPath, argv, {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([signal, tooLong]),
    // Whoever interrupts the demo wants it to end; the server that the process works on is thrown away.
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exit = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => {
      const reason = `${name} ${args.join(" ")} did not end within ${LONGEST / 1000} s`;
      reject(tooLong.aborted && !signal.aborted ? new CommandError("failed", reason, { cause: error }) : error);
    });
    child.once("close", resolve);
  });
  if (!accept({ exit, stdout })) {
    const said = (stderr || stdout).trim();
    throw new CommandError("failed", `${name} ${args.join(" ")} ended with ${exit ?? "a signal"}: ${said}`);
  }
  return { exit, stdout };
}
