import { createFileSink } from "./file-sink.ts";
import { createGitSink } from "./git/git-sink.ts";
import { createS3Sink } from "./s3/s3-sink.ts";
import type { Sink } from "./sink.ts";
import { createTilesSink } from "./tiles/tiles-sink.ts";
import { parseSinkUrl, parseSinkUrls, type SinkAddress } from "./url.ts";

export interface SinkOptions {
  /** How long one step may take (waiting for a lock, one git command, a fetch, a push), in milliseconds. */
  readonly timeoutMs?: number;
  /** Ends what is running; it then fails with the code `aborted`. */
  readonly signal?: AbortSignal;
  /**
   * A folder of the caller's own, beside its state, where a git sink keeps its clone of a remote; made with the first use.
   * It is a cache, and may be removed at any time. Without it a clone is made anew each time, and removed by `close`.
   */
  readonly folder?: string | undefined;
}

/** What `openSink` uses for options that are not given. */
export const SINK_DEFAULTS = { timeoutMs: 60_000 } as const;

/**
 * Opens a sink by its URL or by what `parseSinkUrl` made of it. Nothing is touched until it is read or written.
 *
 * @example
 * const sink = openSink("git:/data/papers?path=audit_chain_head.log&push=origin");
 * for await (const line of sink.read()) console.log(line.number, line.defect ?? line.text);
 *
 * @throws {SinkError} `url_invalid`
 */
export function openSink(url: string | SinkAddress, options: SinkOptions = {}): Sink {
  const address = typeof url === "string" ? parseSinkUrl(url) : url;
  const settings = {
    timeoutMs: options.timeoutMs ?? SINK_DEFAULTS.timeoutMs,
    signal: options.signal,
    folder: options.folder,
  };
  if (address.kind === "file") return createFileSink(address, settings);
  if (address.kind === "s3") return createS3Sink(address, settings);
  return address.kind === "tiles" ? createTilesSink(address, settings) : createGitSink(address, settings);
}

/**
 * Opens all sinks of a list.
 *
 * @throws {SinkError} `url_invalid`, also when two URLs name the same sink
 */
export const openSinks = (urls: readonly string[], options: SinkOptions = {}): Sink[] =>
  parseSinkUrls(urls).map((address) => openSink(address, options));
