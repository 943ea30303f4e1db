import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Account } from "./account.ts";
import { type Binaries, program } from "./binaries.ts";
import { TestkitError } from "../testkit-error.ts";

/** Our settings, in a file of their own beside `postgresql.conf`, so that `ALTER SYSTEM` still has the last word. */
const SETTINGS_FILE = "audit-testkit.conf";

/** The superuser's password, so that a kept data directory can be started again. PostgreSQL ignores the file. */
const PASSWORD_FILE = "audit-testkit.password";

/**
 * The environment of PostgreSQL's programs: ours, without what would redirect them (`PGDATA`, `PGPORT`, …), and
 * with messages and sorting that are the same everywhere.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG|NODE_OPTIONS)/.test(name));
  return { ...Object.fromEntries(inherited), LC_ALL: "C" };
}

/**
 * Makes a cluster in `dataDir` if there is none: UTF8, locale C, one superuser `postgres` with a random password
 * (SCRAM). The password is asked for from everyone: `trust` would let in every user of a shared machine.
 *
 * @throws {TestkitError} `server_failed` with initdb's output.
 */
export function initialise(dataDir: string, binaries: Binaries, account: Account): void {
  if (existsSync(join(dataDir, "PG_VERSION"))) return;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  giveTo(dataDir, account);
  const password = randomBytes(24).toString("hex");
  // initdb wants an empty folder: the file has to lie beside it.
  const passwordFile = `${dataDir}.password`;
  try {
    writeFileSync(passwordFile, password, { mode: 0o600, flag: "wx" });
    giveTo(passwordFile, account);
    const args = ["--pgdata", dataDir, "--username", "postgres", "--pwfile", passwordFile];
    const fixed = ["--auth", "scram-sha-256", "--no-locale", "--encoding", "UTF8", "--no-sync"];
    const result = spawnSync(program(binaries, "initdb"), [...args, ...fixed], {
      ...account,
      cwd: dataDir,
      env: serverEnvironment(),
      encoding: "utf8",
    });
    if (result.status !== 0) {
      const output = [result.error?.message, result.stdout, result.stderr].filter(Boolean).join("\n");
      throw new TestkitError("server_failed", `initdb failed in ${dataDir}:\n${output}`);
    }
  } finally {
    rmSync(passwordFile, { force: true });
  }
  appendFileSync(join(dataDir, "postgresql.conf"), `\ninclude_if_exists '${SETTINGS_FILE}'\n`);
  writeFileSync(join(dataDir, PASSWORD_FILE), password, { mode: 0o600 });
  giveTo(join(dataDir, PASSWORD_FILE), account);
}

/** The superuser's password of a cluster that {@link initialise} made. */
export function superuserPassword(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, PASSWORD_FILE), "utf8");
  } catch (cause) {
    throw new TestkitError("wrong_setting", `${dataDir} holds a cluster that the testkit did not make`, { cause });
  }
}

/** Writes the settings that hold from the next start on. */
export function writeSettings(dataDir: string, settings: Readonly<Record<string, string>>, account: Account): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(value)}\n`);
  const path = join(dataDir, SETTINGS_FILE);
  writeFileSync(path, lines.join(""), { mode: 0o600 });
  giveTo(path, account);
}

const quote = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

/** Makes `account` the owner of a file or folder that we made. */
export function giveTo(path: string, account: Account): void {
  if (account.uid === undefined || account.gid === undefined) return;
  if (lstatSync(path).isDirectory()) chmodSync(path, 0o700);
  chownSync(path, account.uid, account.gid);
}
