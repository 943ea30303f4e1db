import { CONFIG_KIND, type KindHistory, lastShape, splitRelation } from "../coverage/config.ts";
import { CAPTURE_MODES } from "@scidex/audit-core";
import { Cursor, type Lane, type ReportFinding } from "@scidex/audit-reader";
import { readShape } from "../coverage/shape.ts";
import { type Catalog, findRelation } from "./catalog/catalog.ts";

type Fields = readonly (string | null)[];

/**
 * Checks those of our tables that steer linking and that no chain covers. Whoever writes past their guards can keep
 * transactions from being linked, or a kind from belonging to its table. Each may hold only what attach, capture and
 * the migrations leave there.
 *
 * @param isKnownSchema whether the database is of a migration that the verifier knows
 * @param catalog null where it could not be read
 * @param histories null where the configuration could not be read
 * @returns kinds whose table is another than the one that was attached, which is elsewhere
 */
export async function checkOwnRows(
  lane: Lane,
  isKnownSchema: boolean,
  catalog: Catalog | null,
  histories: ReadonlyMap<string, KindHistory> | null,
  report: ReportFinding,
): Promise<ReadonlySet<string>> {
  const replaced = new Set<string>();
  const { schema } = lane.place;
  const changed = (message: string, expected: string, actual: string, kind?: string) =>
    report({
      check: "relation_changed",
      ...(kind === undefined ? {} : { eventKind: kind }),
      expected,
      actual,
      message,
    });
  const { rows: migrations } = await readAll(lane, "audit_chain_migrations", ["id"]);
  const ids = migrations.map(([id]) => Number(id)).toSorted((a, b) => a - b);
  if (ids.length === 0 || ids.some((id, i) => id !== i))
    changed(
      `${schema}.audit_chain_migrations does not have the migrations from the first to the newest`,
      "0, 1, …",
      ids.length === 0 ? "no rows" : ids.slice(0, 10).join(", "),
    );
  // What another release keeps in these tables is not known here.
  if (!isKnownSchema) return replaced;
  // A transaction takes its ticket back before it ends: nobody else ever sees one. A standby has none, and cannot read
  // the table, which is not logged.
  const isStandby = lane.parameters["in_hot_standby"] === "on";
  const tickets = isStandby ? NO_ROWS : await readAll(lane, "audit_chain_ticket", ["xid"]);
  if (tickets.count > 0)
    changed(
      `${schema}.audit_chain_ticket has tickets that were made in advance: what the transactions of these numbers write is not linked when they commit`,
      "no rows",
      `${tickets.count} rows, the first ${shown(tickets.rows[0] ?? [])}`,
    );
  const locks = await readAll(lane, "audit_chain_lock", ["id"]);
  if (locks.count !== 1 || locks.rows[0]?.[0] !== "t")
    changed(
      `${schema}.audit_chain_lock does not have the one row that serialises linking`,
      "t",
      locks.count === 0 ? "no rows" : locks.rows.slice(0, 10).map(shown).join(", "),
    );
  const pending = await readAll(lane, "audit_chain_pending", ["mode", "op", "staged_at"], (row) =>
    isPending(row) ? null : row,
  );
  if (pending.count > 0)
    changed(
      `${schema}.audit_chain_pending has rows that capture does not write`,
      `${MODES.join(" or ")}, ${OPS.join(" or ")}, a finite time`,
      `${pending.count} rows, the first ${shown(pending.rows[0] ?? [])}`,
    );
  if (catalog === null || histories === null) return replaced;
  const { rows } = await readAll(lane, "audit_chain_relation", ["kind", "relid", "column_numbers"]);
  for (const [kind = null, relid = null, numbers = null] of rows) {
    const history = kind === null ? undefined : histories.get(kind);
    if (history === undefined || kind === null || kind === CONFIG_KIND)
      changed(
        `${schema}.audit_chain_relation has the kind ${kind ?? "NULL"}, which no table was attached under`,
        "kinds of the configuration",
        shown([kind, relid]),
      );
    else if (!isNumbering(numbers, history))
      changed(
        `${schema}.audit_chain_relation does not have the columns of ${history.current.relation} as attach writes them`,
        "an object of covered and excluded columns with their numbers",
        numbers ?? "NULL",
        kind,
      );
  }
  const relids = new Map(rows.map(([kind, relid]) => [kind, relid]));
  for (const { kind, current } of histories.values()) {
    const place = splitRelation(current.relation);
    if (kind === CONFIG_KIND || current.action === "detach" || place === null) continue;
    // A table that was renamed or dropped since is judged where its rows are.
    const attached = relids.get(kind) ?? null;
    if (findRelation(catalog, place.schema, place.name) === undefined || attached === current.relation) continue;
    const elsewhere = attached === null ? null : splitRelation(attached);
    const isElsewhere = elsewhere !== null && findRelation(catalog, elsewhere.schema, elsewhere.name) !== undefined;
    if (isElsewhere) replaced.add(kind);
    changed(
      `${schema}.audit_chain_relation does not say that the kind ${kind} belongs to ${current.relation}${isElsewhere ? `. If a migration has put another table in the place of what is now ${attached}, run audit-chain sync` : ""}`,
      current.relation,
      attached ?? "nothing",
      kind,
    );
  }
  return replaced;
}

const MODES = [...CAPTURE_MODES, "late"];
const OPS = ["event", "door", "insert", "update", "delete", "retire", "erase", "restore"];

const isPending = ([mode, op, time]: Fields): boolean =>
  MODES.includes(mode ?? "") && OPS.includes(op ?? "") && time != null && !time.endsWith("infinity");

/** `{"column": attnum, …}`: columns that were dropped before the last configuration are left out. */
function isNumbering(text: string | null, history: KindHistory): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return false;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const shape = lastShape(history);
  const names = new Set([...shape.columns, ...shape.excluded]);
  return Object.entries(value).every(
    ([name, number]) => names.has(name) && Number.isInteger(number) && Number(number) >= 1 && Number(number) <= 1600,
  );
}

const shown = (row: Fields): string => row.map((field) => field ?? "NULL").join(" ");

interface Rows {
  readonly rows: readonly Fields[];
  readonly count: number;
}
const NO_ROWS: Rows = { rows: [], count: 0 };

/** More rows than any honest table of these has are counted, and not kept. */
const MAX_KEPT = 1_000_000;

/** Columns of one of our tables, of the rows that `keep` does not leave out. A table that is not there has none. */
async function readAll(
  lane: Lane,
  name: string,
  columns: readonly string[],
  keep: (row: Fields) => Fields | null = (row) => row,
): Promise<Rows> {
  return await lane.attempt(async (attempt) => {
    const rows: Fields[] = [];
    let count = 0;
    const shape = await readShape(attempt, attempt.place.schema, name);
    // What is missing or another is found in the catalog.
    if (shape?.relkind !== "r" || !columns.every((column) => shape.columns.has(column))) return { rows, count };
    const cursor = Cursor.text(await attempt.scan(shape, columns, "text"), keep);
    for (let row = await cursor.next(); row !== undefined; row = await cursor.next()) {
      if (row === null) continue;
      if (count < MAX_KEPT) rows.push(row);
      count++;
    }
    return { rows, count };
  });
}
