import { CodedError } from "@scidex/audit-core";

/**
 * Why a sink could not be read or written. A caller reports every one of these as "could not do it" (exit 3), except
 * `url_invalid`, which is a wrong configuration (exit 2). None of them is ever a finding.
 */
export type SinkErrorCode =
  /** The sink's URL is not one that this package understands. */
  | "url_invalid"
  /** The folder that should hold the log, or the repository, is not there. It is never created: a disk may be missing. */
  | "folder_missing"
  /** The path names something other than a regular file, or the folder is not a git repository. */
  | "wrong_type"
  | "permission"
  /** The disk is full, a quota is used up or the file would become too large. What was written was taken back. */
  | "no_space"
  /** Another writer held the sink's lock for the whole time that we waited. */
  | "busy"
  /** The sink holds something else than what the caller had read; nothing was written. Read it again. */
  | "conflict"
  /** A line that is to be appended is empty, longer than `MAX_LINE_BYTES` or contains a line feed. */
  | "line_invalid"
  /** The leaves that a tree's files are made of cannot be had, or are not those of the signed head; no line was written. */
  | "leaves"
  /** A file of the tree has other bytes than the tree; it is not written over. */
  | "damaged"
  /** git refused, for another reason than that the remote had moved. */
  | "git"
  /** The remote kept moving, or does not let us push. */
  | "rejected"
  | "timeout"
  | "aborted"
  /** A package that this kind of sink needs is not installed. */
  | "client_missing"
  /** Any other error of the operating system or of a server. */
  | "io";

/** Something that a sink could not do. The message is for an operator: what happened, where, and what to do. */
export class SinkError extends CodedError<SinkErrorCode> {
  override readonly name = "SinkError";
}

/** The errno name (`ENOENT`, …) of an error that Node.js raised, or undefined. */
export const errno = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
