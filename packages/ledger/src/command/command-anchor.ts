import {
  type CommandContext,
  databaseUrl,
  escapeText,
  EXIT,
  type Outcome,
  progress,
  writeOut,
} from "@scidex/audit-command";
import { jsonText } from "@scidex/audit-core";
import { Command } from "commander";
import { anchorAgent } from "../verify/audit-chain.ts";
import { agentsOf, type AnchorOptions, ledgerName, lineOf, open, openChain, secretsOf } from "./command-options.ts";
import type { ChainReport } from "../verify/verify.ts";

/** `audit-ledger anchor`. */
export function anchorCommand({ run, signal }: CommandContext): Command {
  return new Command("anchor")
    .description("record each agent's head in the audit chain, so that a cut tail and an emptied agent are found")
    .option("--agent-id <id>", "only this agent's; default: every agent's")
    .option("--db <url>", "the ledger; default AUDIT_LEDGER_DB")
    .option("--chain <url>", "the database with the audit chain; default AUDIT_DATABASE_URL")
    .option("--ledger <name>", "the ledger's name in its anchors; default AUDIT_LEDGER_NAME")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      "\nA chain that is broken is reported (exit 1) and not anchored.\n\nExample:\n  audit-ledger anchor",
    )
    .action(run((options: AnchorOptions) => anchor(options, signal)));
}

async function anchor(options: AnchorOptions, signal: AbortSignal): Promise<Outcome> {
  const secrets = secretsOf();
  const name = ledgerName(options);
  await using ledger = open(options);
  await using chain = await openChain(options.chain ?? databaseUrl());
  const agents = await agentsOf(ledger, chain.sql, options, name);
  const results: { seq: bigint | null; report: ChainReport }[] = [];
  const shown = progress({ label: "anchor agents", total: agents.length });
  for (const agent of agents) {
    signal.throwIfAborted();
    results.push(await anchorAgent(ledger, chain.sql, agent, { secrets, ledger: name }));
    shown.update(results.length);
  }
  shown.done();
  if (options.json === true) {
    const agents = results.map(({ seq, report }) => ({ ...report, seq: seq === null ? null : Number(seq) }));
    await writeOut(`${jsonText({ ledger: name, agents })}\n`);
  } else {
    for (const { seq, report } of results)
      await writeOut(
        seq === null
          ? lineOf(report, {}, false)
          : `ANCHORED ${report.events} events at seq ${seq} agent ${escapeText(report.agent_id)}\n`,
      );
  }
  return { exit: results.every(({ report }) => report.valid) ? EXIT.ok : EXIT.tampered };
}
