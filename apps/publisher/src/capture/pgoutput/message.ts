import type { Micros } from "@scidex/audit-core";
import type { Lsn } from "./lsn.ts";

/**
 * What the plugin `pgoutput` says in protocol version 1, with texts and without binary values (PostgreSQL's
 * documentation, "Logical Replication Message Formats"). Committed transactions come whole, one after the other, in the
 * order of their commits: begin, changes, commit. Before the first change of a relation in a session, and again after it
 * has been altered, a message describes it.
 *
 * Version 2 would send large transactions before they commit. Then whoever reads has to keep them, and to forget those that
 * are rolled back. In version 1 the server does both, in files of its own beyond `logical_decoding_work_mem`.
 */
export type Message =
  | { readonly type: "begin"; readonly commitLsn: Lsn; readonly committedAt: Micros; readonly xid: number }
  | { readonly type: "commit"; readonly commitLsn: Lsn; readonly endLsn: Lsn; readonly committedAt: Micros }
  | Relation
  | Change
  /** Where a replicated transaction came from, what a type is called, what `pg_logical_emit_message` was given. */
  | { readonly type: "origin" | "type" | "message" };

/** A relation as it is at that place of the log. */
export interface Relation {
  readonly type: "relation";
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `pg_class.relreplident`: `d` (primary key), `n` (nothing), `f` (the whole row), `i` (an index). */
  readonly identity: string;
  readonly columns: readonly RelationColumn[];
}

export interface RelationColumn {
  readonly name: string;
  /** Whether it is part of the replica identity: each column is where that is the whole row. */
  readonly isIdentity: boolean;
  readonly typeOid: number;
  readonly typeModifier: number;
}

/** What was done to a row, or to all rows of relations. */
export type Change =
  | { readonly type: "insert"; readonly relation: number; readonly after: Row }
  | { readonly type: "update"; readonly relation: number; readonly before: Before | null; readonly after: Row }
  | { readonly type: "delete"; readonly relation: number; readonly before: Before }
  | { readonly type: "truncate"; readonly relations: readonly number[] };

/** The row before a change: whole, or the columns of the replica identity alone, the others being null. */
export interface Before {
  readonly isWhole: boolean;
  readonly row: Row;
}

/**
 * The texts of a row's columns, in the relation's order. `undefined` is a value that is stored out of line and was not
 * changed, and so is not sent; it is the one of the row before.
 */
export type Row = readonly (string | null | undefined)[];
