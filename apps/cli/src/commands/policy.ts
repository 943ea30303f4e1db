import { type CommandContext, origin, type Outcome, required, writeOut } from "@scidex/audit-command";
import { formatPolicy, type PinnedRow, type Policy } from "@scidex/audit-verifier";
import { Command, Option } from "commander";
import type { ISql } from "postgres";
import { type ConfigInForce, configInForce } from "../database/config-in-force.ts";
import { withDatabase } from "../database/database.ts";
import { diffServer, pinServer } from "../database/server-rows.ts";

const HELP = `
Keep the file where whoever can write to the database cannot (a repository, the CI job), and name it with AUDIT_POLICY:
the verifier then reports whatever the database covers less. AUDIT_ORIGIN is the log's name.

A server that is not plain PostgreSQL has other rows in the builtin catalogs: --pin-server says on stderr which, and pins
them. Read them first: whoever has tampered with the server's catalog is pinned too. --diff says which rows of the server
are not PostgreSQL's own, nor as FILE has pinned them; exit 4 if there is any.

Examples:
  $ AUDIT_ORIGIN=scidex.ai/audit-chain audit-chain policy > audit-policy.json
  $ audit-chain policy --diff audit-policy.json`;

interface PolicyOptions {
  readonly json?: boolean;
  readonly pinServer?: boolean;
  readonly diff?: string;
}

/** `audit-chain policy`: what is covered now, as the verifier's policy file; or what differs from such a file. */
export function policyCommand(context: CommandContext): Command {
  return new Command("policy")
    .description("Prints what is covered now, to be pinned as the verifier's policy file.")
    .option("--pin-server", "pin the builtin rows of the catalogs that are not PostgreSQL's own on this server")
    .addOption(
      new Option("--diff <file>", "say which builtin rows are not as this policy file has them").conflicts("pinServer"),
    )
    .option("--json", "JSON on one line")
    .addHelpText("after", HELP)
    .action(context.run((options: PolicyOptions) => run(context, options)));
}

const LOGIN = { command: "policy", right: "a member of scidex_audit_inspector" };

async function run(context: CommandContext, options: PolicyOptions): Promise<Outcome | void> {
  const { diff } = options;
  if (diff !== undefined)
    return await withDatabase(context, LOGIN, async ({ sql }) => await diffServer(sql, diff, options.json));
  const name = required("AUDIT_ORIGIN", origin(), "the log's name, such as scidex.ai/audit-chain");
  await withDatabase(context, LOGIN, async ({ sql }) => {
    const server = options.pinServer === true ? await pinServer(sql) : [];
    const policy = policyOf(name, await configInForce(sql), { ...(await catalogOf(sql)), server });
    await writeOut(formatPolicy(policy, options.json === true ? 0 : 2));
  });
}

/** What only the catalog says, and what is pinned of it. */
interface Pinned {
  /** Relations with row security. */
  readonly secured: ReadonlySet<string>;
  /** By partitioned table, the partitions that are guarded against TRUNCATE. */
  readonly guarded: ReadonlyMap<string, readonly string[]>;
  /** Event triggers at login. */
  readonly logins: readonly string[];
  /** Builtin rows that are not PostgreSQL's own. */
  readonly server: readonly PinnedRow[];
}

async function catalogOf(sql: ISql): Promise<Omit<Pinned, "server">> {
  const relation = "pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname))";
  const secured = await sql.unsafe<{ relation: string }[]>(
    `select ${relation} as relation from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.relrowsecurity`,
  );
  const guarded = await sql.unsafe<{ root: string; partition: string }[]>(
    `with recursive tree (root, relid) as (
       select i.inhparent, i.inhrelid from pg_catalog.pg_inherits as i
       union select tree.root, i.inhrelid from pg_catalog.pg_inherits as i join tree on tree.relid = i.inhparent)
     select (select ${relation} from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.oid = tree.root) as root,
            ${relation} as partition
       from tree join pg_catalog.pg_class as c on c.oid = tree.relid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where exists (select from pg_catalog.pg_trigger as t where t.tgrelid = c.oid and t.tgname = 'audit_chain_guard_truncate')
      order by 1, 2`,
  );
  const logins = await sql<{ name: string }[]>`
    select e.evtname as name from pg_catalog.pg_event_trigger as e where e.evtevent = 'login' and e.evtenabled in ('O', 'A') order by 1`;
  const partitions = new Map<string, string[]>();
  for (const { root, partition } of guarded) partitions.set(root, [...(partitions.get(root) ?? []), partition]);
  return {
    secured: new Set(secured.map((row) => row.relation)),
    guarded: partitions,
    logins: logins.map((row) => row.name),
  };
}

/** What is covered now, by the configuration in force and the catalog. */
function policyOf(
  name: string,
  configs: readonly ConfigInForce[],
  { secured, guarded, logins, server }: Pinned,
): Policy {
  const of = (isDetached: boolean) => configs.filter(({ action }) => (action === "detach") === isDetached);
  return {
    origin: name,
    tables: new Map(
      of(false).map(({ relation, kind, key_columns: key, excluded: exclude, changes, present }) => [
        relation,
        {
          kind,
          key,
          exclude,
          changes,
          readmit: false,
          rowSecurity: secured.has(relation),
          guarded: guarded.get(relation) ?? [],
          present,
          replaced: [],
        },
      ]),
    ),
    detached: new Map(
      of(true).map(({ relation, kind, key_columns: key, excluded: exclude, changes }) => [
        relation,
        { kind, key: [...key], exclude: [...exclude], changes },
      ]),
    ),
    loginTriggers: new Set(logins),
    server,
  };
}
