import { readFileSync } from "node:fs";
import { parseKeyFile, type PublisherKeys, type RetiredKey } from "@scidex/audit-core";
import type { Policy } from "@scidex/audit-verifier";
import { rotateKey, type RotatedKey } from "../../src/index.ts";
import { type Log, ORIGIN } from "../log.ts";

/** What has come of replacing a log's keys, with the old ones, which their file does not have any more. */
export interface Rotated extends RotatedKey {
  readonly old: PublisherKeys;
  /** The verifier keys of both, and the same log verified by them. */
  readonly log: Log;
}

/** Replaces the keys of a log. */
export async function rotate(log: Log, sinks: readonly string[] = log.sinks): Promise<Rotated> {
  const old = parseKeyFile(readFileSync(log.keyFile, "utf8"));
  const rotated = await rotateKey({ database: log.sql, keyFile: log.keyFile, sinks });
  if (!("keys" in rotated)) throw new Error(JSON.stringify(rotated.result.divergences[0]?.message));
  return { ...rotated, old, log: { ...log, vkeys: [...log.vkeys, ...rotated.keys] } };
}

/** A policy that has the old keys' end. */
export function pinning({ retired, result: { published } }: RotatedKey): Policy {
  const { seq = 0n, publishedAt = "" } = published ?? {};
  const at = BigInt(Date.parse(publishedAt) / 1_000);
  return {
    origin: ORIGIN,
    tables: new Map(),
    detached: new Map(),
    loginTriggers: new Set(),
    server: [],
    retiredKeys: retired.map((key): RetiredKey => ({ key, last: seq, at })),
  };
}
