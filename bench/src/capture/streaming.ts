import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import type { BenchDatabase } from "../database.ts";
import { CaptureProcess } from "./capture-process.ts";
import { COLUMNS } from "./rows.ts";

export type Contender = "plain" | "streamed";

/** A database with a table that nobody audits, one in the mode `stream`, and the process that captures. */
export class Streaming {
  readonly db: BenchDatabase;
  readonly sql: Sql;
  readonly capture: CaptureProcess;
  /** Links that are no rows of the audited table. */
  #others = 0;

  constructor(db: BenchDatabase) {
    this.db = db;
    this.sql = db.sql;
    this.capture = new CaptureProcess(db);
  }

  async begin(): Promise<void> {
    for (const name of ["plain", "streamed"]) await this.sql.unsafe(`create table ${name} ${COLUMNS}`);
    await this.sql`select public.audit_chain_publication('streamed')`;
    await this.capture.start();
    await untilTrue(async () => {
      const [row] =
        await this.sql`select public.audit_chain_is_followed(public.audit_chain_publication('streamed')) as is`;
      return row?.["is"] === true;
    });
    await this.db.attach("streamed", { mode: "stream" });
    const [row] = await this.sql<{ n: number }[]>`select count(*)::int as n from audit_chain`;
    this.#others = row?.n ?? 0;
  }

  /**
   * Makes ready for a contender: what is audited is measured while the capture process runs and has caught up, what is not
   * while it does not run.
   */
  async turnTo(contender: Contender): Promise<void> {
    if (contender === "plain") {
      await this.capture.stop();
      return;
    }
    await this.capture.start();
    await this.untilLinked();
  }

  /** Every row of the audited table has its link. Its sequence says how many there are, since no insert fails here. */
  async untilLinked(): Promise<void> {
    await untilTrue(async () => {
      const [row] = await this.sql<{ waiting: string }[]>`
        select ((select case when s.is_called then s.last_value else 0 end from streamed_id_seq as s) + ${this.#others}
                - (select max(c.seq) from audit_chain as c))::text as waiting`;
      return Number(row?.waiting) <= 0;
    });
  }

  async end(): Promise<void> {
    await this.capture.end();
  }
}

async function untilTrue(isTrue: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + 120_000;
  while (!(await isTrue())) {
    if (performance.now() > until) throw new Error("the capture process does not come after the log");
    await sleep(10);
  }
}
