import { type LockUser, readChainLock } from "@scidex/audit-command";
import type { Sql } from "postgres";

/** How long a session may hold the chain's lock idle in its transaction, and a prepared transaction at all: milliseconds. */
export const LOCK_IDLE_MS = 60_000;

/** Who held the chain's lock for longer than allowed. */
export interface LockHolder {
  /** Null for a prepared transaction. */
  readonly pid: number | null;
  /** The name (gid) of a prepared transaction. */
  readonly prepared: string | null;
  readonly user: string | null;
  readonly application: string | null;
  /** How long it has held the lock without doing anything; null where that is not visible. */
  readonly idleSeconds: number | null;
  /** Whether the publisher has ended it. */
  readonly ended: boolean;
  /** The same in a sentence, with what to do. */
  readonly message: string;
}

/**
 * Ends each session that holds the chain's lock and has been idle in its transaction for longer than `idleMs`, where the
 * login may: a member of `pg_signal_backend` that sees other sessions (`pg_read_all_stats`). Nobody can end a prepared
 * transaction from outside but by its name, and whether it is to be committed only its owner knows.
 *
 * @returns those sessions, and the prepared transactions that are older than `idleMs`
 */
export async function freeLock(sql: Sql, idleMs: number): Promise<LockHolder[]> {
  const holders: LockHolder[] = [];
  for (const user of await readChainLock(sql)) {
    if (user.role === "waits") continue;
    const seconds = user.pid === null ? user.seconds : user.idle_seconds;
    if (seconds !== null && seconds * 1_000 >= idleMs) holders.push(await endHolder(sql, user, seconds, idleMs));
  }
  return holders;
}

async function endHolder(sql: Sql, user: LockUser, seconds: number, idleMs: number): Promise<LockHolder> {
  const { pid, prepared, application } = user;
  const [ended, what] = pid === null ? [false, commands(prepared)] : await endSession(sql, pid, idleMs);
  const message = `${describeLockUser(user)} has held the chain's lock for ${Math.round(seconds)} s; ${what}`;
  return { pid, prepared, user: user.user, application, idleSeconds: seconds, ended, message };
}

/** Looks once more in the same statement, so that it ends nobody who has gone on meanwhile. */
async function endSession(sql: Sql, pid: number, idleMs: number): Promise<[ended: boolean, what: string]> {
  try {
    const rows = await sql.unsafe<{ ended: boolean }[]>(
      `select pg_catalog.pg_terminate_backend(a.pid) as ended from pg_catalog.pg_stat_activity as a
        where a.pid = $1::pg_catalog.int4 and pg_catalog.starts_with(a.state, 'idle in transaction')
          and extract(epoch from pg_catalog.clock_timestamp() - a.state_change) * 1000 >= $2::pg_catalog.float8`,
      [pid, idleMs],
    );
    return [true, rows.length === 0 ? "it has gone on by itself" : "ended"];
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "42501")) throw error;
    return [false, `not ended: ${error.message}. Grant pg_signal_backend to this login, or run: ${terminate(pid)}`];
  }
}

/** The sentence for somebody who keeps the sealer waiting, whoever may see what of him. */
export async function describeHolders(sql: Sql): Promise<string> {
  const holders = (await readChainLock(sql)).filter(({ role }) => role === "holds");
  if (holders.length === 0) return "the chain's lock could not be taken";
  return holders
    .map((user) => {
      const end = user.pid === null ? commands(user.prepared) : `to end it: ${terminate(user.pid)}`;
      return `${describeLockUser(user)} holds the chain's lock; ${end}`;
    })
    .join("; ");
}

function describeLockUser({ pid, prepared, user, application, state }: LockUser): string {
  const of = [user, application, state].filter((part) => part !== null && part !== "").join(", ");
  return pid === null
    ? `prepared transaction ${prepared === null ? "" : JSON.stringify(prepared)} (${of})`
    : `session ${pid} (${of})`;
}

const terminate = (pid: number): string => `SELECT pg_terminate_backend(${pid})`;

function commands(prepared: string | null): string {
  const gid = prepared === null ? "…" : prepared.replaceAll("'", "''");
  return `to end it: COMMIT PREPARED '${gid}' or ROLLBACK PREPARED '${gid}'`;
}
