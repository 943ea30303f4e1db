import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isStatementLine } from "@scidex/audit-core";
import { generateKeyFiles, publishHead, type PublishResult } from "@scidex/audit-publisher";
import { openSink } from "@scidex/audit-sinks";
import { EMPTY_STATE, type Policy, type VerificationReport, type VerifierState, verify } from "@scidex/audit-verifier";
import type { Sql } from "postgres";

const ORIGIN = "example.org/acceptance";

/** How a chain is verified, where that is not now, or not without a policy. */
export interface VerifyWith {
  /** Milliseconds since the Unix epoch. */
  readonly now?: number;
  readonly policy?: Policy;
}

/**
 * A log with its keys, its publisher's state and a file as its sink, and a verifier that remembers what the sink held.
 * It belongs to no database: after a restore or a promotion the same log goes on with another server.
 */
export interface PublishedChain {
  readonly keyFile: string;
  /** The sink's URL. */
  readonly sink: string;
  /** Seals and publishes; what could not be done is an error, a finding is in the result. */
  publish(sql: Sql, policy?: Policy): Promise<PublishResult>;
  /** Verifies everything: links, heads, sources, coverage and structure. */
  verify(sql: Sql, how?: VerifyWith): Promise<VerificationReport>;
  /** Number of heads published. */
  heads(): number;
  /** Removes keys and sink. */
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openPublishedChain(): Promise<PublishedChain> {
  const folder = mkdtempSync(join(tmpdir(), "audit-acceptance-"));
  const keyFile = join(folder, "key");
  const path = join(folder, "head.log");
  const { vkeys } = await generateKeyFiles({ origin: ORIGIN, out: keyFile });
  let state: VerifierState = EMPTY_STATE;
  const sinkUrl = `file:${path}`;
  return {
    keyFile,
    sink: sinkUrl,
    publish: async (sql, policy) => await publishHead({ database: sql, keyFile, sinks: [sinkUrl], policy }),
    verify: async (sql, { now = Date.now(), policy } = {}) => {
      const sink = openSink(sinkUrl);
      try {
        const trust = { origin: ORIGIN, keys: vkeys, heads: [sink], state, policy };
        const verification = await verify(sql, trust, { now });
        ({ state } = verification);
        return verification.report;
      } finally {
        await sink.close();
      }
    },
    heads: () =>
      readFileSync(path, "utf8")
        .split("\n")
        .slice(0, -1)
        .filter((line) => !isStatementLine(line)).length,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
