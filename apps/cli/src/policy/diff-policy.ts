import { type CommandContext, escapeMessage, EXIT, origin, type Outcome } from "@scidex/audit-command";
import { jsonForm } from "@scidex/audit-core";
import {
  approvalForm,
  type FollowedLog,
  newlyRetired,
  type PinnedRow,
  type Policy,
  type ServerDifference,
} from "@scidex/audit-verifier";
import { withDatabase } from "../database/database.ts";
import { serverDifferences, serverLines } from "../database/server-rows.ts";
import { print } from "../text/print.ts";
import { LOGIN } from "./login.ts";
import { changeLines, changesSince, narrows, refuse, type VerifiedHistory, verifyHistory } from "./look-at-changes.ts";
import { approvedStill, offerForm, offerLines, NEEDS_APPROVAL, turnForm, turnLines } from "./offered-logs.ts";
import { noteShown, readPolicyFile, type Shown } from "./policy-file.ts";
import { withPublished } from "./published.ts";

/**
 * Says what has come since a policy file was approved, in what the tables differ from it, and which of the server's own
 * rows are not as it has pinned them. Notes up to where it has looked, for `--approve`.
 */
export async function diffPolicy(context: CommandContext, file: string, json: boolean | undefined): Promise<Outcome> {
  const policy = await readPolicyFile(file);
  const name = origin() ?? policy.origin ?? undefined;
  return await withDatabase(context, LOGIN, async ({ sql }) => {
    const server = await serverDifferences(sql, policy.server);
    const wanted = { origin: name, logs: policy.logs, retiredKeys: policy.retiredKeys, offers: "all" } as const;
    return await withPublished(wanted, context.signal, async (published) => {
      const { logs, offered } = published;
      const turns = newlyRetired(published.turns, policy.retiredKeys);
      const approved = approvedStill(policy, offered);
      const pinned = { ...policy, approved, logs, server: withRows(policy.server, server) };
      const verified = await verifyHistory(sql, pinned, name, published, context.signal);
      const { report, history, recorded, head } = verified;
      if (report.status === "tampered") for (const line of offerLines(offered)) warn(line);
      if (report.status === "tampered" || history === null) return await refuse(report, json);
      for (const reason of report.unproven) warn(`not proven: ${reason}`);
      if (published.missing !== undefined) warn(`nothing of this can be approved: ${published.missing}`);
      const changes = changesSince(history, recorded, { ...policy, approved });
      await print(
        json,
        {
          since: changes.since === undefined ? null : approvalForm(changes.since),
          shown: head === undefined ? null : approvalForm(head),
          changes: jsonForm(changes.changes),
          differences: jsonForm(changes.differences),
          logs: offerForm(offered),
          retired_keys: turnForm(turns),
          server,
        },
        () => [
          ...offerLines(offered),
          ...turnLines(turns, NEEDS_APPROVAL),
          ...changeLines(changes, head?.seq),
          ...serverLines(server, file),
          ...endLines(verified),
        ],
      );
      await remember(file, head && { approval: head, logs: newLogs(policy, logs) }, server);
      if (report.status === "unproven") return { exit: EXIT.failed };
      return { exit: narrows(changes) || server.length + offered.length + turns.length > 0 ? EXIT.differs : EXIT.ok };
    });
  });
}

const newLogs = ({ logs: before = [] }: Policy, logs: readonly FollowedLog[]): string[] =>
  logs.slice(before.length).map(({ statement }) => statement);

/** The rows that differ count as pinned, so that what else there is can be said of such a server too. */
function withRows(pinned: Policy["server"], differences: readonly ServerDifference[]): PinnedRow[] {
  const isAnother = (row: PinnedRow) =>
    !differences.some(({ catalog, key }) => catalog === row.catalog && key === row.key);
  return [...pinned.filter(isAnother), ...differences.map(({ catalog, key, hash }) => ({ catalog, key, hash }))];
}

function endLines({ head }: VerifiedHistory): string[] {
  return head === undefined ? [] : [`looked up to seq ${head.seq}, chain hash ${head.chainHash}`];
}

/** What is read of a server whose own rows are others may be a lie: it is shown, and not noted. */
async function remember(file: string, shown: Shown | undefined, server: readonly ServerDifference[]): Promise<void> {
  if (shown === undefined) return;
  if (server.length > 0)
    return warn("nothing is noted for --approve: the server's own rows are not as the policy file has them");
  const failure = await noteShown(file, shown);
  if (failure !== undefined) warn(`what was shown is not noted, so that --approve will show it again: ${failure}`);
}

const warn = (text: string): void => void process.stderr.write(`warning: ${escapeMessage(text)}\n`);
