import { setTimeout as sleep } from "node:timers/promises";
import {
  CommandError,
  type CommandContext,
  connect,
  databaseUrl,
  escapeText,
  EXIT,
  type Outcome,
  parseDuration,
  progress,
  redact,
  writeOut,
} from "@scidex/audit-command";
import { Command } from "commander";
import type { Sql } from "postgres";
import { messageOf } from "./errors.ts";
import { SEAL_BATCH, sealPending } from "./seal.ts";

interface Flags {
  readonly batch: string;
  readonly interval: string;
  readonly watch?: true;
  readonly json?: true;
}

const MAX_BATCH = 1_000_000;
const LONGEST_PAUSE_MS = 60_000;

/** `seal`: links what waits in `audit_chain_pending`. */
export function sealCommand(context: CommandContext): Command {
  return new Command("seal")
    .description("link the rows of sealed tables that wait in audit_chain_pending")
    .option("--watch", "go on until it is stopped, also through restarts of the server")
    .option("--interval <time>", "with --watch: the pause between two looks", "1s")
    .option("--batch <rows>", "rows a transaction", String(SEAL_BATCH))
    .option("--json", "print the result as JSON (with --watch: a line for each sealing)")
    .addHelpText(
      "after",
      "\nExample:\n  AUDIT_DATABASE_URL=postgres://publisher@db/scidex audit-publisher seal --watch",
    )
    .action(context.run(async (flags: Flags) => run(context, flags)));
}

async function run(context: CommandContext, flags: Flags): Promise<Outcome> {
  const batch = Number(flags.batch);
  if (!Number.isSafeInteger(batch) || batch < 1 || batch > MAX_BATCH)
    throw new CommandError(
      "usage",
      `--batch is ${JSON.stringify(flags.batch)}; a number from 1 to ${MAX_BATCH} would be right`,
    );
  const interval = parseDuration(flags.interval);
  const { signal } = context;
  const database = await connect(databaseUrl(), { applicationName: "audit-publisher seal", max: 1 });
  try {
    if (!flags.watch) {
      const line = progress({ label: "seal" });
      const sealed = await sealPending(database, { batch, signal, onProgress: (n) => line.update(n) });
      line.done();
      await say(flags, sealed);
      return { exit: EXIT.ok };
    }
    await watch(database, { ...flags, batch, interval, signal });
    return { exit: EXIT.ok };
  } finally {
    await database.end({ timeout: 1 });
  }
}

async function watch(
  database: Sql,
  options: Pick<Flags, "json"> & { batch: number; interval: number; signal: AbortSignal },
): Promise<void> {
  const { batch, interval, signal } = options;
  let pause = interval;
  while (!signal.aborted) {
    try {
      const sealed = await sealPending(database, { batch, signal });
      if (sealed > 0) await say(options, sealed);
      pause = interval;
    } catch (error) {
      if (signal.aborted) return;
      // A server that restarts, or a right that is missing for the moment. Staged rows wait; publish says when for too long.
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      process.stderr.write(`seal: ${escapeText(redact(messageOf(error)))}; again in ${Math.round(pause / 1_000)} s\n`);
    }
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}

async function say(flags: Pick<Flags, "json">, sealed: number): Promise<void> {
  await writeOut(flags.json ? `${JSON.stringify({ sealed })}\n` : `sealed ${sealed} rows\n`);
}
