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
import { jsonForm, jsonText } from "@scidex/audit-core";
import { Command } from "commander";
import { rotateKey, type RotatedKey } from "../publish/rotate-key.ts";
import { describePublication, exitOf } from "./publish-command.ts";
import { requiredKeyFile } from "./required-key-file.ts";
import { witnessSettings } from "./witness-settings.ts";

interface Flags {
  readonly wait: string;
  readonly json?: true;
}

/** `rotate-key`: exit codes as those of `publish`. */
export function rotateKeyCommand(context: CommandContext): Command {
  return new Command("rotate-key")
    .description("replace the log's keys by new ones, with a head that both sign")
    .option("--wait <time>", "how long to wait for another publisher of this log", "60s")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
A planned change of the key: the log goes on. The new keys take the place of the old ones in AUDIT_SIGNING_KEY_FILE, and
those sign nothing any more. Everybody who verifies needs the verifier keys that this prints, beside those that he
has. Where a key has leaked or is lost, begin another log: audit-publisher begin.

Environment: that of publish.

Example:
  audit-publisher rotate-key`,
    )
    .action(context.run(async (flags: Flags) => await run(context, flags)));
}

async function run(context: CommandContext, flags: Flags): Promise<Outcome> {
  const keyFile = requiredKeyFile();
  const waitMs = parseDuration(flags.wait);
  const asked = await witnessSettings();
  const database = await connect(databaseUrl(), { applicationName: "audit-publisher rotate-key", isFinding: true });
  try {
    const { signal } = context;
    const rotated = await rotateKey({
      database,
      keyFile,
      sinks: sinkUrls(),
      ...asked,
      origin: origin(),
      waitMs,
      signal,
    });
    const { result, ...turn } = rotated;
    const text = `${"keys" in rotated ? describe(rotated) : ""}${describePublication(result)}`;
    await writeOut(flags.json === true ? `${jsonText(jsonForm({ ...turn, publication: result }))}\n` : text);
    return { exit: exitOf(rotated) };
  } finally {
    await database.end({ timeout: 1 });
  }
}

function describe({ keyFile, retired, keys }: RotatedKey): string {
  const lines = [
    `keys        ${keyFile} has new ones: copy it to where you keep the old one`,
    ...keys.map((key) => `            ${key}`),
    "to do       give these to everybody who verifies, beside those that he has (AUDIT_VERIFIER_KEYS)",
    "            then audit-chain policy --diff FILE, and --approve FILE, which pins the old ones' end",
    ...retired.map((key) => `retired     ${key}`),
  ];
  return `${lines.map((line) => escapeText(line)).join("\n")}\n`;
}
