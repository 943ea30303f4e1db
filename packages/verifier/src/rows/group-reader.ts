import { type Micros, toHex } from "@scidex/audit-core";
import type { Cursor, ReportFinding } from "@scidex/audit-reader";
import { ChangeNames } from "./changes/change-names.ts";
import { ChangeWalk } from "./changes/change-walk.ts";
import { isLeaving, type KeyEvent, type KeyGroup } from "./key-group.ts";
import type { KindTally } from "./kind-tally.ts";
import { Restorations, type RestoredRows } from "./changes/restoration.ts";
import type { KeyedEvent } from "./read-events.ts";

/** What is to be known of an event that its key does not say. */
export interface EventJudge {
  /**
   * Whether the configuration in force for a change refuses changes. In the mode `stream` the write-ahead log shows them all
   * the same, past any guard: then the row is what the change made of it.
   */
  readonly isRefused: (event: KeyedEvent) => "forged" | "seen" | false;
  /** Whether a statement of the publisher stands for what was recorded anew. */
  readonly isStated: (event: KeyedEvent) => boolean;
  /** Whether rows had other keys before. */
  readonly isRekeyed: (event: KeyedEvent) => boolean;
}

/**
 * Joins the events of one key: its newest one, and how many there are. Reports events that are there twice, and changes
 * of rows that may not change.
 */
export class GroupReader {
  readonly #events: Cursor<KeyedEvent>;
  readonly #judge: EventJudge;
  readonly #report: ReportFinding;
  readonly #tally: KindTally;
  readonly #restorations = new Restorations();
  #current: KeyGroup | undefined;

  /** @param tally counts the links of each kind */
  constructor(events: Cursor<KeyedEvent>, judge: EventJudge, report: ReportFinding, tally: KindTally) {
    this.#events = events;
    this.#judge = judge;
    this.#report = report;
    this.#tally = tally;
  }

  get current(): KeyGroup | undefined {
    return this.#current;
  }

  /** Rows that were put back, of the events so far. */
  get restored(): RestoredRows[] {
    return this.#restorations.restored;
  }

  async next(): Promise<KeyGroup | undefined> {
    let event = this.#events.current ?? (await this.#events.next());
    if (event === undefined) {
      this.#current = undefined;
      return undefined;
    }
    const { kind, epoch, key } = event;
    let begin: KeyEvent | undefined;
    let newest: KeyEvent | undefined;
    let linked: KeyEvent | undefined;
    let unstated: KeyEvent | undefined;
    let links = 0;
    let changedAt: Micros | null = null;
    let first: bigint | null = null;
    const changes = new ChangeNames();
    const isRekeyed = this.#judge.isRekeyed(event);
    const walk = new ChangeWalk(isRekeyed);
    while (event !== undefined && event.kind === kind && event.epoch === epoch && event.key === key) {
      const name = changes.judge(event);
      if (name === "misnamed") this.#misnamed(event);
      // A key that belonged to another row before: its insert is no first event of the key in the chain.
      const isNew = event.op === "insert" && isRekeyed && newest === undefined;
      const refused = isChange(event) && !isNew && this.#judge.isRefused(event);
      if (refused === "seen" && event.op !== "insert") this.#refused(event);
      if (refused === "forged") this.#forged(event);
      else if (event.op === "record" && !this.#judge.isStated(event)) unstated = event;
      else if (typeof name === "bigint") this.#duplicate(event, name);
      else if (event.seq !== null && event.op === "event" && first !== null) this.#duplicate(event, first);
      else {
        const isPutBack = walk.putsBack(event);
        walk.push(event, refused === "seen" && event.op !== "insert");
        this.#restorations.add(kind, event);
        // A row that is never changed has one event: what is pending under the same key does not replace it.
        if (event.seq !== null || isChange(event) || isLeaving(event) || isPutBack || newest === undefined) {
          begin ??= event;
          newest = event;
          if (event.seq !== null) {
            linked = event;
            // A row that got another key was recorded anew under it: what is older stands under the other.
            const isChanged = !["record", "restore", "retire", "erase"].includes(event.op);
            if (isChanged || (isRekeyed && begin === event)) changedAt = event.appendedAt;
            unstated = undefined;
          }
        }
      }
      if (event.seq !== null) {
        links++;
        if (event.op === "event") first ??= event.seq;
      }
      if (!this.#events.step()) await this.#events.fill();
      event = this.#events.current;
    }
    this.#tally.add(kind, links);
    const { breaks } = walk;
    this.#current = { kind, epoch, key, first: begin, newest, linked, unstated, links, changedAt, breaks };
    return this.#current;
  }

  #duplicate(event: KeyedEvent, first: bigint): void {
    this.#report({
      check: "duplicate",
      ...(event.seq === null ? {} : { seq: event.seq }),
      eventKind: event.eventKind,
      eventPk: event.eventPk,
      message: `the event is chained twice, first at seq ${first}`,
    });
  }

  #misnamed(event: KeyedEvent): void {
    this.#report({
      check: "event_hash",
      ...(event.seq === null ? {} : { seq: event.seq }),
      eventKind: event.eventKind,
      eventPk: event.eventPk,
      message: "the key of a change does not end in its own seq",
    });
  }

  #refused(event: KeyedEvent): void {
    this.#report({
      check: "change_refused",
      ...(event.seq === null ? {} : { seq: event.seq }),
      eventKind: event.eventKind,
      eventPk: event.eventPk,
      expected: "no change",
      actual: event.op,
      message: `a row of a table that refuses changes was ${event.op === "update" ? "updated" : "deleted"} past its guard`,
    });
  }

  /** Someone with full write authority can put a change into pending, and wait for the sealer to make a link of it. */
  #forged(event: KeyedEvent): void {
    this.#report({
      check: "source_edited",
      ...(event.seq === null ? {} : { seq: event.seq }),
      eventKind: event.eventKind,
      eventPk: event.eventPk,
      expected: "no change",
      actual: event.op,
      observed: toHex(event.payloadHash),
      message: "the event records a change of a row of a table that refuses changes: it was put there past the trigger",
    });
  }
}

const isChange = (event: KeyEvent): boolean => event.op === "insert" || event.op === "update" || event.op === "delete";
