import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program without blocking: a registry may be served by this process. */
export async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once("error", reject).once("close", resolve),
  );
  return { code, output };
}

/** The output of a program that ends well. */
export async function succeed(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const { code, output } = await run(program, args, env);
  assert.equal(code, 0, `${program} ${args.join(" ")}:\n${output}`);
  return output;
}
