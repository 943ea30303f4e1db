import type { Sql } from "postgres";
import type { Draw } from "./draw.ts";
import type { Platform } from "./platform.ts";
import type { Table } from "./tables.ts";
import type { Fresh } from "./writes.ts";

/** What an attacker has. */
export interface Means {
  readonly platform: Platform;
  /** A superuser's session, in which no trigger of ours fires. */
  readonly sql: Sql;
  /** Tables with rows, each of which is published. */
  readonly tables: readonly Table[];
  readonly draw: Draw;
  readonly fresh: Fresh;
}

/** What was done, where it must be found, and how it is undone. */
export interface Attacked {
  readonly said: string;
  /** Any of these checks. */
  readonly checks: readonly string[];
  /** The key of the row that must be named, and the kind of its table; undefined where it is about none. */
  readonly pk?: string;
  readonly kind?: string;
  readonly undo: () => Promise<void>;
}

export interface Attack {
  readonly name: string;
  readonly perform: (means: Means) => Promise<Attacked>;
}

/** The kind of a table, where it has one. */
export const kindOf = ({ kind }: Table): { kind?: string } => (kind === null ? {} : { kind });
