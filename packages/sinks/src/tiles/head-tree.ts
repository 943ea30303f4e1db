import {
  CoreError,
  type HeadParts,
  isBeginningLine,
  isStatementLine,
  parseBeginningLine,
  parseCheckpoint,
  parseHeadParts,
  parseNote,
} from "@scidex/audit-core";
import { SinkError } from "../errors.ts";
import type { SinkLine } from "../sink.ts";
import { treeFolder } from "./tree-folder.ts";

/** A head, as far as its tree goes. */
export type HeadTree = Pick<HeadParts, "seq" | "checkpoint"> & { readonly root: Uint8Array };

/** @throws {SinkError} `line_invalid` */
export function headTreeOf(line: string): HeadTree {
  try {
    const { seq, checkpoint } = parseHeadParts(line);
    return { seq, checkpoint, root: parseCheckpoint(parseNote(checkpoint).text).root };
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new SinkError(
      "line_invalid",
      `only heads and statements go into a sink that keeps the tree: ${cause.message}`,
      { cause },
    );
  }
}

/** What lines that are to be appended ask of the tree. */
export interface NewHeads {
  /** Those of the log with which the lines end: of one that ends among them nobody has the leaves any more. */
  readonly heads: readonly HeadTree[];
  /** Where that log begins among the lines, its tree's folder. */
  readonly begun: string | undefined;
}

/** @throws {SinkError} `line_invalid` */
export function newHeadsOf(lines: readonly string[]): NewHeads {
  const begins = lines.findLastIndex(isBeginningLine);
  const beginning = lines[begins];
  return {
    heads: lines.filter((line, i) => i > begins && !isStatementLine(line)).map(headTreeOf),
    begun: beginning === undefined ? undefined : folderOf(beginning),
  };
}

/** Where the tree of the log is with which the lines end, and its last head there. */
export interface LogStanding {
  /** Its folder within the sink's. */
  readonly folder: string;
  /** A line. */
  readonly last: string | undefined;
}

export async function standing(lines: AsyncIterable<SinkLine>): Promise<LogStanding> {
  let folder = "";
  let last: string | undefined;
  for await (const { text, defect } of lines) {
    if (defect !== null) continue;
    if (isBeginningLine(text)) [folder, last] = [folderOf(text), undefined];
    else if (!isStatementLine(text)) last = text;
  }
  return { folder, last };
}

/** @throws {SinkError} `line_invalid` */
function folderOf(beginning: string): string {
  try {
    return treeFolder(parseBeginningLine(beginning).origin);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new SinkError("line_invalid", `the line that begins a log is not one: ${cause.message}`, { cause });
  }
}
