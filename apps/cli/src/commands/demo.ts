import { once } from "node:events";
import { CommandError, type CommandContext, EXIT, escapeText, type Outcome, writeOut } from "@scidex/audit-command";
import { jsonText } from "@scidex/audit-core";
import { Command } from "commander";
import { EXECUTABLES, loadDemo } from "../demo.ts";

interface Options {
  readonly keep?: boolean;
  readonly port?: number;
  readonly json?: boolean;
}

const HELP = `
It starts a PostgreSQL of its own (from npm, nothing is installed), writes real rows, publishes a signed head, and then
does what an attacker with full rights could do: edit a row, delete one, cut the chain's tail, rewrite it completely.
The package @scidex/audit-demo has to be installed beside this one.
Exit code 0 when every attack was found and every clean state was called clean, else 3.

Examples:
  $ audit-chain demo
  $ audit-chain demo --keep --port 54320`;

/** `audit-chain demo`: everything end to end. */
export function demoCommand(context: CommandContext): Command {
  return new Command("demo")
    .description("Shows everything end to end on an embedded PostgreSQL: real rows in, head out, each attack found.")
    .option("--keep", "keep the server running afterwards, until Ctrl-C, to look around")
    .option("--port <port>", "the server's port on 127.0.0.1; default: a free one", parsePort)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new CommandError("usage", `--port is ${JSON.stringify(text)}; expected a number from 1 to 65535`);
}

async function run({ signal }: CommandContext, { keep, port, json }: Options): Promise<Outcome> {
  const { playDemo, Stage } = await loadDemo();
  const say = json === true ? async (): Promise<void> => {} : (line: string): Promise<void> => writeOut(`${line}\n`);
  await using stage = await Stage.set({ executables: EXECUTABLES, port, signal });
  const result = await playDemo(stage, { say, signal });
  const right = result.steps.filter(({ verdict }) => verdict.right).length;
  await say("");
  await say(`${right} of ${result.steps.length} verdicts are right; ${(result.duration_ms / 1000).toFixed(1)} s`);
  if (json === true) await writeOut(`${jsonText(result)}\n`);
  if (keep === true) {
    const file = await stage.writeEnvironment();
    process.stderr.write(
      `The server keeps running until Ctrl-C. To look around, in another terminal:\n  . ${escapeText(file)}\n  audit-chain status\n`,
    );
    if (!signal.aborted) await once(signal, "abort");
  }
  return { exit: result.ok ? EXIT.ok : EXIT.failed };
}
