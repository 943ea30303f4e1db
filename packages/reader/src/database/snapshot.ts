import { type Place, placeOfClient, quotedName } from "@scidex/audit-core";
import type { Sql } from "postgres";
import type { Field } from "./copy/copy-binary.ts";
import { LiveCatalog } from "./catalog/live-catalog.ts";
import type { Chunks } from "./copy/open-copy.ts";
import type { Node } from "./plan/node-text.ts";
import type { Form } from "./plan/parts.ts";
import { EXPORT_SNAPSHOT } from "./plan/report-forms.ts";
import { scanForm } from "./plan/scan-form.ts";
import type { Lane, Snapshot, TableName } from "./lane.ts";
import type { Column, Relation } from "./relation.ts";
import type { Rows } from "./relation.ts";
import { Session } from "./session.ts";
import { manifestOf } from "./builtin/builtin-manifest.ts";

const BEGIN = "begin isolation level repeatable read read only";

/** On how many connections a snapshot is read; two at least. */
export interface SnapshotPlan {
  readonly lanes: number;
}

/** Options of `withPlannedSnapshot`. */
export interface PlannedSnapshotOptions<P extends SnapshotPlan> {
  /** Plans the reading, once the first connection can be asked. */
  readonly plan: (first: Lane) => Promise<P>;
  /** Rejects where the work is to be broken off, and the connections closed. */
  readonly ended: Promise<never>;
}

/**
 * Opens a REPEATABLE READ READ ONLY snapshot on two connections of its own, and closes them whatever happens. Where one is
 * lost it fails at once.
 *
 * @param sql a client of the `postgres` driver: its options are taken for the connections, and where it says that the
 *   chain is (`clientAt`)
 */
export async function withSnapshot<T>(sql: Pick<Sql, "options">, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  const never = new Promise<never>(() => {});
  return await withPlannedSnapshot(sql, { plan: async () => ({ lanes: 2 }), ended: never }, work);
}

/** The same on as many connections as are planned; `work` gets the plan. */
export async function withPlannedSnapshot<P extends SnapshotPlan, T>(
  sql: Pick<Sql, "options">,
  { plan, ended }: PlannedSnapshotOptions<P>,
  work: (snapshot: Snapshot, plan: P) => Promise<T>,
): Promise<T> {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  ended.catch(lost.reject);
  const sessions: Session[] = [];
  const open = async (): Promise<Session> => {
    const session = await Session.open(sql.options, lost.promise);
    sessions.push(session);
    session.lost.catch(lost.reject);
    await session.command(BEGIN);
    return session;
  };
  try {
    return await Promise.race([openAndWork(open, placeOfClient(sql), plan, work), lost.promise]);
  } finally {
    await Promise.all(sessions.map(async (session) => await session.close()));
  }
}

async function openAndWork<P extends SnapshotPlan, T>(
  open: () => Promise<Session>,
  place: Place,
  plan: (first: Lane) => Promise<P>,
  work: (snapshot: Snapshot, plan: P) => Promise<T>,
): Promise<T> {
  const session = await open();
  const shared: Shared = { place };
  const first = new SnapshotLane(session, shared);
  const planned = await plan(first);
  const name = await session.report(EXPORT_SNAPSHOT);
  const beside = async (): Promise<SnapshotLane> => {
    const next = await open();
    await next.command(`set transaction snapshot '${name.replaceAll("'", "''")}'`);
    return new SnapshotLane(next, shared);
  };
  const second = await beside();
  const others: SnapshotLane[] = [];
  while (others.length + 2 < planned.lanes) others.push(await beside());
  return await work([first, second, ...others], planned);
}

/** What all lanes of a snapshot share. */
interface Shared {
  readonly place: Place;
  catalog?: Promise<LiveCatalog>;
}

class SnapshotLane implements Lane {
  readonly #session: Session;
  readonly #shared: Shared;
  /** How many attempts are under way, one within the other. */
  #depth = 0;

  constructor(session: Session, shared: Shared) {
    this.#session = session;
    this.#shared = shared;
  }

  async catalog(): Promise<LiveCatalog> {
    const read = async () => await LiveCatalog.read(this, await manifestOf(this.majorVersion));
    this.#shared.catalog ??= read();
    return await this.#shared.catalog;
  }

  async rows<T>(form: Form, fields: number, decode: (fields: readonly Field[]) => T | null): Promise<T[]> {
    return await this.#session.rows(form, fields, decode);
  }

  get encoding(): string {
    return this.parameters["server_encoding"] ?? "";
  }

  get database(): string {
    return this.#session.database;
  }

  get place(): Place {
    return this.#shared.place;
  }

  get majorVersion(): number {
    return this.#session.majorVersion;
  }

  get parameters(): Readonly<Record<string, string | undefined>> {
    return this.#session.parameters;
  }

  async scan(
    relation: Relation,
    columns: readonly Column[],
    format: "binary" | "text",
    rows: Rows = {},
  ): Promise<Chunks> {
    return await this.read(scanForm(relation, columns, rows), format);
  }

  async read(form: Form, format: "binary" | "text"): Promise<Chunks> {
    return await this.#session.copy(form, format);
  }

  async readEach<T>(
    forms: readonly Form[],
    format: "binary" | "text",
    use: (chunks: Chunks, i: number) => Promise<T>,
  ): Promise<T[]> {
    return await this.#session.copyEach(forms, format, use);
  }

  async plansOf(forms: readonly Form[]): Promise<Node[]> {
    return await this.#session.plansOf(forms);
  }

  async lock(tables: readonly TableName[]): Promise<void> {
    const names = tables.map(({ schema, name }) => `${quotedName(schema)}.${quotedName(name)}`);
    // While we wait for one, the others are kept from whoever has come before us.
    const wait = names.length > 1 ? " nowait" : "";
    this.#session.post(`lock table ${names.join(", ")} in access share mode${wait}`);
  }

  async plan(settings: readonly string[]): Promise<void> {
    this.#session.post(settings.map((setting) => `set local ${setting}`).join("; "));
  }

  async attempt<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    const savepoint = `attempt_${++this.#depth}`;
    try {
      this.#session.savepoint(savepoint);
      try {
        const result = await work(this);
        await this.#session.settle();
        return result;
      } finally {
        if (this.#session.isOpen) {
          await this.#session.finishCopies();
          // Where `work` has failed, what else failed with it has been said.
          await this.#session.settle().catch(() => {});
          // Rolled back whatever happened, to release its locks. DDL would wait for a lock that we keep, and every writer
          // of the table would wait for the DDL.
          this.#session.rollback(savepoint);
        }
      }
    } finally {
      this.#depth--;
    }
  }
}
