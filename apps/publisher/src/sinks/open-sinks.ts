import { openSinks, type Sink, SinkError, type SinkOptions, sinksThatAreOne } from "@scidex/audit-sinks";
import { PublisherError } from "../errors.ts";

/**
 * Opens the sinks that the publisher was given.
 *
 * @throws {PublisherError} `configuration` for a text that is not a sink URL, and for a sink that is listed twice
 */
export function openPublisherSinks(urls: readonly string[], options: SinkOptions = {}): Sink[] {
  try {
    return openSinks(urls, options);
  } catch (cause) {
    if (cause instanceof SinkError && cause.code === "url_invalid")
      throw new PublisherError("configuration", `AUDIT_SINKS: ${cause.message}`, { cause });
    throw cause;
  }
}

/**
 * Two sinks that are one would be no second witness: whoever edits it has edited both.
 *
 * @throws {PublisherError} `configuration`, naming both
 */
export async function requireDistinct(sinks: readonly Sink[]): Promise<void> {
  const [same] = await sinksThatAreOne(sinks);
  if (same === undefined) return;
  throw new PublisherError(
    "configuration",
    `AUDIT_SINKS: ${same.first} and ${same.second} are one sink: ${same.why}. Nothing is published, since whoever edits one edits the other: give each a place of its own, best in another trust domain`,
  );
}
