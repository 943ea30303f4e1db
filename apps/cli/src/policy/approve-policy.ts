import {
  type CommandContext,
  CommandError,
  escapeText,
  EXIT,
  origin,
  type Outcome,
  replaceFile,
  writeOut,
} from "@scidex/audit-command";
import { jsonForm } from "@scidex/audit-core";
import {
  type Approval,
  approvalForm,
  type CoverageChange,
  coveredAt,
  formatPolicy,
  newlyRetired,
  type Policy,
} from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { withDatabase } from "../database/database.ts";
import { print } from "../text/print.ts";
import { coveredTable, readCatalogPins, tablesOf } from "./covered-tables.ts";
import { LOGIN } from "./login.ts";
import { changeLine, changeLines, changesSince, refuse, verifyHistory } from "./look-at-changes.ts";
import {
  approvedStill,
  offerForm,
  offerLines,
  NEEDS_APPROVAL,
  turnForm,
  turnLines,
  withRetired,
} from "./offered-logs.ts";
import { forgetShown, readPolicyFile, readShown, shownFile } from "./policy-file.ts";
import { approvalOf, type Published, withPublished } from "./published.ts";

/**
 * Approves what `--diff` has shown of a policy file, and nothing that came after; where it has shown nothing, this shows
 * it first. Never above a published head that verifies.
 *
 * @throws {CommandError} `configuration`, `failed`
 */
export async function approvePolicy(
  context: CommandContext,
  file: string,
  json: boolean | undefined,
): Promise<Outcome> {
  const before = await readPolicyFile(file);
  const shown = await readShown(file);
  const name = origin() ?? before.origin ?? undefined;
  return await withDatabase(context, LOGIN, async ({ sql }) =>
    withPublished(
      { origin: name, logs: before.logs, retiredKeys: before.retiredKeys, offers: shown?.logs ?? "all" },
      context.signal,
      async (published) => {
        const { missing, logs, offered } = published;
        if (missing !== undefined) throw cannot(missing);
        const turns = newlyRetired(published.turns, before.retiredKeys);
        const pinned: Policy = {
          ...withRetired(before, turns),
          ...(logs.length === 0 ? {} : { logs }),
          approved: approvedStill(before, offered),
        };
        const { report, history, recorded, head } = await verifyHistory(sql, pinned, name, published, context.signal);
        if (report.status !== "intact" || history === null) return await refuse(report, json);
        if (head === undefined) throw cannot("no published head covers any link of the chain");
        const approved = shown === undefined ? head : publishedAs(shown.approval, head, published, file);
        checkForward(pinned, approved, file);
        const seen = changesSince(history, recorded, pinned);
        // What has not been shown is shown before it is approved.
        if (shown === undefined && json !== true)
          await writeOut(
            `${[...offerLines(offered), ...turnLines(turns, NEEDS_APPROVAL), ...changeLines(seen, head.seq)].join("\n")}\n`,
          );
        const after = await write(sql, file, pinned, history, approved);
        await forgetShown(file);
        const later = changesSince(history, recorded, after).changes;
        await print(
          json,
          {
            approved: approvalForm(approved),
            changes: jsonForm(seen.changes.filter(({ seq }) => seq <= approved.seq)),
            later: jsonForm(later),
            logs: offerForm(offered),
            retired_keys: turnForm(turns),
          },
          () => [
            ...offered.map(
              ({ beginning }) => `approved: ${escapeText(beginning.origin)}, which is followed from now on`,
            ),
            ...turnLines(turns, "approved"),
            `approved up to seq ${approved.seq}, chain hash ${approved.chainHash}`,
            ...later
              .filter(({ needsApproval }) => needsApproval)
              .map((change) => `not approved: ${changeLine(change, head.seq)}`),
          ],
        );
        return { exit: later.some(({ needsApproval }) => needsApproval) ? EXIT.differs : EXIT.ok };
      },
    ),
  );
}

const cannot = (why: string): CommandError => new CommandError("failed", `nothing can be approved: ${why}`);

/** What was shown was a published head then. Whoever has written the note since must not make it another one. */
function publishedAs(shown: Approval, head: Approval, { heads }: Published, file: string): Approval {
  const published = heads.map(approvalOf).find(({ seq }) => seq === shown.seq);
  if (published?.chainHash === shown.chainHash && shown.seq <= head.seq) return shown;
  throw cannot(
    `${shownFile(file)} has seq ${shown.seq}, which is not a published head with that chain hash; run audit-chain policy --diff ${file} again`,
  );
}

function checkForward({ approved }: Policy, next: Approval, file: string): void {
  if (approved === undefined || approved.seq <= next.seq) return;
  throw cannot(
    `${file} has approved seq ${approved.seq} already, and what was shown ends at ${next.seq}; run audit-chain policy --diff ${file} again`,
  );
}

/** Writes the approval, with what was covered then. */
async function write(
  sql: Sql,
  file: string,
  before: Policy,
  history: readonly CoverageChange[],
  approved: Approval,
): Promise<Policy> {
  const covered = coveredAt(history, approved.seq).map((config) => coveredTable(config, config.keyColumns));
  const tables = tablesOf(covered, before.tables, await readCatalogPins(sql), "policy");
  const policy = { ...before, tables, approved };
  await replaceFile("--approve", file, formatPolicy(policy));
  return policy;
}
