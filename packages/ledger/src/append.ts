import { randomUUID } from "node:crypto";
import { checkNewEvent, type LedgerEvent, type NewEvent } from "./event/event.ts";
import { sign } from "./event/hmac.ts";
import { ledgerOf, type LedgerSource } from "./store/ledger.ts";
import { LedgerSecrets } from "./event/secrets.ts";
import { signedText } from "./event/signed-text.ts";
import { formatIso, MAX_MICROS, parseStored, systemClock } from "./event/timestamp.ts";

export interface AppendOptions {
  /** Default: from `AUDIT_LEDGER_SALT` and `AUDIT_LEDGER_SALT_PREVIOUS`. */
  readonly secrets?: LedgerSecrets;
  /** Microseconds since the Unix epoch; default: the system clock. */
  readonly clock?: () => bigint;
}

/**
 * Records an event at the end of its agent's chain and returns it. The table is created if it is not there.
 *
 * Appends of one agent are taken in turn, over all processes. SQLite does so by a write transaction, PostgreSQL by an
 * advisory lock of the agent, held until the transaction ends (the caller's, if one was given).
 *
 * The event's time is the clock's. Where the clock has not moved on or was set back, it is one microsecond after the
 * agent's newest, because the Python verifier reads rows in the order of their times.
 *
 * @throws {LedgerError} `no_secret`, `invalid_event`, `unreachable`, `busy`, `isolation`, `damaged_chain`, `closed`
 */
export async function appendEvent(
  db: LedgerSource,
  event: NewEvent,
  options: AppendOptions = {},
): Promise<LedgerEvent> {
  const { secrets = LedgerSecrets.fromEnvironment(process.env), clock = systemClock } = options;
  const checked = checkNewEvent(event);
  const { signing } = await secrets.keys();
  return ledgerOf(db).store.append(checked.agent_id, (tail) => {
    const unsigned = {
      id: randomUUID(),
      timestamp: formatIso(nextTime(tail.newest, clock())),
      ...checked,
      prev_hmac: tail.hmac,
    };
    return { ...unsigned, hmac: sign(signing, signedText(unsigned)) };
  });
}

function nextTime(newest: string | null, now: bigint): bigint {
  // A stored time that cannot be read has been tampered with; verifyChain says so, and recording goes on.
  const before = newest === null ? null : parseStored(newest);
  const next = before !== null && before >= now ? before + 1n : now;
  return next > MAX_MICROS ? MAX_MICROS : next;
}
