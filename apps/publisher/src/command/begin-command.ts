import {
  type CommandContext,
  connect,
  databaseUrl,
  escapeText,
  origin,
  type Outcome,
  parseDuration,
  sinkUrls,
  writeOut,
} from "@scidex/audit-command";
import { jsonForm, jsonText, toHex } from "@scidex/audit-core";
import { describeEarlierLog, endedBy } from "@scidex/audit-verifier";
import { readKeys } from "@scidex/audit-verifier/command";
import { Command } from "commander";
import { type BegunLog, beginLog } from "../begin/begin-log.ts";
import { describePublication, exitOf } from "./publish-command.ts";
import { requiredKeyFile } from "./required-key-file.ts";
import { witnessSettings } from "./witness-settings.ts";

interface Flags {
  readonly reason: string;
  readonly wait: string;
  readonly postQuantum?: true;
  readonly json?: true;
}

/** `begin`: exit codes as those of `publish`. */
export function beginCommand(context: CommandContext): Command {
  return new Command("begin")
    .description("end the log, say what is lost, and go on with another one in its place")
    .requiredOption("--reason <text>", "why: it stands in the statement and in every report")
    .option("--wait <time>", "how long to wait for another publisher of this log", "60s")
    .option("--post-quantum", "also an ML-DSA-44 key, as keygen makes it; a log that has one keeps it without this")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
After a restored backup, with a lost key, a key that leaked, or times that a wrong clock has made. The new log has the
old one's name with a number after it, and its files beside the old ones: the configuration stays as it is. The verifier
follows it once its policy has the statement: audit-chain policy --diff FILE, then --approve FILE.

Environment: that of publish; AUDIT_ORIGIN and AUDIT_VERIFIER_KEYS where the key file is lost.

Example:
  audit-publisher begin --reason "INC-7: restored the backup of Saturday"`,
    )
    .action(context.run(async (flags: Flags) => await run(context, flags)));
}

async function run(context: CommandContext, flags: Flags): Promise<Outcome> {
  const keyFile = requiredKeyFile();
  const waitMs = parseDuration(flags.wait);
  const sinks = sinkUrls();
  const vkeys = await readKeys();
  const asked = await witnessSettings();
  const database = await connect(databaseUrl(), { applicationName: "audit-publisher begin", isFinding: true });
  try {
    const { signal } = context;
    const begun = await beginLog({
      database,
      keyFile,
      sinks,
      ...asked,
      origin: origin(),
      vkeys,
      reason: flags.reason,
      postQuantum: flags.postQuantum === true,
      waitMs,
      signal,
    });
    await writeOut(flags.json === true ? `${jsonText(jsonForm(resultOf(begun)))}\n` : describe(begun));
    return { exit: exitOf(begun) };
  } finally {
    await database.end({ timeout: 1 });
  }
}

function resultOf({ beginning, keyFile, wentOn, result }: BegunLog) {
  return { ...endedBy(beginning), keys: beginning.keys, keyFile, wentOn, publication: result };
}

function describe({ beginning, keyFile, wentOn, result }: BegunLog): string {
  const { origin: name, keys, hash } = beginning;
  const lines = [
    ...(wentOn ? ["went on with what a run that was cut off had begun; the reason is that one's"] : []),
    describeEarlierLog(endedBy(beginning)),
    `keys        ${keyFile}, with its state beside it: keep both as you keep the old ones`,
    ...keys.map((key) => `            ${key}`),
    `statement   ${toHex(hash)}`,
    "to approve  audit-chain policy --diff FILE, then --approve FILE, which adds to the policy:",
    `            "logs": [{"origin": ${JSON.stringify(name)}, "statement": "${toHex(hash)}"}]`,
  ];
  return `${lines.map((line) => escapeText(line)).join("\n")}\n${describePublication(result)}`;
}
