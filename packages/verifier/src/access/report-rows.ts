import type { Finding, Report } from "../finding.ts";
import type { Lane } from "../snapshot.ts";
import { fromTable, keyList, type ReadTable } from "./lookup.ts";
import { MAX_NAMED, readKeys, type Rows } from "./planner.ts";

type Text = Pick<Finding, "expected" | "actual" | "message">;

/** Reports rows by their keys, and how many there are where not all can be named. */
export function reportRows(kind: string, { keys, count }: Rows, report: Report, finding: Text): void {
  for (const key of keys) report({ check: "access_mismatch", event_kind: kind, event_pk: key, ...finding });
  if (keys.length < count)
    report({
      check: "access_mismatch",
      event_kind: kind,
      ...finding,
      actual: `${count} rows, of which ${keys.length} are named`,
      message: finding.message.replace("this row", "rows that are not named"),
    });
}

/** Where a row lies: the oid of the table that holds it, and its `ctid`. */
export interface Place {
  readonly table: number;
  readonly page: number;
  readonly item: number;
}

/** Collects places: as many as are named, and how many there are. */
export class Places {
  readonly #places: Place[] = [];
  #count = 0;

  add(place: Place): void {
    if (++this.#count <= MAX_NAMED) this.#places.push(place);
  }

  /** The keys of the rows, read by their places. */
  async rows(lane: Lane, table: ReadTable): Promise<Rows> {
    const keys: string[] = [];
    for (const oid of new Set(this.#places.map((place) => place.table))) {
      const list = this.#places.filter((place) => place.table === oid).map(({ page, item }) => `"(${page},${item})"`);
      const statement = `select ${keyList(table)} from ${fromTable(table)} as a where a.tableoid operator(pg_catalog.=) ${oid}::pg_catalog.oid and a.ctid operator(pg_catalog.=) any ('{${list.join(",")}}'::pg_catalog.tid[])`;
      keys.push(...(await lane.attempt(async (attempt) => await readKeys(attempt, statement))).keys);
    }
    return { keys, count: this.#count };
  }
}
