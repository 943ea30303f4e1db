import {
  type AgentKey,
  agentKeyFileName,
  agentKeys,
  CommandError,
  type CommandContext,
  inStateFolder,
  writeOut,
} from "@scidex/audit-command";
import { jsonText, timestampName } from "@scidex/audit-core";
import { generateErasureKey, generateKeyFiles, nameNextKeys, PublisherError } from "@scidex/audit-publisher";
import { Command } from "commander";

interface Options {
  readonly name: string;
  readonly out?: string;
  readonly next?: string;
  readonly agent?: string | true;
  readonly erasure?: boolean;
  readonly postQuantum?: boolean;
  readonly json?: boolean;
}

const HELP = `
FILE holds the log's key and its time-stamping key (Ed25519, signed-note form), mode 0600; FILE.state beside it is the
publisher's memory. Both belong to the publisher alone, out of the database's reach. What is printed are the two
verifier keys, a line each: give them to everyone who verifies (AUDIT_VERIFIER_KEYS).

With --agent, no secret is in FILE: it names two Ed25519 keys in the ssh-agent of SSH_AUTH_SOCK, by which this must be signed.
They are those whose comments are the log's name, and that with /timestamp after it; or KEY,KEY, the log's first, each a
comment or a fingerprint as ssh-add -l prints it. Without --out they are named in AUDIT_STATE_DIR, for
AUDIT_SIGNING_KEY=agent:NAME. --next names the keys that audit-publisher rotate-key is to put in the place of FILE's.

With --post-quantum there is a third key (ML-DSA-44, FIPS 204), which signs every checkpoint too. It needs Node.js 24.6 or
newer, here and where heads are published. Who verifies with its verifier key needs that as well, and refuses a checkpoint
without its signature; the first two alone are enough for whoever cannot.

With --erasure, FILE holds one key, by which audit-chain erase signs that a row was to be erased. It belongs to whoever is
responsible for that, and its verifier key into the policy, at each table that he may sign for ("erasure": ["<vkey>"]).

Examples:
  $ audit-chain keygen --name scidex.ai/audit-chain --out /etc/audit/log.key > verifier-keys.txt
  $ AUDIT_STATE_DIR=/var/lib/audit audit-chain keygen --name scidex.ai/audit-chain --agent > verifier-keys.txt`;

/** `audit-chain keygen`: the publisher's keys and state; prints the verifier keys. */
export function keygenCommand(context: CommandContext): Command {
  return new Command("keygen")
    .description("Makes the publisher's keys and prints the two verifier keys.")
    .requiredOption("--name <origin>", "the log's name (AUDIT_ORIGIN), such as scidex.ai/audit-chain")
    .option("--out <file>", "where the keys go; nothing is ever overwritten")
    .option("--agent [keys]", "name keys in the ssh-agent, and put no secret into the file")
    .option("--next <file>", "with --agent: name the keys that are to take the place of this file's")
    .option("--erasure", "make a key that signs erasures, named for instance privacy.example.org")
    .option("--post-quantum", "also an ML-DSA-44 key: its signatures hold against quantum computers")
    .option("--json", "print the verifier keys as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(options)));
}

async function run(options: Options): Promise<void> {
  const { name, agent, erasure = false, postQuantum = false, next, json } = options;
  if (erasure && postQuantum)
    throw new CommandError("usage", "--erasure makes an Ed25519 key, and no other: leave --post-quantum out");
  if (agent !== undefined && postQuantum)
    throw new CommandError("usage", "an ssh-agent has no ML-DSA-44 keys: leave --post-quantum out, or --agent");
  if (next !== undefined && (agent === undefined || erasure || options.out !== undefined))
    throw new CommandError("usage", "--next wants --agent, and neither --out nor --erasure");
  const out = next ?? outOf(options);
  const elsewhere = agent === undefined ? [] : await keysInAgent(name, agent, erasure);
  const vkeys = await generate(
    options,
    out,
    elsewhere.map(({ publicBytes }) => publicBytes),
  );
  await writeOut(
    json === true ? `${jsonText({ origin: name, key_file: out, verifier_keys: vkeys })}\n` : `${vkeys.join("\n")}\n`,
  );
}

function outOf({ out, agent, name, erasure }: Options): string {
  const place = out ?? (agent === undefined || erasure === true ? undefined : inStateFolder(agentKeyFileName(name)));
  if (place !== undefined) return place;
  throw new CommandError(
    "usage",
    agent === undefined ? "--out FILE is missing" : "--out FILE is missing, or AUDIT_STATE_DIR for AUDIT_SIGNING_KEY",
  );
}

/** The keys of the agent that are meant: by default those that are called as they must be in notes. */
async function keysInAgent(name: string, said: string | true, isForErasure: boolean): Promise<readonly AgentKey[]> {
  const wanted = said === true ? (isForErasure ? [name] : [name, timestampName(name)]) : said.split(",");
  const count = isForErasure ? 1 : 2;
  if (wanted.length !== count)
    throw new CommandError("usage", `--agent wants ${isForErasure ? "one key" : "two keys, KEY,KEY, the log's first"}`);
  const keys = await agentKeys(name);
  const found = wanted.map((one) => keyCalled(keys, one));
  const [log, timestamp] = found;
  if (timestamp !== undefined && log?.fingerprint === timestamp.fingerprint)
    throw new CommandError("usage", "the log's key and that of its time-stamping must not be the same");
  return found;
}

function keyCalled(keys: readonly AgentKey[], called: string): AgentKey {
  const [key, ...others] = keys.filter(({ comment, fingerprint }) => comment === called || fingerprint === called);
  if (key !== undefined && others.length === 0) return key;
  const has = keys.map(({ comment, fingerprint }) => `${fingerprint} ${JSON.stringify(comment)}`).join(", ");
  throw new CommandError(
    "usage",
    key === undefined
      ? `the ssh-agent has no Ed25519 key ${JSON.stringify(called)}: make one (ssh-keygen -t ed25519 -C ${called}) and add it (ssh-add); where it is locked, ssh-add -X unlocks it. It has ${has === "" ? "none" : has}`
      : `the ssh-agent has several keys ${JSON.stringify(called)}: name one by its fingerprint. It has ${has}`,
  );
}

async function generate(
  { name, erasure, postQuantum = false, next }: Options,
  out: string,
  [log, timestamp]: readonly Uint8Array[],
): Promise<readonly string[]> {
  try {
    if (erasure === true) return [await generateErasureKey({ name, out, elsewhere: log })];
    const elsewhere = log && timestamp && ([log, timestamp] as const);
    if (next !== undefined && elsewhere !== undefined) return await nameNextKeys(next, name, elsewhere);
    return (await generateKeyFiles({ origin: name, out, postQuantum, elsewhere })).vkeys;
  } catch (cause) {
    if (cause instanceof PublisherError && cause.code === "configuration")
      throw new CommandError("usage", cause.message, { cause });
    throw cause;
  }
}
