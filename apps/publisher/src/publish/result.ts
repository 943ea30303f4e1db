import type { Seq } from "@scidex/audit-core";
import { compareFindings } from "@scidex/audit-reader";
import type { Divergence } from "../divergence.ts";
import type { LockHolder } from "../sealing/free-lock.ts";

/** How a sink stands after a run: `ok` has everything, `behind` will be caught up by a later run, `tampered` has a finding. */
export interface SinkStatus {
  readonly name: string;
  readonly status: "ok" | "behind" | "tampered";
  /** Lines that it is known to hold: heads, and statements between them. */
  readonly lines: number;
  readonly message: string | null;
}

/** What a witness has answered. */
export interface WitnessStatus {
  readonly name: string;
  /** `refused`: it has answered, and not with a cosignature. `unreachable`: it may cosign the next time. */
  readonly status: "cosigned" | "refused" | "unreachable";
  /** The largest size that it is known to have cosigned; null where that is not known. */
  readonly size: Seq | null;
  readonly message: string | null;
}

/** What a publication did. */
export interface PublishResult {
  /**
   * `intact`: everything that there was to do is done. `tampered`: there are findings, and nothing was signed.
   * `unproven`: the head is signed, but a sink lacks it, or the quorum of the trust policy has not cosigned it.
   */
  readonly status: "intact" | "tampered" | "unproven";
  /** The head that this run has signed; null where there is nothing to publish yet, or a finding. */
  readonly published: { readonly seq: Seq; readonly chainHash: string; readonly publishedAt: string } | null;
  readonly sinks: readonly SinkStatus[];
  /** The witnesses that were asked; none where nothing was signed. */
  readonly witnesses: readonly WitnessStatus[];
  /** Links verified, those that no head had covered before. */
  readonly rows: number;
  /** Rows sealed before. */
  readonly sealed: number;
  /** Rows still waiting, and the age of the oldest in milliseconds. */
  readonly pending: number;
  readonly pendingAgeMs: number | null;
  /** Who held the chain's lock for longer than allowed, and whether he was ended. */
  readonly lockHolders: readonly LockHolder[];
  readonly firstDivergence: Divergence | null;
  readonly divergences: readonly Divergence[];
  readonly divergenceCount: number;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/** The one that a report names first. */
export const firstOf = (divergences: readonly Divergence[]): Divergence | null =>
  divergences.toSorted(compareFindings)[0] ?? null;
