import { mkdir, readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { CommandError, type CommandContext } from "@scidex/audit-command";
import { type HeadTrust, isStatementLine } from "@scidex/audit-core";
import { leavesOf } from "@scidex/audit-publisher";
import { openSink, type Sink } from "@scidex/audit-sinks";
import { verifyBundle } from "@scidex/audit-verifier";
import { withDatabase } from "../database/database.ts";
import { sinkAddresses } from "../status/sink-addresses.ts";
import { SINK_TIMEOUT_MS } from "../status/sink-heads.ts";
import { readPolicyOfEnvironment } from "./trust.ts";

/** What a bundle holds. */
export interface Bundle {
  /** Links up to the newest published head. */
  readonly links: bigint;
  readonly heads: number;
  /** What was found in it; empty for one that proves what was published. */
  readonly findings: readonly string[];
}

/**
 * Writes all that was published of a log into a folder: the lines of its sinks, and the tree with all leaves, in the layout of a
 * `tiles:` sink. Then verifies it as whoever gets it will.
 *
 * @throws {CommandError} `usage`, `configuration`, `failed`
 */
export async function proveAll(context: CommandContext, trust: HeadTrust, out: string): Promise<Bundle> {
  const folder = await emptyFolder(out);
  const lines = await publishedLines(context.signal);
  const sink = openSink({ kind: "tiles", name: `tiles:${folder}`, path: folder }, { signal: context.signal });
  const use = { command: "prove", right: "a member of scidex_audit_ro or scidex_audit_inspector" };
  try {
    await withDatabase(context, use, async ({ sql }) => {
      await sink.append(lines, { leaves: leavesOf(sql, context.signal) });
    });
    const keys = trust.verifiers.map(({ vkey }) => vkey);
    const policy = await readPolicyOfEnvironment();
    const { report } = await verifyBundle(sink, { keys, origin: trust.origin, policy }, { signal: context.signal });
    return {
      links: report.rows,
      heads: lines.filter((line) => !isStatementLine(line)).length,
      findings: [...report.divergences.map(({ check, message }) => `${check}: ${message}`), ...report.unproven],
    };
  } finally {
    await sink.close();
  }
}

async function emptyFolder(out: string): Promise<string> {
  const folder = resolve(out);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return folder;
  throw new CommandError(
    "usage",
    `--out ${out} is not empty: a bundle is never written over another. Name a new folder`,
  );
}

/** The lines of the sink that has most: each of them holds all heads, where it does not lag. */
async function publishedLines(signal: AbortSignal): Promise<readonly string[]> {
  const addresses = sinkAddresses();
  if (addresses.length === 0)
    throw new CommandError("configuration", "AUDIT_SINKS is not set: a bundle has the published heads");
  let most: readonly string[] = [];
  for (const address of addresses) {
    const sink = openSink(address, { timeoutMs: SINK_TIMEOUT_MS, signal });
    try {
      const lines = await wholeLines(sink);
      if (lines.length > most.length) most = lines;
    } finally {
      await sink.close();
    }
  }
  if (most.length === 0)
    throw new CommandError("failed", "no sink holds a line: publish first (audit-publisher publish)");
  return most;
}

async function wholeLines(sink: Sink): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text, defect, number } of sink.read()) {
    if (defect === "torn") continue;
    if (defect !== null)
      throw new CommandError(
        "failed",
        `line ${number} of ${sink.name} is none that a publisher wrote: run audit-verify`,
      );
    lines.push(text);
  }
  return lines;
}
