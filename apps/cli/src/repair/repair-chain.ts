import { type CommandContext, CommandError, escapeText, EXIT, origin, type Outcome } from "@scidex/audit-command";
import { repair } from "@scidex/audit-schema";
import { parsePolicy, type Policy } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { refuse, verifyHistory } from "../policy/look-at-changes.ts";
import { earlierPolicy } from "../policy/policy-file.ts";
import { type Published, withPublished } from "../policy/published.ts";
import { print } from "../text/print.ts";
import { mendedLines } from "./mended-lines.ts";

/** Where `AUDIT_POLICY` names none. What that says of logs and keys counts: the chain may have begun another log. */
const NO_POLICY: Policy = parsePolicy('{"tables":{}}');

/**
 * `audit-chain init --repair`: verifies what stands, then mends what does not, and says each thing that it mended.
 *
 * @throws {CommandError} `failed` where what stands cannot be known
 */
export async function repairChain(context: CommandContext, json: boolean | undefined): Promise<Outcome> {
  const right = "a superuser, or as the role that owns the chain's objects and the audited tables";
  return await withDatabase(context, { command: "init", right, setUp: true }, async ({ sql, name }) => {
    if (await hasChain(sql)) {
      const policy = (await earlierPolicy()) ?? NO_POLICY;
      const wanted = {
        origin: origin() ?? policy.origin ?? undefined,
        logs: policy.logs,
        retiredKeys: policy.retiredKeys,
      };
      const outcome = await withPublished(wanted, context.signal, async (published) => {
        if (published.missing !== undefined)
          process.stderr.write(`note: ${published.missing}; the chain was held against itself only\n`);
        return await whyNot(sql, policy, published, json, context.signal);
      });
      if (outcome !== undefined) return outcome;
    }
    const { mended } = await repair(drizzleOf({ sql }));
    await print(json, { database: name, mended: Object.fromEntries(mended) }, () =>
      mended.size === 0
        ? [`Nothing of the audit chain in the database ${escapeText(name)} had to be mended.`]
        : mendedLines(mended),
    );
    return { exit: EXIT.ok };
  });
}

/** Without it there is nothing to be verified, and the repair says so. */
async function hasChain(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ isThere: boolean }[]>`
    select pg_catalog.to_regclass('public.audit_chain') is not null
       and pg_catalog.to_regclass('public.audit_chain_config') is not null as "isThere"`;
  return row?.isThere === true;
}

/** What ends it where the chain itself is not what it was; undefined where it may be mended. */
async function whyNot(
  sql: Sql,
  policy: Policy,
  published: Published,
  json: boolean | undefined,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const { report } = await verifyHistory(sql, policy, origin() ?? policy.origin ?? undefined, published, signal);
  const { links, heads, sources } = report.checks;
  const isChanged = (check: string): boolean => check !== "relation_changed";
  const found = report.divergences.filter(({ check }) => isChanged(check));
  if (links !== "failed" && heads !== "failed" && found.length === 0) {
    if (links !== "ok" || sources === "skipped" || (published.missing === undefined && heads !== "ok"))
      throw new CommandError("failed", `what stands cannot be known: ${report.unproven.join("; ")}`);
    return undefined;
  }
  return await refuse(report, json);
}
