import { type CommandContext, origin, required, writeOut } from "@scidex/audit-command";
import { Command } from "commander";
import { type ConfigInForce, configInForce } from "../config-in-force.ts";
import { withDatabase } from "../database.ts";

const HELP = `
Keep the file where whoever can write to the database cannot (a repository, the CI job), and name it with AUDIT_POLICY:
the verifier then reports whatever the database covers less. AUDIT_ORIGIN is the log's name.

Example:
  $ AUDIT_ORIGIN=scidex.ai/audit-chain audit-chain policy > audit-policy.json`;

/** `audit-chain policy`: what is covered now, as the verifier's policy file. */
export function policyCommand(context: CommandContext): Command {
  return new Command("policy")
    .description("Prints what is covered now, to be pinned as the verifier's policy file.")
    .option("--json", "JSON on one line")
    .addHelpText("after", HELP)
    .action(context.run((options: { json?: boolean }) => run(context, options)));
}

async function run(context: CommandContext, options: { json?: boolean }): Promise<void> {
  const name = required("AUDIT_ORIGIN", origin(), "the log's name, such as scidex.ai/audit-chain,");
  const use = { command: "policy", right: "a member of scidex_audit_inspector" };
  await withDatabase(context, use, async ({ sql }) => {
    const policy = policyOf(name, await configInForce(sql));
    await writeOut(`${JSON.stringify(policy, null, options.json === true ? 0 : 2)}\n`);
  });
}

/** The policy file's content, by the configuration in force. */
function policyOf(name: string, configs: readonly ConfigInForce[]): object {
  const part = (isDetached: boolean): object =>
    Object.fromEntries(
      configs
        .filter(({ action }) => (action === "detach") === isDetached)
        .map(({ relation, kind, key_columns: key, excluded: exclude, changes }) => [
          relation,
          { kind, key, exclude, changes },
        ]),
    );
  return { origin: name, tables: part(false), detached: part(true) };
}
