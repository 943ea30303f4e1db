import { CommandError, type CommandContext, writeOut } from "@scidex/audit-command";
import { jsonText } from "@scidex/audit-core";
import { generateErasureKey, generateKeyFiles, PublisherError } from "@scidex/audit-publisher";
import { Command } from "commander";

interface Options {
  readonly name: string;
  readonly out: string;
  readonly erasure?: boolean;
  readonly postQuantum?: boolean;
  readonly json?: boolean;
}

const HELP = `
FILE holds the log's key and its time-stamping key (Ed25519, signed-note form), mode 0600; FILE.state beside it is the
publisher's memory. Both belong to the publisher alone, out of the database's reach. What is printed are the two
verifier keys, a line each: give them to everyone who verifies (AUDIT_VERIFIER_KEYS).

With --post-quantum there is a third key (ML-DSA-44, FIPS 204), which signs every checkpoint too. It needs Node.js 24.6 or
newer, here and where heads are published. Who verifies with its verifier key needs that as well, and refuses a checkpoint
without its signature; the first two alone are enough for whoever cannot.

With --erasure, FILE holds one key, by which audit-chain erase signs that a row was to be erased. It belongs to whoever is
responsible for that, and its verifier key into the policy, at each table that he may sign for ("erasure": ["<vkey>"]).

Example:
  $ audit-chain keygen --name scidex.ai/audit-chain --out /etc/audit/log.key > verifier-keys.txt`;

/** `audit-chain keygen`: the publisher's keys and state; prints the verifier keys. */
export function keygenCommand(context: CommandContext): Command {
  return new Command("keygen")
    .description("Makes the publisher's keys and prints the two verifier keys.")
    .requiredOption("--name <origin>", "the log's name (AUDIT_ORIGIN), such as scidex.ai/audit-chain")
    .requiredOption("--out <file>", "where the keys go; nothing is ever overwritten")
    .option("--erasure", "make a key that signs erasures, named for instance privacy.example.org")
    .option("--post-quantum", "also an ML-DSA-44 key: its signatures hold against quantum computers")
    .option("--json", "print the verifier keys as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(options)));
}

async function run({ name, out, erasure = false, postQuantum = false, json }: Options): Promise<void> {
  if (erasure && postQuantum)
    throw new CommandError("usage", "--erasure makes an Ed25519 key, and no other: leave --post-quantum out");
  const { vkeys } = await generate({ origin: name, out, postQuantum }, erasure);
  await writeOut(
    json === true ? `${jsonText({ origin: name, key_file: out, verifier_keys: vkeys })}\n` : `${vkeys.join("\n")}\n`,
  );
}

async function generate(
  key: Parameters<typeof generateKeyFiles>[0],
  isForErasure: boolean,
): Promise<{ vkeys: readonly string[] }> {
  try {
    if (isForErasure) return { vkeys: [await generateErasureKey({ name: key.origin, out: key.out })] };
    return await generateKeyFiles(key);
  } catch (cause) {
    if (cause instanceof PublisherError && cause.code === "configuration")
      throw new CommandError("usage", cause.message, { cause });
    throw cause;
  }
}
