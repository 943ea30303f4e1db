import { formatSeconds, type SignedNight, toHex } from "@scidex/audit-core";
import type { BrokenNight, ReadNights } from "./read-nights.ts";

/** One night, as it is listed. */
export interface HistoryNight {
  readonly number: number;
  /** When it was signed. */
  readonly at: string;
  readonly status: SignedNight["status"];
  readonly findings: number;
  readonly accepted: number;
  readonly head: { readonly seq: bigint; readonly chainHash: string } | null;
  readonly anchoredTo: bigint;
  readonly origin: string | null;
  readonly database: string;
  /** SHA-256 of the policy file, of the report's line of JSON. */
  readonly policy: string | null;
  readonly approved: { readonly seq: bigint; readonly chainHash: string } | null;
  readonly report: string;
  readonly version: string;
}

/** A time without a verdict that is longer than it may be. */
export interface HistoryGap {
  readonly from: string;
  readonly to: string;
  readonly hours: number;
}

/** What has changed from one night to the next. */
export interface HistoryChange {
  readonly at: string;
  readonly what: "policy" | "approval" | "acceptance" | "database" | "log";
  readonly message: string;
}

/** What nights prove of a time. */
export interface History {
  readonly since: string | null;
  readonly until: string;
  readonly nights: readonly HistoryNight[];
  readonly counts: { readonly intact: number; readonly tampered: number; readonly unproven: number };
  readonly gaps: readonly HistoryGap[];
  readonly changes: readonly HistoryChange[];
  readonly broken: readonly BrokenNight[];
}

export interface HistoryOptions {
  /** From when on; milliseconds since the Unix epoch. Default: the first night. */
  readonly since?: number | undefined;
  /** Up to when: the time now. */
  readonly until: number;
  /** How long it may take from one verdict to the next, in milliseconds. */
  readonly maxGapMs: number;
}

/** What these nights prove. Only a verdict, `intact` or `tampered`, ends a gap: an unproven night has shown nothing. */
export function historyOf({ nights: all, broken }: ReadNights, { since, until, maxGapMs }: HistoryOptions): History {
  const inTime = (night: SignedNight): boolean => millisOf(night) >= (since ?? 0) && millisOf(night) <= until;
  const nights = all.filter(inTime);
  const counts = { intact: 0, tampered: 0, unproven: 0 };
  for (const { status } of nights) counts[status]++;
  return {
    since: since === undefined ? null : new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    nights: nights.map(listed),
    counts,
    gaps: gapsOf(nights.filter(({ status }) => status !== "unproven").map(millisOf), { since, until, maxGapMs }),
    changes: nights.flatMap((night) => changesSince(all[all.indexOf(night) - 1], night)),
    broken,
  };
}

const millisOf = ({ signedTime }: SignedNight): number => Number(signedTime) * 1000;

function gapsOf(verdicts: readonly number[], { since, until, maxGapMs }: HistoryOptions): HistoryGap[] {
  const times = [...(since === undefined ? [] : [since]), ...verdicts.toSorted((a, b) => a - b), until];
  return times.slice(1).flatMap((to, i) => {
    const from = times[i] ?? to;
    if (to - from <= maxGapMs) return [];
    return [
      {
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        hours: Math.floor((to - from) / 3_600_000),
      },
    ];
  });
}

const listed = (night: SignedNight): HistoryNight => ({
  number: night.number,
  at: formatSeconds(night.signedTime),
  status: night.status,
  findings: night.findings,
  accepted: night.accepted,
  head: night.head && { seq: night.head.seq, chainHash: toHex(night.head.chainHash) },
  anchoredTo: night.anchoredTo,
  origin: night.origin,
  database: night.database,
  policy: night.policy && toHex(night.policy),
  approved: night.approved && { seq: night.approved.seq, chainHash: toHex(night.approved.chainHash) },
  report: toHex(night.report),
  version: night.version,
});

/** What somebody has decided, or exchanged, between two nights. */
function changesSince(before: SignedNight | undefined, night: SignedNight): HistoryChange[] {
  if (before === undefined) return [];
  const at = formatSeconds(night.signedTime);
  const changes: HistoryChange[] = [];
  const changed = (what: HistoryChange["what"], message: string) => changes.push({ at, what, message });
  const [old, now] = [listed(before), listed(night)];
  if (old.origin !== now.origin)
    changed("log", `the log ${now.origin ?? "of any name"} instead of ${old.origin ?? "any"}`);
  if (old.database !== now.database) changed("database", `the database ${now.database} instead of ${old.database}`);
  if (old.approved?.seq !== now.approved?.seq || old.approved?.chainHash !== now.approved?.chainHash)
    changed("approval", now.approved === null ? "no approval any more" : `approved up to seq ${now.approved.seq}`);
  if (old.accepted !== now.accepted)
    changed("acceptance", `${now.accepted} accepted findings instead of ${old.accepted}`);
  if (old.policy !== now.policy && changes.length === 0)
    changed("policy", now.policy === null ? "no policy any more" : "another policy file");
  return changes;
}
