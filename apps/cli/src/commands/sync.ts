import { type CommandContext, configFile, EXIT, ONLY, type Outcome, progress, useConfig } from "@scidex/audit-command";
import { Command, Option } from "commander";
import { announceNarrowing, type Narrowing } from "../text/narrowing.ts";
import { readConfigFile } from "../config/config-file.ts";
import { withDatabase } from "../database/database.ts";
import { linkPending } from "../database/link-pending.ts";
import { askForChanges } from "../sync/ask-for-changes.ts";
import { carryOut, RIGHT, type Synced } from "../sync/carry-out.ts";
import { checkAmount, estimateRecording } from "../sync/estimate.ts";
import { planSync, type PassedOver, type Step } from "../sync/plan.ts";
import { readFound } from "../sync/read-found.ts";
import { type SyncReport, syncText } from "../sync/sync-report.ts";
import { print } from "../text/print.ts";

const HELP = `
Run it after each deployment, with the login that migrates. It reads FILE, else the file that AUDIT_CONFIG names, else
audit.config.json in the current folder, which says which tables are audited and how:
  {"tables":{"public.orders":{"changes":"track"},
             "public.*":{"except":["public.flyway_schema_history"]},
             "tenant_*.*":{"kind":"{schema}.{table}"}}}
Tables that it names are attached, and attached ones brought to its options. None is detached: those that it does not name
are listed. Without a file only attached tables are looked at. Of a new table whose statistics show updates or deletes the
file must say "changes".

For every attached table it takes in columns that joined, were renamed, retyped or dropped, follows tables that were
renamed or moved, and records those that were dropped. What narrows the coverage is reported by the verifier
(coverage_narrowed) until the auditor has approved it: audit-chain policy --diff FILE. Where nothing has changed nothing
is locked or recorded.

A migration can do the same for its own table, as its last statement, which covers new columns from the first moment on:
  select audit_chain_sync('orders'::regclass);

--check changes nothing, says what differs, and ends with 4 if anything does: for CI, and after a deployment.

--dry-run says what recording rows anew would take: links, bytes and time, estimated from the server's statistics. Where it may
be more than ten million links, sync wants --yes.

Examples:
  $ audit-chain sync
  $ audit-chain sync --check
  $ audit-chain sync deploy/audit.config.json --dry-run`;

interface Options {
  readonly check?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `audit-chain sync`: brings about what `audit.config.json` says, and takes in what migrations have changed. */
export function syncCommand(context: CommandContext): Command {
  return new Command("sync")
    .description("Audits the tables that audit.config.json names, and takes in what a migration has changed of them.")
    .argument("[file]", "the configuration; default AUDIT_CONFIG, else audit.config.json in the current folder")
    .option("--check", "change nothing, say what differs, and exit with 4 if anything does")
    .addOption(new Option("--dry-run", "change nothing, and say what would be done").conflicts("check"))
    .option("--yes", "go on where more than ten million rows may have to be recorded anew")
    .option(...ONLY)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .hook(
      "preAction",
      async (_, command) =>
        void (await useConfig(context, command, { named: command.args[0] ?? configFile(), isEach: true })),
    )
    .action(context.run((file: string | undefined, options: Options) => run(context, file, options)));
}

async function run(context: CommandContext, named: string | undefined, options: Options): Promise<Outcome | void> {
  const { check = false, dryRun = false, yes = false, json } = options;
  const isDry = check || dryRun;
  const file = await readConfigFile(named);
  const config = file?.isNaming === true ? file : undefined;
  return await withDatabase(context, { command: "sync", right: RIGHT }, async (database) => {
    const found = await readFound(database.sql);
    const plan = planSync(found, config);
    const tables: Synced[] = [];
    const passedOver: PassedOver[] = [...plan.passedOver];
    const steps = await askForChanges(database.sql, plan.steps, config?.file, isDry);
    const estimates = await estimateRecording(database.sql, steps);
    if (!isDry) checkAmount(estimates, yes);
    if (!isDry) announceNarrowing(steps.flatMap(narrowingsOf));
    if (!isDry && steps.length > 0) await linkPending(database.sql, context.signal);
    const line = progress({ label: "sync", total: steps.length });
    for (const [i, step] of steps.entries()) {
      context.signal.throwIfAborted();
      line.update(i);
      const done = await carryOut(context, database, step, isDry);
      const estimate = isDry ? estimates.get(step.table) : undefined;
      if ("status" in done) tables.push(estimate === undefined ? done : { ...done, estimate });
      else passedOver.push(done);
    }
    line.done();
    const report: SyncReport = {
      config: config?.file ?? null,
      attached: found.attached.length,
      tables,
      not_attachable: passedOver,
      not_in_config: plan.notInConfig,
      not_audited: plan.notAudited,
      ...(dryRun && config !== undefined ? { entries: plan.entries } : {}),
    };
    await print(json, report, () => syncText(report, isDry));
    if (tables.some(({ status }) => status === "failed")) return { exit: EXIT.failed };
    const isDifferent = tables.length > 0 || plan.notInConfig.length > 0;
    return check && isDifferent ? { exit: EXIT.differs } : undefined;
  });
}

const narrowingsOf = ({ table, differences }: Step): Narrowing[] =>
  differences.filter(({ narrows }) => narrows).map(({ text }) => ({ table, text }));
