import type { Change, Message, Relation } from "../pgoutput/message.ts";
import type { Lsn } from "../pgoutput/lsn.ts";
import type { Place } from "../position/position.ts";
import type { StreamTable, StreamTables } from "../rows/read-tables.ts";
import { filled, RowReader, UnreadableRow } from "../rows/row-reader.ts";
import { described, type StreamEvent, type Transaction } from "./batch.ts";
import type { Notice } from "./notice.ts";
import { PublisherError } from "../../errors.ts";

interface Followed {
  readonly table: StreamTable;
  readonly reader: RowReader;
}

interface Open {
  readonly commitLsn: Lsn;
  readonly transaction: Transaction;
  changes: number;
}

/** What is wrong with the description of a relation: something that should not be, or that can be better. */
interface Described {
  readonly notice?: Notice;
  readonly warning?: string;
}

/**
 * Turns the log's messages into events. It knows which transaction is open, and how many of its changes were linked
 * before; those are passed over. Holds no row.
 */
export class TransactionReader {
  readonly #followed = new Map<number, Followed>();
  /** Relations of which it is known that they sent whole rows of before, and those of which it was said that they do not. */
  readonly #whole: Set<number>;
  readonly #warned = new Set<number>();
  readonly #linked: Place;
  #open: Open | undefined;
  #linkedTo: Lsn;

  /** @param whole relations that have sent whole rows of before */
  constructor(linked: Place, whole: readonly number[]) {
    this.#linked = linked;
    this.#linkedTo = linked.linkedTo;
    this.#whole = new Set(whole);
  }

  /** Relations that have sent whole rows of before, and are not known to have stopped. */
  get whole(): readonly number[] {
    return [...this.#whole];
  }

  /** The number of the transaction that is open. */
  get xid(): number | undefined {
    return this.#open?.transaction.xid;
  }

  get isBetween(): boolean {
    return this.#open === undefined;
  }

  /** Behind what has been read. */
  get place(): Place {
    return { linkedTo: this.#linkedTo, within: this.#open?.commitLsn ?? null, changes: this.#open?.changes ?? 0 };
  }

  /** Nothing comes any more that was committed before this place. */
  passTo(lsn: Lsn): void {
    if (this.#open === undefined && lsn > this.#linkedTo) this.#linkedTo = lsn;
  }

  /** How the rows of a relation are read from now on. */
  describe(relation: Relation, tables: StreamTables): Described {
    const { oid, identity } = relation;
    const known = this.#followed.get(oid)?.table;
    const table = tables.get(oid);
    if (table === undefined && known?.oid === oid) return this.#goOn(relation, known);
    if (table === undefined) {
      this.#followed.delete(oid);
      return {};
    }
    this.#followed.set(oid, { table, reader: new RowReader(table, relation) });
    if (identity === "f") {
      this.#whole.add(oid);
      return {};
    }
    const name = `${relation.schema}.${relation.name}`;
    const text = `the replica identity of ${name} is not FULL, so that changes of its rows do not say what they were: run audit-chain sync`;
    // A partition that has come since gets it by sync. Whatever had it has been tampered with.
    if (oid === table.oid || this.#whole.delete(oid))
      return { notice: { check: "relation_changed", eventKind: table.kind, message: text } };
    if (this.#warned.has(oid)) return {};
    this.#warned.add(oid);
    return { warning: text };
  }

  /**
   * A table is sent that has been in the mode, and nothing stands for any more. Whoever detaches it waits until all that it has
   * sent is linked: this is somebody who wants it passed over. It is not.
   */
  #goOn(relation: Relation, table: StreamTable): Described {
    this.#followed.set(relation.oid, { table, reader: new RowReader(table, relation) });
    const message = `${table.relation} is not found any more by what stands for it in audit_chain_relation and audit_chain_config, and its changes come: they are linked as before`;
    return { notice: { check: "relation_changed", eventKind: table.kind, message } };
  }

  /** Everything but the description of a relation. */
  read(message: Exclude<Message, Relation>, events: StreamEvent[], notices: Notice[]): void {
    switch (message.type) {
      case "begin":
        this.#open = {
          commitLsn: message.commitLsn,
          transaction: message,
          changes: 0,
        };
        return;
      case "commit":
        this.#open = undefined;
        this.#linkedTo = message.endLsn;
        return;
      case "insert":
      case "update":
      case "delete":
      case "truncate":
        this.#change(message, events, notices);
        return;
      case "origin":
      case "type":
      case "message":
    }
  }

  #change(change: Change, events: StreamEvent[], notices: Notice[]): void {
    const open = this.#open;
    if (open === undefined) throw new PublisherError("stream", "the server has sent a change outside a transaction");
    open.changes++;
    if (open.commitLsn === this.#linked.within && open.changes <= this.#linked.changes) return;
    if (change.type === "truncate") {
      for (const oid of change.relations) {
        const table = this.#followed.get(oid)?.table;
        if (table !== undefined)
          notices.push({
            check: "change_refused",
            eventKind: table.kind,
            message: `${table.relation}, or a part of it, was truncated past its guard (${described(open.transaction)})`,
          });
      }
      return;
    }
    const followed = this.#followed.get(change.relation);
    if (followed === undefined) return;
    try {
      events.push(...rowEvents(change, followed, open.transaction));
    } catch (error) {
      if (!(error instanceof UnreadableRow)) throw error;
      notices.push({
        check: "source_unchained",
        eventKind: followed.table.kind,
        message: `a row of ${followed.table.relation} cannot be recorded: ${error.message} (${described(open.transaction)})`,
      });
    }
  }
}

function rowEvents(
  change: Exclude<Change, { readonly type: "truncate" }>,
  { table, reader }: Followed,
  transaction: Transaction,
): StreamEvent[] {
  const event = (
    op: StreamEvent["op"],
    row: Pick<StreamEvent, "pk" | "payloadHash">,
    beforeHash: string | null,
  ): StreamEvent => ({
    kind: table.kind,
    op,
    ...row,
    beforeHash,
    isRefused: op !== "insert" && table.changes === "refuse",
    transaction,
  });
  if (change.type === "insert") return [event("insert", reader.read(change.after), null)];
  const { before } = change;
  const old =
    before?.isWhole === true
      ? reader.read(before.row)
      : before === null
        ? undefined
        : { pk: reader.keyOf(before.row), payloadHash: null };
  if (change.type === "delete") {
    if (old === undefined) throw new UnreadableRow("its key was not sent");
    return [event("delete", old, old.payloadHash)];
  }
  const now = reader.read(filled(change.after, before?.isWhole === true ? before.row : undefined));
  if (now.payloadHash === old?.payloadHash) return [];
  // What is sent of the row before is its key, where that was another one.
  if (old === undefined || now.pk === old.pk) return [event("update", now, old?.payloadHash ?? null)];
  return [event("delete", old, old.payloadHash), event("insert", now, null)];
}
