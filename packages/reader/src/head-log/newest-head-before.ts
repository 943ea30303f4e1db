import { CoreError, type Head, type HeadTrust, isBeginningLine, parseSeconds, type Seconds } from "@scidex/audit-core";
import { SinkError } from "@scidex/audit-sinks";
import { afterLine, beginningOf, type HeadLog, headOf, headPartsOf, LOG_START, wholeLines } from "./log-lines.ts";
import { type LogTrust, Succession } from "./succession/succession.ts";

/** Lines of a log that are kept for a closer look. Behind more forgeries than this no head is found, and all is verified. */
const KEPT = 64;

/**
 * The newest head that was signed at a time or before it, in any of the logs; undefined where there is none.
 *
 * Lines are chosen by the time that they claim, and only believed when their signatures hold. So a few signatures are
 * verified, however long a log is: those are most of what reading one costs. A log that cannot be read to its end counts
 * as far as it could be read. Of logs that follow each other only the last one has the chain as it is now.
 */
export async function newestHeadBefore(
  logs: readonly HeadLog[],
  trust: LogTrust,
  time: Seconds,
): Promise<Head | undefined> {
  const heads = await Promise.all(
    logs.map(async (log) => {
      const last = await linesBefore(log, trust, time);
      return newestOf(last.lines, last.trust, time);
    }),
  );
  return heads
    .filter((head) => head !== undefined)
    .reduce<Head | undefined>((a, b) => (a === undefined || b.signedTime > a.signedTime ? b : a), undefined);
}

/** The last lines of the last log that claim to have been signed by then, and what trusts its keys. */
async function linesBefore(
  log: HeadLog,
  trust: LogTrust,
  time: Seconds,
): Promise<{ readonly lines: string[]; readonly trust: HeadTrust }> {
  const lines: string[] = [];
  const succession = new Succession(trust);
  let end = LOG_START;
  try {
    for await (const { plain, defect } of wholeLines(log)) {
      const beginning = defect === null && isBeginningLine(plain) ? beginningOf(plain) : undefined;
      if (beginning !== undefined && !(beginning instanceof CoreError))
        if (succession.follow(beginning, end, log.name) === undefined) lines.length = 0;
      end = afterLine(end, plain);
      if (defect !== null || !isClaimedBefore(plain, time)) continue;
      lines.push(plain);
      if (lines.length > KEPT) lines.shift();
    }
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
  }
  return { lines, trust: succession.trust };
}

function isClaimedBefore(line: string, time: Seconds): boolean {
  const parts = headPartsOf(line);
  if (parts instanceof CoreError) return false;
  try {
    return parseSeconds(parts.publishedAt) <= time;
  } catch (error) {
    if (error instanceof CoreError) return false;
    throw error;
  }
}

/** The last of these lines that is genuine. */
function newestOf(lines: readonly string[], trust: HeadTrust, time: Seconds): Head | undefined {
  for (const line of lines.toReversed()) {
    const head = headOf(line, trust);
    if (!(head instanceof CoreError) && head.signedTime <= time) return head;
  }
  return undefined;
}
