import type { Place } from "./place.ts";

/**
 * A sink keeps the head log in a place outside the database: one line of JSON per publication, each ended by a line
 * feed, only ever appended. A sink does not judge what a line says; `parseHeadLine` and `parseStatementLine`
 * of the core do.
 *
 * A line exists once its line feed does. Bytes after the last line feed are a *torn* line, left by a power cut or a
 * full disk in the middle of a write. They were never reported as written, and the next append removes them. That holds
 * for a whole line that lacks only its line feed, too: its writer still has it and writes it again.
 */

/**
 * The longest line, in bytes without its line feed, that is read as a whole or written. A head line is about 1,500
 * bytes plus 46 for each level of the tree; a longer one is hostile or damaged and is never held in memory.
 */
export const MAX_LINE_BYTES = 1_048_576;

/** One line of a sink, as it stands there; nothing in it has been verified. */
export interface SinkLine {
  /** The line's number, from 1. */
  readonly number: number;
  /** The line without its line feed. Where it is `too_long` or `not_utf8`: its first 256 bytes, for a message. */
  readonly text: string;
  /** The offset in bytes just after the line's line feed (or after its last byte, where it is torn). */
  readonly end: number;
  /**
   * `null` for a line of at most `MAX_LINE_BYTES` bytes of UTF-8 with its line feed. `torn` is the last line without
   * one, which is not in the log. `too_long` and `not_utf8` are lines that no publisher has ever written.
   */
  readonly defect: null | "torn" | "too_long" | "not_utf8";
}

/**
 * The leaves of the chain's tree, from one seq to another, both included, in order: each is `leafText` of the core. Whoever
 * asks holds them against the root that is signed in a head.
 */
export type Leaves = (from: bigint, to: bigint) => AsyncIterable<string>;

export interface AppendOptions {
  /** The leaves up to the last head that is appended: what a sink that keeps the tree makes its files of. Others do not ask. */
  readonly leaves?: Leaves;
  /**
   * The `end` of the last line that the caller has read (0 for an empty log). If the log has gained or lost a line
   * since, nothing is written and a `SinkError` with the code `conflict` is thrown. Without it the lines go after
   * whatever is there.
   */
  readonly after?: number;
}

/** The files of the tree that a sink keeps beside its lines (c2sp.org/tlog-tiles). */
export interface TreeFiles {
  /**
   * A file's bytes by its path, `checkpoint` or `tile/…`, of which nothing has been verified; undefined where there is
   * none. Of one that is longer than any can be, as many bytes as show that.
   *
   * @throws {SinkError} when it cannot be read
   */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** A durable place for head lines. */
export interface Sink {
  /** The sink's URL without secrets: it names the sink in reports and in the publisher's state. */
  readonly name: string;
  /** The scheme of the URL. */
  readonly kind: "file" | "git" | "tiles" | "s3";
  /** The tree's files; undefined for a sink that has only lines. */
  readonly files?: TreeFiles;
  /**
   * Streams the lines from the first on, in constant memory. A log that is not there yet has no lines. For git with
   * `push`, this is what the remote holds now.
   *
   * @throws {SinkError} when the sink cannot be read to its end; the lines yielded before prove nothing then.
   */
  read(): AsyncIterable<SinkLine>;
  /**
   * Appends the lines, all or none, after removing a torn last line. They are durable when it returns.
   *
   * @returns the log's new length in bytes.
   * @throws {SinkError}; after `timeout`, `aborted`, `git` and `io` the lines may be there all the same: read again.
   */
  append(lines: readonly string[], options?: AppendOptions): Promise<{ end: number }>;
  /**
   * Where the log is, to find out with `sinksThatAreOne` whether two are one; undefined where that cannot be said,
   * since nothing is there yet.
   *
   * @throws {SinkError} as `read`
   */
  place(): Promise<Place | undefined>;
  /** What was seen while reading that changes nothing of what was read, and that somebody should look into. */
  warnings?(): readonly string[];
  /** Ends what is still running. The sink can't be used afterwards. */
  close(): Promise<void>;
}
