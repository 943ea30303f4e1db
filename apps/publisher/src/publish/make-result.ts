import { toHex } from "@scidex/audit-core";
import type { Divergence } from "../divergence.ts";
import type { Sealing } from "../sealing/seal-for-publication.ts";
import type { Checked } from "../sinks/check-sinks.ts";
import type { Delivery } from "../sinks/deliver.ts";
import type { Increment } from "./increment/read-increment.ts";
import { type Cosigned, warningsOf } from "../witness/ask-witnesses.ts";
import { firstOf, type PublishResult, type SinkStatus } from "./result.ts";
import type { SignedHead } from "./increment/sign-increment.ts";

/** A result before anybody knows how long it took. */
export type Untimed = Omit<PublishResult, "durationMs">;

/** What a publication did before it came to signing. */
export interface Preparation {
  readonly increment: Increment;
  readonly sealing: Sealing;
  readonly warnings: readonly string[];
}

/** Nothing was signed, because of these. */
export function refusal(
  preparation: Preparation,
  checked: readonly Checked[],
  divergences: readonly Divergence[],
): Untimed {
  return {
    status: "tampered",
    published: null,
    sinks: checked.map(statusOfChecked),
    witnesses: [],
    ...common(preparation, divergences),
  };
}

/** What became of a head that was signed, or that there was nothing to sign yet. */
export function publication(
  preparation: Preparation,
  signed: SignedHead | undefined,
  cosigned: Cosigned | undefined,
  deliveries: readonly Delivery[],
): Untimed {
  const late = deliveries.flatMap(({ finding }) => finding ?? []);
  const isEverywhere = deliveries.every(({ status }) => status === "ok");
  const isDone = isEverywhere && cosigned?.witnessed.isMet !== false;
  const warnings = signed === undefined || cosigned === undefined ? [] : warningsOf(cosigned, signed.head.seq);
  return {
    status: late.length > 0 ? "tampered" : isDone ? "intact" : "unproven",
    published: signed === undefined ? null : publishedOf(signed),
    sinks: deliveries.map(({ name, status, lines, message }) => ({ name, status, lines, message })),
    witnesses: (cosigned?.asked ?? []).map(({ name, status, size, message }) => ({ name, status, size, message })),
    ...common({ ...preparation, warnings: [...preparation.warnings, ...warnings] }, late),
  };
}

function common(
  { increment, sealing, warnings }: Preparation,
  divergences: readonly Divergence[],
): Omit<Untimed, "status" | "published" | "sinks" | "witnesses"> {
  const { sealed, holders, pending } = sealing;
  return {
    rows: Number(increment.rows),
    sealed,
    lockHolders: holders,
    pending: pending?.rows ?? 0,
    pendingAgeMs: pending?.oldestMs === undefined ? null : Math.round(pending.oldestMs),
    divergences,
    divergenceCount: divergences.length,
    firstDivergence: firstOf(divergences),
    warnings,
  };
}

const publishedOf = ({ head }: SignedHead): NonNullable<PublishResult["published"]> => ({
  seq: head.seq,
  chainHash: toHex(head.chainHash),
  publishedAt: head.publishedAt,
});

const statusOfChecked = ({ sink, finding, failure, record }: Checked): SinkStatus => ({
  name: sink.name,
  status: finding ? "tampered" : failure === undefined ? "ok" : "behind",
  lines: record.lines,
  message: finding?.message ?? failure ?? null,
});
