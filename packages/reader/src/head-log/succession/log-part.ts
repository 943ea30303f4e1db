import type { Beginning, Erasure, HeadTrust, Statement } from "@scidex/audit-core";
import type { PublishedHead } from "../published-head.ts";
import type { KeyTurn } from "./key-turns.ts";

/** The lines of one log, in the order in which they stand in a head log. */
export interface LogPart {
  /** Undefined where the log's name was not given. */
  readonly origin: string | undefined;
  /** The statement with which it begins; undefined of the first log. */
  readonly beginning: Beginning | undefined;
  readonly heads: readonly PublishedHead[];
  readonly statements: readonly Statement[];
  /** What others than the publisher have signed of rows that were erased. */
  readonly erasures: readonly Erasure[];
  /** What trusts its keys after its last line: not those that have been replaced. */
  readonly trust: HeadTrust;
  /** Where its keys were replaced, oldest first. */
  readonly turns: readonly KeyTurn[];
}
