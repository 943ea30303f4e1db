import { type CommandContext, escapeMessage, origin, policyFile, required, writeOut } from "@scidex/audit-command";
import { toHex } from "@scidex/audit-core";
import { type Approval, formatPolicy, type Policy } from "@scidex/audit-verifier";
import type { ISql } from "postgres";
import { configInForce } from "../database/config-in-force.ts";
import { withDatabase } from "../database/database.ts";
import { pinServer } from "../database/server-rows.ts";
import { type CoveredTable, coveredTable, readCatalogPins, tablesOf } from "./covered-tables.ts";
import { LOGIN } from "./login.ts";
import { earlierPolicy } from "./policy-file.ts";
import { approvalOf, withPublished } from "./published.ts";

/** Prints what is covered now, as the verifier's policy file. What the database cannot say stays as `AUDIT_POLICY` has it. */
export async function printPolicy(
  context: CommandContext,
  options: { readonly json?: boolean; readonly pinServer?: boolean },
): Promise<void> {
  const earlier = await earlierPolicy();
  const name = required(
    "AUDIT_ORIGIN",
    origin() ?? earlier?.origin ?? undefined,
    "the log's name, such as scidex.ai/audit-chain",
  );
  await withDatabase(context, LOGIN, async ({ sql }) => {
    const server = options.pinServer === true ? await pinServer(sql) : (earlier?.server ?? []);
    const pins = await readCatalogPins(sql);
    const approved = earlier === undefined ? await firstApproval(sql, name, context.signal) : earlier.approved;
    if (earlier !== undefined && approved === undefined)
      note(
        `${policyFile()} has no approval, and gets none here; audit-chain policy --diff shows what there is to approve`,
      );
    const policy: Policy = {
      detached: new Map(),
      ...earlier,
      origin: name,
      tables: tablesOf(await coveredNow(sql), earlier?.tables ?? new Map(), pins, "catalog"),
      loginTriggers: new Set([...(earlier?.loginTriggers ?? []), ...pins.logins]),
      server,
      approved,
    };
    await writeOut(formatPolicy(policy, options.json === true ? 0 : 2));
  });
}

async function coveredNow(sql: ISql): Promise<CoveredTable[]> {
  return (await configInForce(sql))
    .filter(({ action }) => action !== "detach")
    .map((config) => coveredTable(config, config.key_columns));
}

/**
 * What a first policy approves: the newest published head, if the chain has it. The tables that it pins are those of now:
 * whoever prints it says that they are what is wanted.
 */
async function firstApproval(sql: ISql, name: string, signal: AbortSignal): Promise<Approval | undefined> {
  return await withPublished(
    { origin: name, logs: undefined, retiredKeys: undefined },
    signal,
    async ({ heads, missing }) => {
      const newest = heads.at(-1);
      if (newest === undefined) return leftOut(missing ?? "");
      if (heads.at(-2)?.seq === newest.seq)
        return leftOut(`two heads of ${newest.seq} links were signed, and they differ`);
      const approval = approvalOf(newest);
      const [link] = await sql<{ chain_hash: Uint8Array }[]>`
      select c.chain_hash from only public.audit_chain as c where c.seq = ${String(newest.seq)}::bigint`;
      if (link === undefined || toHex(link.chain_hash) !== approval.chainHash)
        return leftOut(
          `the chain does not have the newest published head, of ${newest.seq} links; run audit-chain verify`,
        );
      const [later] = await sql<{ count: number }[]>`
      select pg_catalog.count(*)::int as count from only public.audit_chain as c
       where c.event_kind = 'audit_chain_config' and c.seq > ${String(newest.seq)}::bigint`;
      if (later !== undefined && later.count > 0)
        note(
          `approved is the published head of ${newest.seq} links; ${later.count} newer changes of what is covered are not published, and not approved. Publish first, then print the policy again`,
        );
      return approval;
    },
  );
}

function leftOut(why: string): undefined {
  note(`approved is left out: ${why}`);
}

const note = (text: string): void => void process.stderr.write(`note: ${escapeMessage(text)}\n`);
