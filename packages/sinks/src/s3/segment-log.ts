import { randomUUID } from "node:crypto";
import { SinkError } from "../errors.ts";
import { encodeLines, splitLines } from "../lines.ts";
import type { AppendOptions, SinkLine } from "../sink.ts";
import type { Bucket, ObjectVersion } from "./bucket.ts";
import { oldestVersion, oldestVersions } from "./write-once.ts";

/**
 * A head log in objects that are written once. Each batch of lines is one object, its segment, named by the offset in bytes
 * at which it stands in the log, in 16 digits:
 *
 *     chain_head.log/0000000000000000      the first lines, 2,310 bytes
 *     chain_head.log/0000000000002310      the next ones
 *
 * So the log is its segments, one after another in the order of their names, and a segment that is written under the
 * condition that its name is free is the one continuation of the log: of two writers at once one wins. One object that is
 * written anew with each line would, with all its versions, take the square of the space.
 *
 * Segments are joined, 256 at a time, so that a reader of ten years of hourly heads asks for some 350 objects and not for
 * 90,000. What is joined has the name of its first segment:
 *
 *     chain_head.joined/0000000000000000   the same bytes as the segments from there on
 *
 * A reader goes on from each offset with what is joined there, else with the segment there, else the log ends.
 */
const SEGMENTS = "chain_head.log/";
const JOINED = "chain_head.joined/";
const OFFSET_DIGITS = 16;

/** How many segments are joined, and the number of bytes from which fewer are. */
const JOIN_SEGMENTS = 256;
const JOIN_BYTES = 8_388_608;

/** Objects that are fetched ahead, of at most this many bytes each. */
const AHEAD = 8;
const AHEAD_BYTES = 2 * JOIN_BYTES;

/** How often lines are appended again that go behind whatever is there. */
const ATTEMPTS = 100;

const HEADERS = { type: "application/jsonl; charset=utf-8", cache: "public, max-age=31536000, immutable" } as const;

interface LogParts {
  readonly parts: readonly ObjectVersion[];
  /** Those of them at the end that have not been joined. */
  readonly segments: readonly ObjectVersion[];
  /** The log's length in bytes. */
  readonly end: number;
}

export class SegmentLog {
  readonly #bucket: Bucket;
  readonly #report: (key: string) => void;
  /** Tells who wrote an object, and so one log from another. */
  readonly #writer = randomUUID();

  /** @param report is told of each name that has more than one version */
  constructor(bucket: Bucket, report: (key: string) => void) {
    this.#bucket = bucket;
    this.#report = report;
  }

  async *read(): AsyncGenerator<SinkLine> {
    const { parts } = await this.#parts();
    yield* splitLines(this.#bytesOf(parts));
  }

  /**
   * Appends lines, as `Sink.append` says.
   *
   * @param options.before what is done first, with the log as the caller knows it; where it fails, nothing is appended
   */
  async append(
    lines: readonly string[],
    options: AppendOptions & { readonly before?: () => Promise<void> },
  ): Promise<{ end: number }> {
    const bytes = encodeLines(lines);
    for (let attempt = 1; ; attempt++) {
      const log = await this.#parts();
      if (options.after !== undefined && options.after !== log.end) throw await this.#conflict(log, options.after);
      if (bytes.length === 0) return { end: log.end };
      await options.before?.();
      await this.#join(log.segments);
      if (await this.#wins(`${SEGMENTS}${digits(log.end)}`, bytes)) return { end: log.end + bytes.length };
      if (options.after !== undefined || attempt === ATTEMPTS)
        throw new SinkError(
          "conflict",
          `${this.#bucket.where(SEGMENTS)}: another writer appended at ${log.end} bytes while this one was about to`,
        );
    }
  }

  /** Who wrote the log's first object: no two logs have the same. Undefined while there is none. */
  async identity(): Promise<string | undefined> {
    const first = await oldestVersion(this.#bucket, `${SEGMENTS}${digits(0)}`, this.#report);
    return first === undefined ? undefined : (await this.#bucket.metadata(first))["writer"];
  }

  async #parts(): Promise<LogParts> {
    const joined = follow(await oldestVersions(this.#bucket, JOINED, this.#report), JOINED, 0);
    const from = `${SEGMENTS}${digits(joined.end)}`;
    const objects = await oldestVersions(this.#bucket, SEGMENTS, this.#report, from);
    const { parts: segments, end } = follow(objects, SEGMENTS, joined.end);
    return { parts: [...joined.parts, ...segments], segments, end };
  }

  async *#bytesOf(parts: readonly ObjectVersion[]): AsyncGenerator<Uint8Array> {
    const ahead: Promise<Uint8Array>[] = [];
    for (const [at, part] of parts.entries()) {
      for (let next = at + ahead.length; next < Math.min(at + AHEAD, parts.length); next++) {
        const object = parts[next];
        if (object === undefined || object.size > AHEAD_BYTES) break;
        const bytes = this.#whole(object);
        // Whoever takes it is told; where nobody does any more, nobody needs to be.
        bytes.catch(() => undefined);
        ahead.push(bytes);
      }
      const bytes = ahead.shift();
      if (bytes === undefined) yield* this.#bucket.chunks(part);
      else yield await bytes;
    }
  }

  async #whole(object: ObjectVersion): Promise<Uint8Array> {
    const bytes = await this.#bucket.bytes(object, object.size);
    if (bytes.length === object.size) return bytes;
    throw new SinkError(
      "io",
      `${this.#bucket.where(object.key)} has ${object.size} bytes by the listing and others when it is read: read it again`,
    );
  }

  /** Joins segments that have become many. What was cut off is done again, to the same bytes. */
  async #join(segments: readonly ObjectVersion[]): Promise<void> {
    let members: ObjectVersion[] = [];
    let length = 0;
    for (const segment of segments) {
      members.push(segment);
      length += segment.size;
      if (members.length < JOIN_SEGMENTS && length < JOIN_BYTES) continue;
      const parts: Uint8Array[] = [];
      for await (const bytes of this.#bytesOf(members)) parts.push(bytes);
      const key = `${JOINED}${members[0]?.key.slice(SEGMENTS.length) ?? ""}`;
      await this.#bucket.put(key, Buffer.concat(parts), { ifNoneMatch: "*" }, HEADERS);
      [members, length] = [[], 0];
    }
  }

  /** Writes a segment. False where another one is the continuation. */
  async #wins(key: string, bytes: Uint8Array): Promise<boolean> {
    const headers = { ...HEADERS, metadata: { writer: this.#writer } };
    let written = await this.#bucket.put(key, bytes, { ifNoneMatch: "*" }, headers);
    let oldest = await oldestVersion(this.#bucket, key, this.#report);
    if (written === undefined && oldest === undefined) {
      // A delete marker alone, which some servers take for an object. Where there are markers there are versions, and of
      // two writers the first one's counts.
      written = await this.#bucket.put(key, bytes, {}, headers);
      oldest = await oldestVersion(this.#bucket, key, this.#report);
    }
    if (oldest === undefined)
      throw new SinkError("io", `${this.#bucket.where(key)} was written and is not there: read the sink again`);
    if (written?.version !== undefined && oldest.version === written.version) return true;
    if (oldest.size === 0)
      throw new SinkError(
        "damaged",
        `${this.#bucket.where(key)} is empty, and stands where the next lines go: somebody else has written there. Name a new prefix in AUDIT_SINKS, and the next run fills it`,
      );
    // A delete marker made the name free, or the answer to the first try was lost: then it is ours all the same.
    return Buffer.compare(await this.#bucket.bytes(oldest, bytes.length), bytes) === 0;
  }

  async #conflict({ parts, end }: LogParts, after: number): Promise<SinkError> {
    const where = this.#bucket.where(SEGMENTS);
    const last = parts.at(-1);
    const tail = last === undefined ? undefined : (await this.#bucket.bytes(last, AHEAD_BYTES)).at(-1);
    if (tail === undefined || tail === 0x0a)
      return new SinkError("conflict", `${where} was read with ${after} bytes of lines and now has ${end}`);
    return new SinkError(
      "damaged",
      `${where} ends within a line (${last?.key ?? ""}): somebody else has written there, and what is written once is not repaired. audit-verify says more; name a new prefix in AUDIT_SINKS, and the next run fills it`,
    );
  }
}

const digits = (offset: number): string => String(offset).padStart(OFFSET_DIGITS, "0");

/** The objects that continue each other from an offset on. */
function follow(
  objects: ReadonlyMap<string, ObjectVersion>,
  start: string,
  from: number,
): { readonly parts: ObjectVersion[]; readonly end: number } {
  const parts: ObjectVersion[] = [];
  let end = from;
  for (;;) {
    const next = objects.get(`${start}${digits(end)}`);
    // An empty one continues nothing, for ever.
    if (next === undefined || next.size === 0) return { parts, end };
    parts.push(next);
    end += next.size;
  }
}
