import { Cursor, Sorter } from "@scidex/audit-reader";
import { compareBytes } from "../byte-order.ts";
import type { KeyReading } from "./earlier-keys.ts";
import type { GroupReader } from "../group-reader.ts";
import { type KeyAccounts, Some } from "./key-accounts.ts";
import { isLeaving, type KeyEvent, type KeyGroup } from "../key-group.ts";
import type { SourceRow } from "../source/read-source.ts";
import type { SourceChecker } from "../source-checker.ts";
import { type Traveller, travellerOf, travellerRecord } from "./traveller.ts";

/**
 * Merges the rows of a table whose key was changed since they were recorded with its events. Those of now are merged with the
 * events of the newest epoch; rows that have none there, or only changes, with those of the epoch before, and so on.
 *
 * @param keys how rows were keyed in the earlier epochs, newest first, as far back as they are to be compared
 */
export async function mergeRekeyed(
  kind: string,
  groups: GroupReader,
  rows: Cursor<SourceRow>,
  { checker, accounts }: { readonly checker: SourceChecker; readonly accounts: KeyAccounts },
  keys: readonly (KeyReading | null)[],
): Promise<void> {
  const sorters = keys.map(() => new Sorter());
  try {
    let travellers: Travellers = new RowTravellers(rows);
    for (let epoch = 0; epoch <= keys.length; epoch++) {
      // Where the key of then cannot be told, rows and events can only be counted.
      const isBlind = epoch > 0 && keys[epoch - 1] === null;
      const level = new Level({ kind, epoch, groups, checker, accounts, before: sorters[epoch] });
      if (isBlind) await level.count(travellers);
      else await level.merge(travellers);
      const sorter = sorters[epoch];
      if (isBlind || sorter === undefined) return;
      travellers = new SortedTravellers(Cursor.sorted(sorter.records(), travellerOf));
      await travellers.next();
    }
  } finally {
    for (const sorter of sorters) sorter.close();
  }
}

interface Travellers {
  readonly current: Traveller | undefined;
  next(): Promise<void>;
}

class RowTravellers implements Travellers {
  readonly #rows: Cursor<SourceRow>;

  constructor(rows: Cursor<SourceRow>) {
    this.#rows = rows;
  }

  get current(): Traveller | undefined {
    const row = this.#rows.current;
    return row && { ...row, at: row.key, begun: null, unstated: undefined };
  }

  async next(): Promise<void> {
    await this.#rows.next();
  }
}

class SortedTravellers implements Travellers {
  readonly #cursor: Cursor<Traveller>;

  constructor(cursor: Cursor<Traveller>) {
    this.#cursor = cursor;
  }

  get current(): Traveller | undefined {
    return this.#cursor.current;
  }

  async next(): Promise<void> {
    await this.#cursor.next();
  }
}

/** Whether an event found a row there, which has an event of another key then. */
const hasFound = (event: KeyEvent | undefined): event is KeyEvent =>
  event !== undefined && (["update", "record"].includes(event.op) || isLeaving(event));

interface LevelGround {
  readonly kind: string;
  readonly epoch: number;
  readonly groups: GroupReader;
  readonly checker: SourceChecker;
  readonly accounts: KeyAccounts;
  /** Takes what is to be looked for in the epoch before; undefined where that is settled. */
  readonly before: Sorter | undefined;
}

/** One epoch of a table's keys. */
class Level {
  readonly #kind: string;
  readonly #epoch: number;
  readonly #groups: GroupReader;
  readonly #checker: SourceChecker;
  readonly #accounts: KeyAccounts;
  readonly #before: Sorter | undefined;
  /** Events of rows that are gone, or have another key than the one of then. */
  readonly #orphans = new Some<KeyGroup>();
  /** Changes of rows of which no earlier event has been found. */
  readonly #begun = new Some<KeyEvent>();

  constructor({ kind, epoch, groups, checker, accounts, before }: LevelGround) {
    this.#kind = kind;
    this.#epoch = epoch;
    this.#groups = groups;
    this.#checker = checker;
    this.#accounts = accounts;
    this.#before = before;
  }

  get #group(): KeyGroup | undefined {
    const { current } = this.#groups;
    return current?.kind === this.#kind && current.epoch === this.#epoch ? current : undefined;
  }

  async merge(rows: Travellers): Promise<void> {
    for (;;) {
      const group = this.#group;
      const row = rows.current;
      if (group === undefined && row === undefined) break;
      const order =
        row === undefined ? -1 : group === undefined || row.at === null ? 1 : compareBytes(group.key, row.at);
      if (order > 0 || group === undefined) {
        if (row !== undefined) this.#alone(row, undefined);
        await rows.next();
        continue;
      }
      this.#checker.changes(group);
      let isFound = false;
      for (let own = rows.current; own?.at === group.key; own = rows.current) {
        isFound = this.#meet(group, own, isFound) || isFound;
        await rows.next();
      }
      if (!isFound) this.#without(group);
      await this.#groups.next();
    }
    this.#accounts.settle(this.#orphans, this.#begun);
  }

  /** A row that has the key of these events. Whether they are its own. */
  #meet(group: KeyGroup, row: Traveller, isFound: boolean): boolean {
    const { newest } = group;
    if (newest === undefined || isFound || (row.begun !== null && isLeaving(newest))) {
      this.#alone(row, isFound ? undefined : group.unstated);
      return false;
    }
    if (row.begun === null) this.#checker.both(group, row.hashes, this.#epoch === 0 ? undefined : row);
    else this.#accounts.follows(group, row.begun);
    if (hasFound(group.first)) this.#pass({ ...row, begun: group.first });
    return true;
  }

  /** A row without an event of this epoch. */
  #alone(row: Traveller, unstated: KeyEvent | undefined): void {
    // What has begun by a change in the epoch behind has its event here, if anywhere.
    if (row.begun !== null) this.#begun.add(row.begun);
    else if (this.#before === undefined) this.#checker.onlyThere(row.key, row.hashes);
    else this.#pass({ ...row, unstated: row.unstated ?? unstated });
  }

  /** Events without a row. */
  #without(group: KeyGroup): void {
    const { newest, first } = group;
    if (newest !== undefined && newest.op !== "delete") {
      if (this.#epoch === 0 || this.#checker.mayBeGone(group)) this.#checker.onlyChained(group);
      else this.#orphans.add(group);
    }
    if (hasFound(first))
      this.#pass({ at: null, earlier: [], key: null, hashes: [], begun: first, unstated: undefined });
  }

  #pass(row: Traveller): void {
    this.#before?.add(...travellerRecord(row));
  }

  /** Counts rows and events, where it cannot be told which belong together: of this epoch and of those before it. */
  async count(rows: Travellers): Promise<void> {
    let live = 0;
    for (let group = this.#groups.current; group?.kind === this.#kind; group = await this.#groups.next()) {
      this.#checker.changes(group);
      if (group.newest !== undefined && group.newest.op !== "delete") live++;
      if (hasFound(group.first)) live--;
    }
    for (let row = rows.current; row !== undefined; row = rows.current) {
      live--;
      if (row.begun === null) this.#checker.asFound(row);
      await rows.next();
    }
    this.#accounts.counted(live);
  }
}
