import { eventPk } from "@scidex/audit-core";
import { hash } from "node:crypto";
import type { Relation, Row } from "../pgoutput/message.ts";
import type { StreamTable } from "./read-tables.ts";

/** A row as the chain has it. */
export interface RowDigest {
  readonly pk: string;
  /** In hex: a million byte arrays of 32 bytes took 100 MB until they were collected. */
  readonly payloadHash: string;
}

/** Why a row has no digest. */
export class UnreadableRow extends Error {
  override readonly name = "UnreadableRow";
}

/**
 * Makes events of the texts of rows, as capture's own function makes them in SQL (core's capture-source.ts): the same
 * bytes. Worked out once for each description of a relation, since it is done for each row.
 *
 * A column that the configuration has and the table has not any more is left out, as capture leaves it out; one that has
 * joined since is left out until `sync`.
 */
export class RowReader {
  readonly #columns: readonly { readonly at: number; readonly label: string; readonly absent: string | undefined }[];
  readonly #key: readonly number[];

  constructor(table: StreamTable, relation: Relation) {
    const places = new Map(relation.columns.map(({ name }, at) => [name, at]));
    const placeOf = (column: string) => places.get(column) ?? places.get(table.renamed.get(column) ?? "");
    this.#columns = table.columns.flatMap((column, i) => {
      const at = placeOf(column);
      const member = table.members[i] ?? column;
      return at === undefined ? [] : [{ at, label: `${JSON.stringify(member)}:`, absent: table.absent.get(member) }];
    });
    this.#key = table.keyColumns.map((column) => placeOf(column) ?? -1);
  }

  /** @throws {UnreadableRow} without a key, or with a value that was not sent */
  read(row: Row): RowDigest {
    let text = "{";
    for (const { at, label, absent } of this.#columns) {
      const value = row[at];
      if (value === undefined) throw new UnreadableRow("a value was not sent");
      if (value === (absent ?? null)) continue;
      text += `${text.length > 1 ? "," : ""}${label}${value === null ? "null" : JSON.stringify(value)}`;
    }
    return { pk: this.keyOf(row), payloadHash: hash("sha256", `${text}}`) };
  }

  /** @throws {UnreadableRow} without a key */
  keyOf(row: Row): string {
    const texts = this.#key.map((at) => row[at]);
    if (!texts.every((text) => typeof text === "string")) throw new UnreadableRow("its key is NULL, or gone");
    try {
      return eventPk(texts);
    } catch (cause) {
      throw new UnreadableRow("its key is too long", { cause });
    }
  }
}

/** The row after an update, with what was not sent because it was not changed. */
export const filled = (after: Row, before: Row | undefined): Row =>
  before === undefined ? after : after.map((text, at) => (text === undefined ? before[at] : text));
