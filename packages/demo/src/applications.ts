import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CommandError } from "@scidex/audit-command";

/** What the demo starts, each as a process of its own. */
export type Application = "audit-chain" | "audit-backfill" | "audit-publisher" | "audit-verify";

/**
 * Where the applications' executables are, as file URLs. They are given by whoever shows the demo: it depends on the
 * demo, and so the demo cannot depend on it.
 */
export type Executables = Readonly<Record<Application, string>>;

/** No process of the demo takes longer, in milliseconds: one that does will not end by itself. */
const LONGEST = 120_000;

/** How a process ended. */
export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
}

/**
 * Runs an executable as a process that knows nothing but the variables it is given.
 *
 * @throws {CommandError} `failed`, with what it said on stderr, when it ends in another way than `accept` has it
 */
export async function application(
  name: Application,
  args: readonly string[],
  options: {
    readonly executables: Executables;
    readonly env: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    /** Whether the process has ended as it should; default: with exit code 0. */
    readonly accept?: (ended: Ended) => boolean;
  },
): Promise<Ended> {
  const { executables, env, signal, accept = ({ exit }) => exit === 0 } = options;
  const tooLong = AbortSignal.timeout(LONGEST);
  const inherited = Object.entries(process.env).filter(([variable]) => !/^(?:AUDIT_|DATABASE_URL$|PG)/.test(variable));
  const argv = [...process.execArgv, fileURLToPath(executables[name]), ...args];
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
