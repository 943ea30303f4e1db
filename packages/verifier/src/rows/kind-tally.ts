/** How many kinds without a table are listed by name. Someone with full write authority can make a million of them. */
export const MAX_OTHER_KINDS = 200;

/** Longer names than an honest kind can have are cut, in UTF-16 units. */
const MAX_NAME = 300;

/** What there is of one kind. */
export interface KindCount {
  readonly kind: string;
  /** Its links in the chain, changes of tracked rows included. */
  readonly links: number;
  /** Rows of its table that are what was recorded; null where there is no table, or where it was not compared. */
  readonly matched: number | null;
}

/** Links by kind, of a chain whose kinds cannot all be listed. */
export interface KindCounts {
  /** Kinds of tables first, then the others, each by number of links. */
  readonly listed: readonly KindCount[];
  /** The kinds without a table that are not listed, and how many links they have together. */
  readonly others: { readonly kinds: number; readonly links: number };
}

type Entry = { kind: string; links: number; matched: number | null };

/** Counts links by kind, in memory that does not grow with the number of kinds that have no table. */
export class KindTally {
  readonly #tables: Map<string, Entry>;
  #largest: Entry[] = [];
  #current: Entry | undefined;
  #dropped = { kinds: 0, links: 0 };

  /** @param tables kinds of tables: all of them are listed */
  constructor(tables: Iterable<string>) {
    this.#tables = new Map([...tables].map((kind) => [kind, { kind, links: 0, matched: null }]));
  }

  /** Counts links of a kind. All links of a kind must come one after another. */
  add(kind: string, links: number): void {
    if (this.#current?.kind !== kind) {
      this.#current = this.#tables.get(kind) ?? { kind, links: 0, matched: null };
      if (!this.#tables.has(kind)) this.#largest.push(this.#current);
      if (this.#largest.length > 2 * MAX_OTHER_KINDS) this.#prune();
    }
    this.#current.links += links;
  }

  /** Notes how many rows of a kind's table are what was recorded. */
  compared(kind: string, matched: number): void {
    const entry = this.#tables.get(kind);
    if (entry !== undefined) entry.matched = matched;
  }

  counts(): KindCounts {
    this.#current = undefined;
    this.#prune();
    const listed = [...[...this.#tables.values()].toSorted(byLinks), ...this.#largest];
    return {
      listed: listed.map((entry) => ({ ...entry, kind: cut(entry.kind) })),
      others: { ...this.#dropped },
    };
  }

  #prune(): void {
    // What is being counted has few links yet, and may get the most.
    const counted = this.#largest.filter((entry) => entry !== this.#current).toSorted(byLinks);
    for (const { links } of counted.slice(MAX_OTHER_KINDS)) {
      this.#dropped.kinds++;
      this.#dropped.links += links;
    }
    this.#largest = counted.slice(0, MAX_OTHER_KINDS);
    if (this.#current !== undefined && !this.#tables.has(this.#current.kind)) this.#largest.push(this.#current);
  }
}

const byLinks = (a: Entry, b: Entry) => b.links - a.links;
const cut = (kind: string) => (kind.length > MAX_NAME ? `${kind.slice(0, MAX_NAME)}…` : kind);
