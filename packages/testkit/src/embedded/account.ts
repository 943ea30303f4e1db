import { accessSync, constants, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { TestkitError } from "../testkit-error.ts";

/** The account that PostgreSQL's processes run as; empty where they run as we do. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * The traditional "nobody". PostgreSQL refuses to run as root, but a numeric id needs no entry in /etc/passwd:
 * no system user is ever created for a test.
 */
const NOBODY = 65_534;

/**
 * The account for PostgreSQL: our own, except for root, where it is the owner of an existing data directory, or
 * else uid and gid 65534.
 */
export function serverAccount(dataDir?: string): Account {
  if (process.getuid?.() !== 0) return {};
  if (dataDir !== undefined) {
    const owner = statSync(dataDir, { throwIfNoEntry: false });
    if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  return { uid: NOBODY, gid: NOBODY };
}

/**
 * A folder for temporary files that `account` can enter: the system's, or another where that one lies below a
 * closed folder (`TMPDIR=/root/tmp`).
 *
 * @throws {TestkitError} `wrong_setting` when there is none.
 */
export function temporaryRoot(account: Account): string {
  const candidates = [tmpdir(), "/tmp", "/var/tmp"];
  const found = candidates.find((folder) => isWritable(folder) && (account.uid === undefined || isOpenToAll(folder)));
  if (found === undefined) {
    throw new TestkitError("wrong_setting", `no usable folder for temporary files; tried ${candidates.join(", ")}`);
  }
  return found;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether every account can pass through `folder` and all folders above it. */
function isOpenToAll(folder: string): boolean {
  const path = resolve(folder);
  if ((statSync(path).mode & constants.S_IXOTH) === 0) return false;
  const parent = dirname(path);
  return parent === path || isOpenToAll(parent);
}
