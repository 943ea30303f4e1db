import { formatAddCheckpoint, parseCosignatures, parseWitnessSize, type Seq } from "@scidex/audit-core";
import { messageOf } from "../errors.ts";
import type { Extension } from "./extension.ts";
import { type Answer, postCheckpoint } from "./post-checkpoint.ts";
import type { Witness } from "./witness.ts";

/** What came of asking a witness. */
export interface Asked {
  readonly name: string;
  /** `refused`: it has answered, and not with a cosignature. `unreachable`: it may cosign the next time. */
  readonly status: "cosigned" | "refused" | "unreachable";
  /** The largest size that it is known to have cosigned; null where that is not known. */
  readonly size: Seq | null;
  /** Signature lines, each with its newline. */
  readonly cosignatures: readonly string[];
  readonly message: string | null;
}

/** It may have been told of a newer checkpoint by a run before, and one more may come between two requests. */
const ATTEMPTS = 3;

/**
 * Has a witness cosign a checkpoint.
 *
 * @param known the size that it has cosigned last, as far as is known
 */
export async function askWitness(
  { name, endpoint, keys }: Witness,
  head: { readonly seq: Seq; readonly checkpoint: string },
  known: Seq | null,
  {
    extension,
    ...how
  }: { readonly extension: Extension; readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<Asked> {
  let size = known;
  const ended = (status: Asked["status"], message: string): Asked => ({
    name,
    status,
    size,
    cosignatures: [],
    message,
  });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (how.signal?.aborted) return ended("unreachable", "stopped before it was asked");
    const oldSize = size ?? 0n;
    if (oldSize > head.seq) return ended("refused", aheadOf(oldSize, head.seq));
    let proof: Uint8Array[];
    try {
      proof = await extension.from(oldSize);
    } catch (error) {
      return ended(
        "refused",
        `it was not asked: that this log extends the ${oldSize} links that it has cosigned cannot be shown: ${messageOf(error)}`,
      );
    }
    const answer = await postCheckpoint(
      endpoint,
      formatAddCheckpoint({ oldSize, proof, checkpoint: head.checkpoint }),
      how,
    );
    if ("failure" in answer) return ended("unreachable", answer.failure);
    if (answer.status === 200) {
      try {
        const cosignatures = parseCosignatures(answer.body, head.checkpoint, keys);
        return { name, status: "cosigned", size: head.seq, cosignatures, message: null };
      } catch (error) {
        return ended("refused", `its cosignature is not taken: ${messageOf(error)}`);
      }
    }
    const told = sizeOf(answer);
    if (told === undefined) return ended(isPassing(answer.status) ? "unreachable" : "refused", reasonOf(answer));
    if (told === oldSize) return ended("refused", `it answers 409, and has the ${told} links that were said`);
    size = told;
  }
  return ended("unreachable", "its size has changed each time that it was asked");
}

/** The size of a conflict. */
function sizeOf({ status, contentType, body }: Exclude<Answer, { failure: string }>): Seq | undefined {
  const isSize = status === 409 && contentType.split(";")[0]?.trim().toLowerCase() === "text/x.tlog.size";
  return isSize ? parseWitnessSize(body) : undefined;
}

const isPassing = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

const aheadOf = (size: Seq, seq: Seq): string =>
  `it has cosigned ${size} links of this log, more than the ${seq} that are signed now: an older copy of the state was put back, or another publisher runs with a copy of this key`;

/** What the specification says of an answer, and what to do. */
function reasonOf({ status }: { readonly status: number }): string {
  const why = REASONS[status];
  if (why !== undefined) return `it answers ${status}: ${why}`;
  if (status >= 300 && status < 400) return `it answers ${status}: redirects are not followed; correct its URL`;
  return `it answers ${status}`;
}

const REASONS: Readonly<Record<number, string>> = {
  400: "it does not understand the request",
  403: "it knows no key of this log that has signed; give its operator the log's verifier key",
  404: "it does not know this log; give its operator the origin and the log's verifier key",
  409: "it has another size of this log, and does not say which",
  422: "for it, this log does not extend what it has cosigned. It was shown another one: look which of the two is true before anything else is published",
};
