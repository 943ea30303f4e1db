import { eachLine, type Finding, type Lane, type ReportFinding } from "@scidex/audit-reader";
import type { ReadTable } from "./lookup.ts";
import { eventKey, MAX_NAMED, relationOf, type Rows } from "./planner.ts";

type Text = Pick<Finding, "expected" | "actual" | "message">;

/** Reports rows by their keys, and how many there are where not all can be named. */
export function reportRows(kind: string, { keys, count }: Rows, report: ReportFinding, finding: Text): void {
  for (const key of keys) report({ check: "access_mismatch", eventKind: kind, eventPk: key, ...finding });
  if (keys.length < count)
    report({
      check: "access_mismatch",
      eventKind: kind,
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

  /** The keys of the rows, which are looked for at their places. */
  async rows(lane: Lane, table: ReadTable): Promise<Rows> {
    const wanted = new Set(this.#places.map(({ table: oid, page, item }) => `${oid} (${page},${item})`));
    const keys: string[] = [];
    if (wanted.size > 0)
      await lane.attempt(async (attempt) => {
        const relation = await relationOf(attempt, table);
        if (relation === null) return;
        await eachLine(
          await attempt.scan(relation, ["tableoid", "ctid", ...table.key], "text"),
          ([oid, place, ...key]) => {
            if (wanted.has(`${oid ?? ""} ${place ?? ""}`)) keys.push(eventKey(key));
          },
        );
      });
    return { keys, count: this.#count };
  }
}
