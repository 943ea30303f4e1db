import { backfill } from "@scidex/audit-backfill";
import { type CommandContext, CommandError, escapeText, progress } from "@scidex/audit-command";
import { placeOfClient } from "@scidex/audit-core";
import { attach, checkEarlierLinks, EARLIER, migrate } from "@scidex/audit-schema";
import { withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { print } from "../text/print.ts";
import { earlierLinksLines, foundInEarlier } from "./earlier-lines.ts";

/**
 * `audit-chain init --adopt`: renames the table of an earlier implementation and sets the chain up in its place, in one
 * transaction; then says what that table proves, audits it as one that refuses changes, and chains its rows. Broken off
 * at any moment, it goes on when it is run again.
 */
export async function adoptChain(context: CommandContext, json: boolean | undefined): Promise<void> {
  const use = {
    command: "init",
    right: "a superuser, or as the role that owns the earlier chain and has CREATEROLE",
    setUp: true,
  };
  await withDatabase(context, use, async ({ sql, name }) => {
    const db = drizzleOf({ sql });
    const { applied, version, warnings } = await migrate(db, { adopt: true });
    const links = await checkEarlierLinks(db);
    const table = `${placeOfClient(sql).schema}.${EARLIER}`;
    await attach(db, table, { changes: "refuse" });
    const line = progress({ label: "chain its rows" });
    const { tables } = await backfill(sql, {
      tables: [table],
      signal: context.signal,
      onProgress: ({ added }) => line.update(added),
    }).finally(() => line.done());
    const [chained] = tables;
    if (chained === undefined) throw new CommandError("failed", `${table} was not chained`);
    const { rows, added, complete } = chained;
    const found = foundInEarlier(links);
    await print(
      json,
      { database: name, applied, version, warnings, table, links: found, rows, added, complete },
      () => [
        applied.length === 0
          ? `The audit chain in the database ${escapeText(name)} is up to date (migration ${version}).`
          : `The audit chain is set up in the database ${escapeText(name)} (${applied.join(", ")}).`,
        `The earlier chain is ${escapeText(table)} now, and refuses changes: ${rows} rows, ${added} of them chained now.`,
        ...earlierLinksLines(links),
        ...warnings.map((warning) => `warning: ${escapeText(warning)}`),
        "Its head log stays as it is: give AUDIT_SINKS other files. Who wrote to it calls audit_chain_append or _enqueue now (docs/adopting.md).",
      ],
    );
  });
}
