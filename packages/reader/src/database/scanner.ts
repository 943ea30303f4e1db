import type { Chunks } from "./copy/open-copy.ts";
import type { Column, Relation } from "./relation.ts";
import type { Rows } from "./relation.ts";

/** What rows of relations are read by: as much of a lane as its catalog needs, which is read by it. */
export interface Scanner {
  /**
   * Streams columns of one relation's own rows (of its partitions, where it has leaves; never of its children), in
   * whatever order they stand there: twice the same. It must be read to its end before the lane is used again.
   *
   * @param rows of the chain only: which of them
   */
  scan(relation: Relation, columns: readonly Column[], format: "binary" | "text", rows?: Rows): Promise<Chunks>;
  /** Runs `work`, whose statements may be refused: then its error is thrown, and the connection is still good. */
  attempt<T>(work: (scanner: Scanner) => Promise<T>): Promise<T>;
}
