import {
  type Beginning,
  type Erasure,
  type LinkRange,
  type Seconds,
  type Seq,
  type Statement,
  toHex,
} from "@scidex/audit-core";
import type { PublishedHead } from "../published-head.ts";
import type { LogPart } from "./log-part.ts";

/** A log that has ended, and what the statement says that ended it. */
export interface EarlierLog {
  readonly beginning: Beginning;
  /** When its last head was signed; null where no sink has that head any more. */
  readonly endedAt: Seconds | null;
}

/** A head log that was read. */
interface WithParts {
  /** The logs that follow each other in it. */
  readonly parts: readonly LogPart[];
}

/** What logs that follow each other say together of the chain as it is now. */
export interface JoinedLogs {
  /** The logs that have ended, oldest first. */
  readonly earlier: readonly EarlierLog[];
  /** Links whose times are known to be false. */
  readonly misdated: readonly LinkRange[];
  /** Heads of one sink that the chain has to fit: of an ended log, those up to where the chain is said to fit it. */
  headsOf(log: WithParts): PublishedHead[];
  readonly statements: readonly Statement[];
  readonly erasures: readonly Erasure[];
}

/** Joins the logs that sinks hold. A sink that lags may lack the last ones. */
export function joinLogs(logs: readonly WithParts[]): JoinedLogs {
  const parts = logs.flatMap((log) => log.parts);
  const beginnings = new Map<string, Beginning>();
  for (const { beginning } of parts) if (beginning !== undefined) beginnings.set(toHex(beginning.hash), beginning);
  const ordered = [...beginnings.values()].toSorted((a, b) => a.ended.lines - b.ended.lines);
  const limitOf = ({ origin }: LogPart): Seq | undefined => {
    const ended = ordered.findIndex((one) => one.ended.origin === origin);
    // What a later log does not fit either is lost, too.
    const limits = ended === -1 ? [] : ordered.slice(ended).map(({ fits }) => fits?.seq ?? 0n);
    return limits.reduce<Seq | undefined>(
      (least, seq) => (least === undefined || seq < least ? seq : least),
      undefined,
    );
  };
  const isKept = (part: LogPart) => {
    const limit = limitOf(part);
    return ({ seq }: PublishedHead): boolean => limit === undefined || seq <= limit;
  };
  return {
    earlier: ordered.map((beginning) => ({ beginning, endedAt: endOf(beginning, parts) })),
    misdated: ordered.at(-1)?.misdated ?? [],
    headsOf: (log) => log.parts.flatMap((part) => part.heads.filter(isKept(part))),
    statements: parts.flatMap(({ statements }) => statements),
    erasures: parts.flatMap(({ erasures }) => erasures),
  };
}

function endOf({ ended }: Beginning, parts: readonly LogPart[]): Seconds | null {
  const times = parts
    .filter(({ origin }) => origin === ended.origin)
    .flatMap(({ heads }) => heads.filter(({ seq }) => seq === ended.head.seq).map(({ signedTime }) => signedTime));
  return times.reduce<Seconds | null>((newest, time) => (newest === null || time > newest ? time : newest), null);
}
