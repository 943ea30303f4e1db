import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where Debian and Ubuntu keep programs that are not on the path. */
const FOLDERS = [15, 16, 17, 18, 14].map((major) => `/usr/lib/postgresql/${major}/bin`);

/**
 * Runs one of PostgreSQL's own programs on a database, and gives back what it printed. Where it is not installed, that
 * is an error: a check that was not made has not passed.
 */
export async function runProgram(name: string, url: string, args: readonly string[], input = ""): Promise<string> {
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...FOLDERS];
  const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate));
  if (path === undefined)
    throw new Error(
      `${name} is not installed; on Debian and Ubuntu it comes with postgresql-client or postgresql-contrib`,
    );
  const { hostname, port, username, password, pathname } = new URL(url);
  const child = spawn(path, args, {
    env: {
      ...process.env,
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: decodeURIComponent(username),
      PGPASSWORD: decodeURIComponent(password),
      PGDATABASE: decodeURIComponent(pathname.slice(1)),
    },
  });
  child.stdin.on("error", () => {}).end(input);
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${errors.slice(0, 4_000)}`);
  return output;
}
