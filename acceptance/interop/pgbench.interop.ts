import { attach, type CaptureMode } from "@scidex/audit-schema";
import { expect, test } from "vitest";
import { openAuditedDatabase } from "../src/audited-database.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";
import { runProgram } from "./programs.ts";

const CLIENTS = 8;
const TRANSACTIONS = 100;

test.each<CaptureMode>(["strict", "sealed"])(
  "pgbench -b tpcb-like runs unchanged with its history attached as %s",
  async (mode) => {
    await using database = await openAuditedDatabase();
    await using chain = await openPublishedChain();
    const { sql, url } = database;
    await runProgram("pgbench", url, ["--initialize", "--quiet", "--scale=1"]);
    await sql`alter table pgbench_history add column id bigserial primary key`;
    await attach(database.db, "pgbench_history", { mode });
    const options = [
      "--builtin=tpcb-like",
      `--client=${CLIENTS}`,
      "--jobs=2",
      `--transactions=${TRANSACTIONS}`,
      "--no-vacuum",
    ];
    const output = await runProgram("pgbench", url, options);
    const total = CLIENTS * TRANSACTIONS;
    expect(output).toContain(`number of transactions actually processed: ${total}/${total}`);

    expect((await chain.publish(sql)).status).toBe("intact");
    const report = await chain.verify(sql);
    expectClean(report);
    expect(report).toMatchObject({ pending: 0n, unanchored: 0n, eventsWithoutSource: 0n });
    expect(await sql`select count(*)::int as n from pgbench_history`).toEqual([{ n: total }]);
    expect(await sql`select count(*)::int as n from audit_chain where event_kind = 'pgbench_history'`).toEqual([
      { n: total },
    ]);
  },
);
