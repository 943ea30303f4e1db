import { openSink, type Sink, SinkError, type SinkOptions } from "@scidex/audit-sinks";
import { PublisherError } from "./errors.ts";

/**
 * Opens all sinks of a list.
 *
 * @throws {PublisherError} `configuration` for a URL that is none, and for a sink that is listed twice
 */
export function openSinks(urls: readonly string[], options: SinkOptions = {}): Sink[] {
  try {
    const sinks = urls.map((url) => openSink(url, options));
    const twice = sinks.find(({ name }, at) => sinks.findIndex((other) => other.name === name) !== at);
    if (twice)
      throw new PublisherError(
        "configuration",
        `the sink ${twice.name} is listed twice: it would get every head twice`,
      );
    return sinks;
  } catch (cause) {
    if (cause instanceof SinkError && cause.code === "url_invalid")
      throw new PublisherError("configuration", `AUDIT_SINKS: ${cause.message}`, { cause });
    throw cause;
  }
}
