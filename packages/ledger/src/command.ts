import { type CommandContext, packageVersion, runCommand } from "@scidex/audit-command";
import { Command } from "commander";
import { DEFAULT_LEDGER_NAME } from "./verify/anchor.ts";
import { anchorCommand } from "./command/command-anchor.ts";
import { exportCommand } from "./command/command-export.ts";
import { verifyCommand } from "./command/command-verify.ts";

/** Runs `audit-ledger` to its end. */
export const main = (): Promise<void> => runCommand((context) => ledgerCommand(context));

function ledgerCommand(context: CommandContext): Command {
  const command = new Command("audit-ledger")
    .version(packageVersion(import.meta.url))
    .description("Verify, export and anchor the per-agent HMAC ledger.")
    .addHelpText(
      "after",
      `
Environment:
  AUDIT_LEDGER_DB             path, sqlite:///relative, sqlite:////absolute or postgresql://…
                              (default /var/log/molecule/audit_ledger.db)
  AUDIT_LEDGER_SALT           the secret that rows are signed with
  AUDIT_LEDGER_SALT_PREVIOUS  earlier secrets, one a line
  AUDIT_LEDGER_NAME           the ledger's name in its anchors (default "${DEFAULT_LEDGER_NAME}")
  AUDIT_DATABASE_URL          the database with the audit chain, else DATABASE_URL

Example:
  AUDIT_LEDGER_SALT=… audit-ledger verify --agent-id reviewer-1 --db sqlite:////var/lib/ledger.db`,
    );
  command.addCommand(verifyCommand(context));
  command.addCommand(exportCommand(context));
  command.addCommand(anchorCommand(context));
  return command;
}
