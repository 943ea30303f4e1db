import type { CommandContext } from "@scidex/audit-command";
import { Command } from "commander";

const HELP = `
REPORT is what audit-verify --json printed. It is not believed: the database is verified again, against the published
heads (AUDIT_SINKS, AUDIT_VERIFIER_KEYS), and each finding must be there as the report has it. Then it is written into the
policy file with its reason, your login's name and the time. More than 100 findings of one check and one kind become one
entry.

From then on a verification with this policy shows it as accepted, and no longer as tampering. It stands for one state:
if the row is changed again past the triggers, or another row is, that is a finding. A change that the triggers have
recorded since is none.

Only the state of a row can be accepted (source_edited, source_deleted, source_unchained, change_unrecorded). What stands
for a condition is to be mended.

Findings are numbered from 1, in the order of the report's divergences. Without --finding all of them are accepted, or none
if one cannot be.

Examples:
  $ audit-verify --json --policy policy.json > report.json
  $ audit-chain accept report.json --finding 1,3 --reason "INC-7: loaded with the triggers off" --policy policy.json`;

/** `audit-chain accept`: writes acceptances into the verifier's policy file. */
export function acceptCommand(context: CommandContext): Command {
  return new Command("accept")
    .description("Accepts findings of a report in the policy: each in the state that it has.")
    .argument("<report>", "a report that audit-verify --json printed")
    .requiredOption("--reason <text>", "why: it stands in every report from then on")
    .requiredOption("--policy <file>", "the verifier's policy file")
    .option("--finding <numbers>", "which of the report's divergences, counted from 1, separated by commas")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(
      context.run(async (report: string, options) =>
        (await import("../policy/accept-findings.ts")).acceptFindings(context, report, options),
      ),
    );
}
