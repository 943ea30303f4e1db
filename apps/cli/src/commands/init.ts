import { CommandError, type CommandContext, CONFIG_FILE, escapeText, type Outcome, place } from "@scidex/audit-command";
import { DEFAULT_PLACE, isDefaultPlace, type Place, placeOf } from "@scidex/audit-core";
import { migrate } from "@scidex/audit-schema";
import { Command } from "commander";
import { requireNoConfig, writeConfig } from "../config/write-config.ts";
import { withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { print } from "../text/print.ts";

const HELP = `
Safe to repeat, and to run several times at once. The login is a superuser, or has CREATEROLE and may create objects
in the schema public.

--repair is for a chain that has lost something: owners and rights after a restore without them, triggers, guards, functions,
the tables that linking needs. It first verifies links, published heads (AUDIT_SINKS, AUDIT_VERIFIER_KEYS) and configuration,
and mends nothing where these are not what they were. Keep the report of audit-verify from before: it says what was changed.
What it mends is recorded in the chain, as what it was found. Owners, rights and roles that a restore left out are clean
then; anything else stays a finding (coverage_narrowed) until the auditor has approved it: audit-chain policy --diff FILE.
What holds records is never made anew.

--adopt is for a database with the audit_chain of an earlier implementation (seq, event_kind, event_pk, event_hash, prev_hash,
chain_hash). That table is renamed to earlier_audit_chain, with its sequence and indexes; its links are checked by their own formula,
SHA-256(prev_hash || event_hash || seq); it is audited as a table that refuses changes, and its rows are chained. None of them
is changed. Broken off, it goes on when it is run again.

--schema puts all of the chain's objects into a schema of its own, which is made where it is missing: drizzle-kit push and
interfaces made from public then leave it alone. --role-prefix names its roles, which belong to the whole server, for a server
with chains of several owners. Other commands find the one chain of a database; whoever verifies, or has several, sets AUDIT_SCHEMA
and AUDIT_ROLE_PREFIX. A chain stays where it was made.

Examples:
  $ AUDIT_DATABASE_URL=postgres://postgres:secret@localhost:5432/app audit-chain init
  $ audit-chain init --write-config
  $ audit-chain init --repair
  $ audit-chain init --adopt
  $ audit-chain init --schema audit`;

interface Options {
  readonly repair?: boolean;
  readonly adopt?: boolean;
  readonly schema?: string;
  readonly rolePrefix?: string;
  readonly writeConfig?: string | true;
  readonly json?: boolean;
}

/** `audit-chain init`: migrations and roles. */
export function initCommand(context: CommandContext): Command {
  return new Command("init")
    .description("Creates the audit chain's tables, functions and roles in a database, or brings them up to date.")
    .option("--repair", "put back what it has lost: owners, rights, triggers, guards, functions")
    .option(
      "--adopt",
      "take over the audit_chain of an earlier implementation, which stays as it is under another name",
    )
    .option("--schema <name>", "the schema of the chain's objects (default: AUDIT_SCHEMA, else public)")
    .option("--role-prefix <p>", "what its roles' names begin with (default: AUDIT_ROLE_PREFIX, else scidex_audit_)")
    .option("--write-config [file]", "write database, place, origin and sinks into a new audit.config.json")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(
      context.run(async (options: Options): Promise<Outcome | void> => {
        const { repair, adopt, schema, rolePrefix } = options;
        if (repair === true && adopt === true)
          throw new CommandError("usage", "--repair and --adopt are about different chains: give one of them");
        if ((repair === true || adopt === true) && (schema !== undefined || rolePrefix !== undefined))
          throw new CommandError(
            "usage",
            `${repair === true ? "--repair mends" : "--adopt takes over"} the chain where it is: AUDIT_SCHEMA and AUDIT_ROLE_PREFIX say where`,
          );
        if ((repair === true || adopt === true) && options.writeConfig !== undefined)
          throw new CommandError("usage", "--write-config goes with neither --repair nor --adopt: run it by itself");
        if (adopt === true) return await (await import("../adopt/adopt-chain.ts")).adoptChain(context, options.json);
        if (repair === true) {
          return await (await import("../repair/repair-chain.ts")).repairChain(context, options.json);
        }
        await init(context, options);
      }),
    );
}

async function init(context: CommandContext, options: Options): Promise<void> {
  const at = placeAsked(options);
  const config = options.writeConfig === true ? CONFIG_FILE : options.writeConfig;
  if (config !== undefined) await requireNoConfig(config);
  const use = { command: "init", right: "a superuser, or as a role with CREATEROLE", setUp: true, place: at };
  await withDatabase(context, use, async ({ sql, name }) => {
    const { applied, version, warnings } = await migrate(drizzleOf({ sql }));
    if (config !== undefined) await writeConfig(config, at);
    await print(
      options.json,
      {
        database: name,
        schema: at.schema,
        role_prefix: at.rolePrefix,
        applied,
        version,
        warnings,
        ...(config && { config }),
      },
      () => [
        applied.length === 0
          ? `The audit chain in the database ${escapeText(name)} is up to date (migration ${version}).`
          : `The audit chain is set up in the database ${escapeText(name)} (${applied.join(", ")}).`,
        ...toldBy(at),
        ...warnings.map((warning) => `warning: ${escapeText(warning)}`),
        ...(config === undefined
          ? []
          : [
              `${escapeText(config)} says where it is; name the tables there ("tables": {"public.*": {}}), and run audit-chain sync`,
            ]),
        ...(applied.length === 0 || config !== undefined ? [] : ["Next: audit-chain attach TABLE"]),
      ],
    );
  });
}

function placeAsked({ schema, rolePrefix }: Options): Place {
  const there = place() ?? DEFAULT_PLACE;
  try {
    return placeOf({ schema: schema ?? there.schema, rolePrefix: rolePrefix ?? there.rolePrefix });
  } catch (error) {
    throw new CommandError("usage", error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** What whoever verifies has to be told. */
function toldBy(at: Place): string[] {
  if (isDefaultPlace(at) || place() !== undefined) return [];
  return [
    `It is in the schema ${at.schema}, with roles ${at.rolePrefix}…; whoever verifies sets AUDIT_SCHEMA=${at.schema} AUDIT_ROLE_PREFIX=${at.rolePrefix}.`,
  ];
}
