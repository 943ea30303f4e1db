import { readFile } from "node:fs/promises";
import { replaceWhole } from "@scidex/audit-command";
import { errno, messageOf, PublisherError } from "../errors.ts";
import { failureSamples } from "./run-metrics.ts";
import { formatMetrics, mergeSamples, parseMetrics, type RunKind, type RunSample } from "./metrics.ts";

/**
 * Brings a metrics file up to date after a run, by writing a new one beside it and renaming it: a collector sees the old
 * one or the new one. Everyone may read it (mode 0644, less the umask).
 *
 * @throws {PublisherError} `io`
 */
export async function updateMetrics(path: string, run: RunKind, fresh: readonly RunSample[]): Promise<void> {
  try {
    const before = await readFile(path, "utf8").catch((error: unknown) => {
      if (errno(error) === "ENOENT") return "";
      throw error;
    });
    // The collector takes only *.prom: what a killed run leaves behind is passed over.
    await replaceWhole(path, formatMetrics(mergeSamples(parseMetrics(before), run, fresh)));
  } catch (cause) {
    throw new PublisherError("io", `the metrics file ${path} can't be written: ${messageOf(cause)}`, { cause });
  }
}

/** Notes that a run ended with an error, and throws that error again, whatever becomes of the file. */
export async function noteFailure(path: string | undefined, run: RunKind, error: unknown): Promise<never> {
  if (path !== undefined) await updateMetrics(path, run, failureSamples(Date.now())).catch(() => undefined);
  throw error;
}
