import { CommandError } from "@scidex/audit-command";
import { openSink, type Sink, SinkError, type TreeFiles } from "@scidex/audit-sinks";
import { SINK_TIMEOUT_MS } from "../status/sink-heads.ts";

/** A sink that keeps the published tree. */
export type Tree = Sink & { readonly files: TreeFiles };

/**
 * The tree of a `tiles:` or `s3:` address, to be closed by the caller.
 *
 * @throws {CommandError} `usage` for another address
 */
export function openTree(url: string, signal: AbortSignal): Tree {
  let sink: Sink;
  try {
    sink = openSink(url, { timeoutMs: SINK_TIMEOUT_MS, signal });
  } catch (cause) {
    if (!(cause instanceof SinkError)) throw cause;
    throw new CommandError("usage", `--from: ${cause.message}`, { cause });
  }
  if (hasTree(sink)) return sink;
  throw new CommandError(
    "usage",
    `--from is ${JSON.stringify(url)}, expected a sink that keeps the tree: tiles:/srv/log or s3://bucket/prefix`,
  );
}

const hasTree = (sink: Sink): sink is Tree => sink.files !== undefined;
