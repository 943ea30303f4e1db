import { toHex } from "@scidex/audit-core";
import { EMPTY_STATE, type HeadLog, type PublishedHead, readPublishedHeads } from "@scidex/audit-reader";
import { openSink } from "@scidex/audit-sinks";
import type { Approval } from "@scidex/audit-verifier";
import { parseKeys, readKeys } from "@scidex/audit-verifier/command";
import { sinkAddresses } from "../status/sink-addresses.ts";
import { SINK_TIMEOUT_MS } from "../status/sink-heads.ts";

/** What has been published, by the sinks and the keys that the environment names. */
export interface Published {
  readonly keys: readonly string[];
  readonly sinks: readonly HeadLog[];
  /** Heads whose signatures hold, in the order of their seq. */
  readonly heads: readonly PublishedHead[];
  /** Why there is no head to go by; undefined where there is one. */
  readonly missing: string | undefined;
}

/** Reads the published heads, and keeps the sinks open for `work`. */
export async function withPublished<T>(
  origin: string | undefined,
  signal: AbortSignal,
  work: (published: Published) => Promise<T>,
): Promise<T> {
  const keys = await readKeys();
  const verifiers = parseKeys(keys);
  const addresses = sinkAddresses();
  if (addresses.length === 0 || keys.length === 0) {
    const variable = addresses.length === 0 ? "AUDIT_SINKS" : "AUDIT_VERIFIER_KEYS";
    const missing = `${variable} is not set, so that no published head can be believed`;
    return await work({ keys, sinks: [], heads: [], missing });
  }
  const sinks = addresses.map((address) => openSink(address, { timeoutMs: SINK_TIMEOUT_MS, signal }));
  try {
    // What is wrong with a line is the verification's to say: here it is left out.
    const { heads, doubts } = await readPublishedHeads(sinks, { origin, verifiers }, EMPTY_STATE, () => {});
    const none = ["no sink holds a head of this log whose signature holds", ...doubts].join("; ");
    return await work({ keys, sinks, heads, missing: heads.length === 0 ? none : undefined });
  } finally {
    await Promise.all(sinks.map(async (sink) => await sink.close()));
  }
}

/** A head as it is approved. */
export const approvalOf = ({ seq, chainHash }: PublishedHead): Approval => ({ seq, chainHash: toHex(chainHash) });
