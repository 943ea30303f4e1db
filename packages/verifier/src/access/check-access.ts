import { randomBytes } from "node:crypto";
import type { KindHistory } from "../coverage/config.ts";
import type { Crew } from "../bulk/crew.ts";
import { TAG_KEY_BYTES } from "../bulk/kernel.ts";
import {
  closedForm,
  isRefused,
  isTransient,
  type Lane,
  lockAgainstRewriting,
  plannedShape,
  type PlanShape,
  reasonOf,
  type ReportFinding,
  REWRITTEN,
  type Snapshot,
  wereRewritten,
} from "@scidex/audit-reader";
import type { Catalog } from "../structure/catalog/catalog.ts";
import { checkBounds } from "./check-bounds.ts";
import { compareReading } from "./compare-reading.ts";
import { foreignKeyStatement, notNullStatement } from "./constraint.ts";
import { indexesInstead, indexesOfLookup, isWhole, LOOKUP_SETTINGS, lookupStatement, type Pages } from "./lookup.ts";
import { planAccess } from "./plan-access.ts";
import type { TableAccess } from "./table-plan.ts";
import { closedOver, readKeys, type Rows } from "./planner.ts";
import { preferred } from "./preferred.ts";
import { reportRows } from "./report-rows.ts";
import { vouchForAccess } from "./vouch-access.ts";

export interface AccessResult {
  readonly unproven: readonly string[];
  /** What applications use and nobody has checked, in one line. */
  readonly warnings: readonly string[];
  readonly isTransient: boolean;
  /** Whether that is because a table or an index was rewritten meanwhile. */
  readonly isRewritten: boolean;
}

/** How many of the things that are not checked are named. */
const SHOWN = 20;

/**
 * Whether applications get the rows that the chain knows. The verifier reads tables without indexes and bounds; one
 * that lies shows an application other rows.
 *
 * - Each row is looked up by each unique index.
 * - Each plain index is read and compared with its table.
 * - Rows lie within the bounds of their partitions, NOT NULL columns are not NULL, and foreign keys lead to rows.
 */
export async function checkAccess(
  snapshot: Snapshot,
  crew: Crew,
  catalog: Catalog,
  histories: ReadonlyMap<string, KindHistory>,
  report: ReportFinding,
): Promise<AccessResult> {
  const { tables, notChecked } = planAccess(catalog, histories, report);
  const tagKey = randomBytes(TAG_KEY_BYTES);
  const check = new AccessCheck(snapshot, crew, tagKey, report);
  check.notChecked.push(...notChecked);
  const vouched = await vouchForAccess(snapshot, crew, tables, tagKey);
  check.notChecked.push(...vouched.notChecked);
  for (const table of vouched.left) {
    await check.attempt(table, async () => {
      check.notChecked.push(...(await checkBounds(snapshot[1], catalog, table, report)));
    });
    await check.attempt(table, async () => await check.table(table));
  }
  const { unproven, isTransient, isRewritten } = check;
  return { unproven, warnings: summaryOf(check.notChecked), isTransient, isRewritten };
}

function summaryOf(notChecked: readonly string[]): string[] {
  if (notChecked.length === 0) return [];
  const more = notChecked.length > SHOWN ? `; and ${notChecked.length - SHOWN} more` : "";
  return [`not checked what applications get by ${notChecked.slice(0, SHOWN).join("; ")}${more}`];
}

/** Pages of a table, from which on it is read in parts. */
const MANY_PAGES = 4096;

const together = (parts: readonly Rows[]): Rows => ({
  keys: parts.flatMap(({ keys }) => keys),
  count: parts.reduce((sum, { count }) => sum + count, 0),
});

class AccessCheck {
  readonly #snapshot: Snapshot;
  readonly #crew: Crew;
  readonly #report: ReportFinding;
  readonly #tagKey: Uint8Array;
  readonly unproven: string[] = [];
  readonly notChecked: string[] = [];
  isTransient = false;
  isRewritten = false;

  constructor(snapshot: Snapshot, crew: Crew, tagKey: Uint8Array, report: ReportFinding) {
    this.#snapshot = snapshot;
    this.#crew = crew;
    this.#tagKey = tagKey;
    this.#report = report;
  }

  /** One table that cannot be read must not hide what the others are like. */
  async attempt(access: TableAccess, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.unproven.push(`${access.relation} could not be read: ${reasonOf(error, "scidex_audit_inspector")}`);
      if (isTransient(error)) await this.#mayPass(access);
    }
  }

  async table(access: TableAccess): Promise<void> {
    const { schema, name } = access.table;
    const isRewritten = await this.#snapshot[1].attempt(async (lane) => await lockAgainstRewriting(lane, schema, name));
    if (isRewritten) {
      this.unproven.push(`${access.relation}: ${REWRITTEN}`);
      this.isTransient = true;
      this.isRewritten = true;
      return;
    }
    await this.#lookUp(access);
    await this.#read(access);
    await this.#holdConstraints(access);
  }

  async #lookUp(access: TableAccess): Promise<void> {
    for (const lookup of access.lookups) {
      const found = await this.#inParts(access, async (lane, pages) => {
        const statement = lookupStatement(lookup, pages);
        await lane.plan(LOOKUP_SETTINGS);
        const closed = await closedOver(lane, lookup.table);
        const planned = await plannedShape(lane, statement, closed);
        if (!isWhole(lookup.index, indexesOfLookup(planned))) return { instead: indexesInstead(planned) };
        const form = closedForm(statement, closed, (shape) =>
          isWhole(lookup.index, indexesOfLookup(shape)) ? null : "another index",
        );
        return await readKeys(lane, form);
      });
      const other = found.find((part) => "instead" in part);
      if (other !== undefined && "instead" in other) {
        await this.#notPlanned(access, lookup.index.name, other.instead);
        continue;
      }
      const columns = lookup.columns.map((column) => column.name).join(", ");
      reportRows(access.kind, together(found.filter((part) => "keys" in part)), this.#report, {
        expected: `found by ${columns}`,
        actual: "not found, or not alone",
        message: `${access.relation}: looked up by ${columns}, the index ${lookup.index.name} does not lead to this row alone`,
      });
    }
  }

  /** Does something with a large table in as many parts as there are connections, each on one of its own. */
  async #inParts<T>({ table }: TableAccess, work: (lane: Lane, pages: Pages) => Promise<T>): Promise<T[]> {
    const [first] = this.#snapshot;
    const catalog = await first.catalog();
    const pages = table.isPartitioned ? 0 : (catalog.relationOf(table.oid)?.pages ?? 0);
    const lanes = pages < MANY_PAGES ? [first] : this.#snapshot;
    const cut = (i: number) => Math.floor((pages * i) / lanes.length);
    const parts = await Promise.allSettled(
      lanes.map(
        async (lane, i) =>
          await lane.attempt(
            async (attempt) => await work(attempt, [cut(i), i + 1 === lanes.length ? null : cut(i + 1)]),
          ),
      ),
    );
    return parts.map((part) => {
      if (part.status === "rejected") throw part.reason;
      return part.value;
    });
  }

  async #read(access: TableAccess): Promise<void> {
    for (const reading of access.readings) {
      const ground = { snapshot: this.#snapshot, crew: this.#crew, tagKey: this.#tagKey, report: this.#report };
      const found = await compareReading(ground, access, reading);
      if (found !== null) await this.#notPlanned(access, reading.index.name, found.instead);
    }
  }

  /** An index that the planner does not use as asked. */
  async #notPlanned(access: TableAccess, index: string, instead: readonly string[] | null): Promise<void> {
    const note = preferred(access, index, instead);
    if (note !== null) {
      this.notChecked.push(note);
      return;
    }
    this.unproven.push(`${access.relation} cannot be read by its index ${index}`);
    await this.#mayPass(access);
  }

  /** Indexes and partitions may have come or gone since the catalog was read. */
  async #mayPass({ table, lookups, readings }: TableAccess): Promise<void> {
    this.isTransient = true;
    const lane = this.#snapshot[1];
    const relations = (await lane.catalog()).treeOf(table.oid);
    const indexes = [...lookups, ...readings].flatMap(({ index }) => index.parts.map(({ oid }) => oid));
    this.isRewritten ||= await lane.attempt(async (it) => await wereRewritten(it, [...relations, ...indexes]));
  }

  async #holdConstraints(access: TableAccess): Promise<void> {
    const { relation, kind } = access;
    if (access.notNull.length > 0) {
      const found = await this.#inParts(access, async (lane, pages) => {
        const closed = await closedOver(lane, access.table);
        const parts: Rows[] = [];
        for (const statement of notNullStatement(access, pages))
          parts.push(await readKeys(lane, closedForm(statement, closed)));
        return together(parts);
      });
      reportRows(kind, together(found), this.#report, {
        expected: "no NULL in a column that is NOT NULL",
        actual: "NULL",
        message: `${relation}: this row has a NULL where the server takes for granted that there is none`,
      });
    }
    for (const key of access.foreignKeys) {
      const statement = foreignKeyStatement(key);
      const found = await this.#snapshot[1].attempt(async (lane) => {
        await lane.plan(LOOKUP_SETTINGS);
        const closed = await closedOver(lane, key.table, key.parent);
        if (indexesOfLookup(await plannedShape(lane, statement, closed)) === null) return null;
        const isLookup = (shape: PlanShape) => (indexesOfLookup(shape) === null ? "another plan" : null);
        return await readKeys(lane, closedForm(statement, closed, isLookup));
      });
      if (found === null) {
        this.unproven.push(`${relation}: its foreign key ${key.name} cannot be followed by an index`);
        await this.#mayPass(access);
        continue;
      }
      reportRows(kind, found, this.#report, {
        expected: `a row of ${key.parent.schema}.${key.parent.name}`,
        actual: "none",
        message: `${relation}: the foreign key ${key.name} of this row leads to no row`,
      });
    }
  }
}
