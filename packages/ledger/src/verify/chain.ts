// Judging one agent's chain, without a database: rows go in, at most one fault comes out.
//
// Rows are ordered by their links alone: the first is the one whose prev_hmac is null, and each next one names the hmac of
// the row before. Times are not used, because clocks step back and several rows can share one.

/** What is wrong at an event. */
export type BreakReason =
  /** A column does not have the type or form that it must have. */
  | "malformed"
  /** The row fits none of the secrets: a signed member or its HMAC was changed, or it was written without the secret. */
  | "hmac"
  /** The row before it is not there: it was deleted, or filed under another agent. */
  | "missing"
  /** The row belongs to this chain but stands under another agent. */
  | "wrong_agent"
  /** Another row continues from the same predecessor, or is a first row as well. */
  | "fork"
  /** A row with this HMAC is there already. */
  | "duplicate"
  /** The row is only reached from itself. */
  | "cycle"
  /** Fewer rows than have been anchored. */
  | "truncated"
  /** The rows up to this one are not those that have been anchored. */
  | "anchor";

/** What is kept of a row while its chain is judged: some hundred bytes. */
export interface ChainRow {
  readonly id: string;
  readonly prev: string | null;
  readonly hmac: string;
  /** SHA-256 of the signed text, 32 bytes; null where the row is malformed, or nobody asked for it. */
  readonly digest: Uint8Array | null;
  /** What is wrong with the row taken by itself. */
  readonly fault: "malformed" | "hmac" | null;
}

export interface ChainFault {
  readonly id: string;
  readonly reason: BreakReason;
  /** For `missing`: the HMAC that the absent row must have. */
  readonly missing?: string;
}

export interface Walk {
  /** The rows in the order of their links, as far as they can be followed. */
  readonly order: readonly ChainRow[];
  /** The first fault along the links; where the links end early, the first in the order the rows were given. */
  readonly fault: ChainFault | null;
}

/** Orders the rows by their links and finds the first fault. Works in one pass over the rows and one along the links. */
export function walkChain(rows: readonly ChainRow[]): Walk {
  if (isStraight(rows)) return { order: rows, fault: null };
  const successors = new Map<string | null, ChainRow[]>();
  const byHmac = new Map<string, ChainRow>();
  const duplicates = new Set<ChainRow>();
  // Sound rows first: a row that was given another row's HMAC must not take its place.
  const sound = rows.filter((row) => row.fault === null);
  for (const row of [...sound, ...rows.filter((row) => row.fault !== null)]) {
    if (byHmac.has(row.hmac)) {
      // A copy leads where the original leads: it is a finding, but never a link.
      duplicates.add(row);
      continue;
    }
    byHmac.set(row.hmac, row);
    const siblings = successors.get(row.prev);
    if (siblings === undefined) successors.set(row.prev, [row]);
    else siblings.push(row);
  }

  const order: ChainRow[] = [];
  const reached = new Set<ChainRow>();
  let fault: ChainFault | null = null;
  let prev: string | null = null;
  for (;;) {
    const candidates: readonly ChainRow[] = successors.get(prev) ?? [];
    const next = chooseNext(candidates, successors);
    if (next === undefined || reached.has(next)) break;
    // Siblings are judged where they branch off, whichever of them the walk goes on with.
    fault ??= siblingFault(candidates, next);
    for (const row of candidates) reached.add(row);
    order.push(next);
    prev = next.hmac;
  }
  if (fault !== null) return { order, fault };
  for (const row of rows) {
    if (duplicates.has(row)) return { order, fault: { id: row.id, reason: row.fault ?? "duplicate" } };
    if (reached.has(row)) continue;
    if (row.fault !== null) return { order, fault: { id: row.id, reason: row.fault } };
    if (row.prev !== null && !byHmac.has(row.prev))
      return { order, fault: { id: row.id, reason: "missing", missing: row.prev } };
  }
  // What is left follows a row that was not reached either, without any beginning.
  const circle = rows.find((row) => !reached.has(row));
  return { order, fault: circle === undefined ? null : { id: circle.id, reason: "cycle" } };
}

/** Whether the rows are sound, and stand in the order of their links already, as they nearly always do. */
function isStraight(rows: readonly ChainRow[]): boolean {
  const seen = new Set<string>();
  let prev: string | null = null;
  for (const row of rows) {
    if (row.fault !== null || row.prev !== prev) return false;
    prev = row.hmac;
    seen.add(prev);
  }
  return seen.size === rows.length;
}

/** The sibling to go on with: one that is sound before one that is not, one that is continued before one that is not. */
function chooseNext(
  candidates: readonly ChainRow[],
  successors: ReadonlyMap<string | null, readonly ChainRow[]>,
): ChainRow | undefined {
  if (candidates.length < 2) return candidates[0];
  const sound = candidates.filter((row) => row.fault === null);
  const pool = sound.length > 0 ? sound : candidates;
  return pool.find((row) => successors.has(row.hmac)) ?? pool[0];
}

function siblingFault(candidates: readonly ChainRow[], next: ChainRow): ChainFault | null {
  if (next.fault !== null) return { id: next.id, reason: next.fault };
  const other = candidates.find((row) => row !== next && row.fault !== null);
  if (other !== undefined && other.fault !== null) return { id: other.id, reason: other.fault };
  const twin = candidates.find((row) => row !== next);
  return twin === undefined ? null : { id: twin.id, reason: "fork" };
}
