import { type Beginning, type NoteVerifier, toHex } from "@scidex/audit-core";
import {
  EMPTY_STATE,
  type HeadLog,
  type KeyTurn,
  type Offered,
  type PublishedHead,
  readPublishedHeads,
} from "@scidex/audit-reader";
import { openSink } from "@scidex/audit-sinks";
import type { Approval, FollowedLog, Policy } from "@scidex/audit-verifier";
import { parseKeys, readKeys } from "@scidex/audit-verifier/command";
import { sinkAddresses } from "../status/sink-addresses.ts";
import { SINK_TIMEOUT_MS } from "../status/sink-heads.ts";

/** What has been published, by the sinks and the keys that the environment names. */
export interface Published {
  readonly keys: readonly string[];
  readonly sinks: readonly HeadLog[];
  /** Heads whose signatures hold, in the order of their seq. */
  readonly heads: readonly PublishedHead[];
  /** The logs that were followed: those of the policy, and what was offered. */
  readonly logs: readonly FollowedLog[];
  /** Beginnings of logs that the policy does not have. They were followed, to see what there is to approve. */
  readonly offered: readonly Offered[];
  /** Where keys were replaced within a log. */
  readonly turns: readonly KeyTurn[];
  /** Why there is no head to go by; undefined where there is one. */
  readonly missing: string | undefined;
}

/** Which logs are read. */
export interface LogsToRead {
  readonly origin: string | undefined;
  /** Of the policy; undefined for none. */
  readonly logs: Policy["logs"];
  readonly retiredKeys: Policy["retiredKeys"];
  /** Whether beginnings are followed that the policy does not have: all of them, or those with these hashes. */
  readonly offers?: "all" | readonly string[];
}

/** Reads the published heads, and keeps the sinks open for `work`. */
export async function withPublished<T>(
  wanted: LogsToRead,
  signal: AbortSignal,
  work: (published: Published) => Promise<T>,
): Promise<T> {
  const keys = await readKeys();
  const verifiers = parseKeys(keys);
  const addresses = sinkAddresses();
  if (addresses.length === 0 || keys.length === 0) {
    const variable = addresses.length === 0 ? "AUDIT_SINKS" : "AUDIT_VERIFIER_KEYS";
    const missing = `${variable} is not set, so that no published head can be believed`;
    return await work({ keys, sinks: [], heads: [], logs: wanted.logs ?? [], offered: [], turns: [], missing });
  }
  const sinks = addresses.map((address) => openSink(address, { timeoutMs: SINK_TIMEOUT_MS, signal }));
  try {
    return await work({ keys, sinks, ...(await readAll(sinks, verifiers, wanted)) });
  } finally {
    await Promise.all(sinks.map(async (sink) => await sink.close()));
  }
}

/** Reads, and follows what is offered as far as it goes: behind one beginning may be another. */
async function readAll(
  sinks: readonly HeadLog[],
  verifiers: readonly NoteVerifier[],
  { origin, logs: before = [], retiredKeys: retired, offers = [] }: LogsToRead,
): Promise<Pick<Published, "heads" | "logs" | "offered" | "turns" | "missing">> {
  const offered: Offered[] = [];
  for (;;) {
    const logs = [...before, ...offered.map(({ beginning }) => followedLog(beginning))];
    const followed = new Set(logs.map(({ statement }) => statement));
    // What is wrong with a line is the verification's to say: here it is left out.
    const read = await readPublishedHeads(sinks, { origin, verifiers, followed, retired }, EMPTY_STATE, () => {});
    const isWanted = ({ beginning }: Offered): boolean => offers === "all" || offers.includes(toHex(beginning.hash));
    const next = read.offered.filter(isWanted);
    const [first, ...others] = next;
    if (first === undefined || others.length > 0) {
      const doubts = [
        ...(others.length > 0 ? ["the sinks hold several beginnings of a log, and at most one of them is meant"] : []),
        ...read.doubts,
      ];
      const none = ["no sink holds a head of this log whose signature holds", ...doubts].join("; ");
      const missing = others.length > 0 ? doubts.join("; ") : read.heads.length === 0 ? none : undefined;
      return { heads: read.heads, logs, offered: [...offered, ...next], turns: read.turns, missing };
    }
    offered.push(first);
  }
}

/** A beginning as a policy has it. */
export const followedLog = ({ origin, hash }: Beginning): FollowedLog => ({ origin, statement: toHex(hash) });

/** A head as it is approved. */
export const approvalOf = ({ seq, chainHash }: PublishedHead): Approval => ({ seq, chainHash: toHex(chainHash) });
