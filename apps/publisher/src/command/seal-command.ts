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
  writeError,
  writeOut,
} from "@scidex/audit-command";
import { Command } from "commander";
import { messageOf } from "../errors.ts";
import { MAX_LOCK_IDLE } from "./lock-option.ts";
import { SEAL_BATCH, sealPending } from "../sealing/seal.ts";
import { sealLoop } from "../sealing/seal-loop.ts";

interface Flags {
  readonly batch: string;
  readonly interval: string;
  readonly maxLockIdle: string;
  readonly watch?: true;
  readonly json?: true;
}

const MAX_BATCH = 1_000_000;

/** `seal`: links what waits in `audit_chain_pending`. */
export function sealCommand(context: CommandContext): Command {
  return new Command("seal")
    .description("link the rows of sealed tables that wait in audit_chain_pending")
    .option("--watch", "go on until it is stopped, also through restarts of the server")
    .option("--interval <time>", "with --watch: the pause between two looks", "1s")
    .option("--batch <rows>", "rows a transaction", String(SEAL_BATCH))
    .option(...MAX_LOCK_IDLE)
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
      `--batch is ${JSON.stringify(flags.batch)}; expected a number from 1 to ${MAX_BATCH}`,
    );
  const interval = parseDuration(flags.interval);
  const lockIdleMs = parseDuration(flags.maxLockIdle);
  const onWarning = (message: string): void => writeError(`seal: ${escapeText(message)}\n`);
  const { signal } = context;
  const database = await connect(databaseUrl(), { applicationName: "audit-publisher seal", max: 1, isFinding: true });
  try {
    if (!flags.watch) {
      const line = progress({ label: "seal" });
      const sealed = await sealPending(database, {
        batch,
        lockIdleMs,
        onWarning,
        signal,
        onProgress: (n) => line.update(n),
      });
      line.done();
      await say(flags, sealed);
      return { exit: EXIT.ok };
    }
    await sealLoop(database, {
      batch,
      lockIdleMs,
      onWarning,
      intervalMs: interval,
      signal,
      onSealed: async (rows) => say(flags, rows),
      onFailure: async (error, pause) =>
        writeError(`seal: ${escapeText(redact(messageOf(error)))}; again in ${Math.round(pause / 1_000)} s\n`),
    });
    return { exit: EXIT.ok };
  } finally {
    await database.end({ timeout: 1 });
  }
}

async function say(flags: Pick<Flags, "json">, sealed: number): Promise<void> {
  await writeOut(flags.json ? `${JSON.stringify({ sealed })}\n` : `sealed ${sealed} rows\n`);
}
