import type { Sql } from "postgres";
import type { Field } from "./copy/copy-binary.ts";
import { LiveCatalog } from "./catalog/live-catalog.ts";
import type { Chunks } from "./copy/open-copy.ts";
import type { Node } from "./plan/node-text.ts";
import type { Form } from "./plan/parts.ts";
import { EXPORT_SNAPSHOT } from "./plan/report-forms.ts";
import { scanForm } from "./plan/scan-form.ts";
import type { Lane, Snapshot } from "./lane.ts";
import type { Column, Relation } from "./relation.ts";
import type { Rows } from "./relation.ts";
import { Session } from "./session.ts";
import { identifier } from "./sql-text.ts";
import { manifestOf } from "./builtin/builtin-manifest.ts";

/** What all lanes of a snapshot share. */
interface Shared {
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

  async planOf(form: Form): Promise<Node> {
    return await this.#session.planOf(form);
  }

  async lock(schema: string, name: string): Promise<void> {
    await this.#session.command(`lock table ${identifier(schema)}.${identifier(name)} in access share mode`);
  }

  async plan(settings: readonly string[]): Promise<void> {
    await this.#session.command(settings.map((setting) => `set local ${setting}`).join("; "));
  }

  async attempt<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    const savepoint = `attempt_${++this.#depth}`;
    try {
      await this.#session.command(`savepoint ${savepoint}`);
      try {
        return await work(this);
      } finally {
        if (this.#session.isOpen) {
          await this.#session.finishCopy();
          // Rolled back whatever happened, to release its locks. DDL would wait for a lock that we keep, and every writer
          // of the table would wait for the DDL.
          await this.#session.rollback(savepoint);
        }
      }
    } finally {
      this.#depth--;
    }
  }
}

const BEGIN = "begin isolation level repeatable read read only";

/**
 * Opens a REPEATABLE READ READ ONLY snapshot on several connections of its own, and closes them whatever happens. It
 * fails as soon as one of them is lost.
 *
 * @param sql a client of the `postgres` driver: its options are taken for the connections
 * @param lanes says on how many connections, at least two; it may ask the first one
 * @param ended rejects when the work has to stop and the connections have to be closed
 */
export async function withSnapshot<T>(
  sql: Pick<Sql, "options">,
  work: (snapshot: Snapshot) => Promise<T>,
  lanes: (first: Lane) => Promise<number> = async () => 2,
  ended?: Promise<never>,
): Promise<T> {
  const sessions: Session[] = [];
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  ended?.catch(lost.reject);
  const open = async (): Promise<Session> => {
    const session = await Session.open(sql.options, lost.promise);
    sessions.push(session);
    session.lost.catch(lost.reject);
    await session.command(BEGIN);
    return session;
  };
  const whole = async (): Promise<T> => {
    const session = await open();
    const shared: Shared = {};
    const first = new SnapshotLane(session, shared);
    const most = await lanes(first);
    const name = await session.report(EXPORT_SNAPSHOT);
    const beside = async (): Promise<SnapshotLane> => {
      const next = await open();
      await next.command(`set transaction snapshot '${name.replaceAll("'", "''")}'`);
      return new SnapshotLane(next, shared);
    };
    const second = await beside();
    const others: SnapshotLane[] = [];
    while (others.length + 2 < most) others.push(await beside());
    return await work([first, second, ...others]);
  };
  try {
    return await Promise.race([whole(), lost.promise]);
  } finally {
    await Promise.all(sessions.map(async (session) => await session.close()));
  }
}
