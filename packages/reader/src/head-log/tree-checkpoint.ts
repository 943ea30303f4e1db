import {
  CoreError,
  formatSeconds,
  type HeadTrust,
  openCheckpoint,
  sameBytes,
  type SignedCheckpoint,
} from "@scidex/audit-core";
import { type TreeFiles, treeFilesOf } from "@scidex/audit-sinks";
import type { ReportFinding } from "../finding/finding.ts";
import type { HeadLog } from "./log-lines.ts";
import type { PublishedHead } from "./published-head.ts";
import type { ReadLog } from "./read-head-log.ts";

/** A tree that a sink keeps beside its lines. */
export interface SinkTree {
  /** The sink's. */
  readonly name: string;
  readonly files: TreeFiles;
  /** The last head among its lines. */
  readonly last: PublishedHead | undefined;
}

/** The tree of the log with which a head log ends, and what trusts its keys. Undefined where the sink keeps none. */
export function treeOf(
  { name, files }: HeadLog,
  { parts }: ReadLog,
): { readonly tree: SinkTree; readonly trust: HeadTrust } | undefined {
  const part = parts.at(-1);
  if (files === undefined || part === undefined) return undefined;
  const { beginning, heads, trust } = part;
  return { tree: { name, files: treeFilesOf(files, beginning?.origin), last: heads.at(-1) }, trust };
}

/**
 * The checkpoint that is shown beside a sink's lines, checked against the trusted keys and the last head among them. The
 * publisher shows it before it appends that head: it is never older. Undefined where there is none to go by.
 *
 * @throws {SinkError} where it cannot be read
 */
export async function readTreeCheckpoint(
  { name, files, last }: SinkTree,
  trust: HeadTrust,
  report: ReportFinding,
): Promise<SignedCheckpoint | undefined> {
  const bytes = await files.read("checkpoint");
  if (bytes === undefined) {
    if (last !== undefined)
      report({
        check: "sink_rewound",
        seq: last.seq,
        message: `${name} has lost its checkpoint, and its lines have a head of ${last.seq} links`,
      });
    return undefined;
  }
  const checkpoint = openedOrError(bytes, trust);
  if (checkpoint instanceof CoreError) {
    report({
      check: "sink_signature",
      message: `the checkpoint of ${name} is not one that the publisher signed (${checkpoint.code}): ${checkpoint.message}`,
    });
    return undefined;
  }
  if (last === undefined) return checkpoint;
  if (checkpoint.size < last.seq || checkpoint.signedTime < last.signedTime) {
    report({
      check: "sink_rewound",
      seq: checkpoint.size + 1n,
      expected: `${last.seq} links at ${last.publishedAt}`,
      actual: `${checkpoint.size} links at ${formatSeconds(checkpoint.signedTime)}`,
      message: `the checkpoint of ${name} is older than the last head among its lines: it was put there again`,
    });
    return undefined;
  }
  if (checkpoint.size === last.seq && !sameBytes(checkpoint.root, last.root)) {
    report({
      check: "sink_signature",
      message: `the checkpoint of ${name} signs another tree of ${last.seq} links than the last head among its lines`,
    });
    return undefined;
  }
  return checkpoint;
}

function openedOrError(bytes: Uint8Array, trust: HeadTrust): SignedCheckpoint | CoreError {
  try {
    // What is not UTF-8 becomes a text that nobody has signed.
    return openCheckpoint(Buffer.from(bytes).toString("utf8"), trust);
  } catch (error) {
    if (error instanceof CoreError) return error;
    throw error;
  }
}
