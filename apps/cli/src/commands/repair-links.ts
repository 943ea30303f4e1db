import type { CommandContext } from "@scidex/audit-command";
import { Command } from "commander";
import type { RepairLinksOptions } from "../repair/repair-links.ts";

const HELP = `
For links that were deleted or changed, where a tiles: or s3: sink has the published tree. Every entry of it is held against the
signed root (AUDIT_VERIFIER_KEYS), and every link of the database against its entry. What is missing or other is written back byte for
byte, in one transaction, which records in the chain what was found there (audit_chain_config, action repair). The verifier calls
that coverage_narrowed until the auditor has approved it. Keep the report of audit-verify from before.

It brings links back and no rows: of a row that is gone too, verify says source_deleted. Links that were never published are not in
the tree. Where all links from some one on to the chain's end are others, it does nothing without --replace: so looks an older
backup that was put back, with what was recorded since, which would be lost.

Example:
  $ audit-chain repair-links --from tiles:/srv/log --dry-run`;

/** `audit-chain repair-links`: lost and changed links, from a published tree. */
export function repairLinksCommand(context: CommandContext): Command {
  return new Command("repair-links")
    .description("Writes links back that were lost or changed, as a published tree has them.")
    .requiredOption("--from <sink>", "a tiles: or s3: sink with the tree")
    .option("--replace", "also where the chain has another history from some link on to its end")
    .option("--dry-run", "say what would be written, and change nothing")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(
      context.run(async (options: RepairLinksOptions) => {
        const { repairLinks } = await import("../repair/repair-links.ts");
        return await repairLinks(context, options);
      }),
    );
}
