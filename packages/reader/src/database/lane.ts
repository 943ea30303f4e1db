import type { Place } from "@scidex/audit-core";
import type { Field } from "./copy/copy-binary.ts";
import type { Chunks } from "./copy/open-copy.ts";
import type { LiveCatalog } from "./catalog/live-catalog.ts";
import type { Node } from "./plan/node-text.ts";
import type { Form } from "./plan/parts.ts";
import type { Scanner } from "./scanner.ts";

/** A table by its name. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** One of the connections that see the snapshot. It does one thing at a time. */
export interface Lane extends Scanner {
  /** The server's encoding, as `server_encoding` names it. */
  readonly encoding: string;
  /** The database's name. */
  readonly database: string;
  /** Where the chain is in it. */
  readonly place: Place;
  /** The server's major version. */
  readonly majorVersion: number;
  /** The relations and types of the snapshot: read once for all lanes. */
  catalog(): Promise<LiveCatalog>;
  /** What the server reports of itself. */
  readonly parameters: Readonly<Record<string, string | undefined>>;
  /** Streams what a form yields. */
  read(form: Form, format: "binary" | "text"): Promise<Chunks>;
  /** The rows of a form, decoded one by one; without those that `decode` makes null of. */
  rows<T>(form: Form, fields: number, decode: (fields: readonly Field[]) => T | null): Promise<T[]>;
  /** Streams what several forms yield, one after the other; `use` reads each to its end. All of them are sent at once. */
  readEach<T>(
    forms: readonly Form[],
    format: "binary" | "text",
    use: (chunks: Chunks, i: number) => Promise<T>,
  ): Promise<T[]>;
  /** The plans that the server makes of forms, which are not run. All of them are sent at once. */
  plansOf(forms: readonly Form[]): Promise<Node[]>;
  /**
   * Takes the weakest lock on tables: until `attempt` ends. Where it is refused, the next statement fails. Only a single one
   * is waited for.
   */
  lock(tables: readonly TableName[]): Promise<void>;
  /** Changes the planner's settings until `attempt` ends. */
  plan(settings: readonly string[]): Promise<void>;
  /** Runs `work`, whose statements may be refused: then its error is thrown, and the lane is still good. */
  attempt<T>(work: (lane: Lane) => Promise<T>): Promise<T>;
}

/** One consistent state of the database, seen by two connections or more, so that chain and table can be streamed side by side. */
export type Snapshot = readonly [Lane, Lane, ...Lane[]];
