import { CommandError, nearestName, origin, policyFile, readChainLock } from "@scidex/audit-command";
import { readMigrations } from "@scidex/audit-schema";
import { parseKeys, readKeys, readPolicy } from "@scidex/audit-verifier/command";
import { readCapture } from "./capture-state.ts";
import { captureToDo } from "./capture-to-do.ts";
import type { Sql } from "postgres";
import { type ConfigInForce, configInForce } from "../database/config-in-force.ts";
import type { Database } from "../database/database.ts";
import { notAudited, readDatabaseTables } from "../database/database-tables.ts";
import { qualifiedNames } from "../database/qualified-names.ts";
import { sinkAddresses } from "./sink-addresses.ts";
import { type PendingState, readHead, readPending, readRights, readSchemaVersion, type Rights } from "./chain-state.ts";
import { readSinkHead, type SinkState } from "./sink-heads.ts";
import type { StatusReport, TableState, ToDo } from "./status-report.ts";
import { type TableDrift, tableDrift } from "./table-drift.ts";
import { countUnchained, type Unchained } from "../database/unchained.ts";

/**
 * Everything that `status` shows. Reads only; what the login may not read is left out, and said.
 *
 * @param chosen tables as SQL names them, where not all are to be shown
 */
export async function readStatus(
  { sql, name }: Database,
  signal: AbortSignal,
  chosen?: readonly string[],
): Promise<StatusReport> {
  const verifiers = parseKeys(await readKeys());
  const policy = policyFile();
  const logs = policy === undefined ? [] : ((await readPolicy(policy)).logs ?? []);
  const trust = { origin: origin(), verifiers, followed: new Set(logs.map(({ statement }) => statement)) };
  const look = { now: Date.now(), signal };
  const sinks = await Promise.all(sinkAddresses().map((address) => readSinkHead(address, trust, look)));
  const rights = await readRights(sql);
  const lock = await readChainLock(sql);
  const release = readMigrations().length - 1;
  const names = await qualifiedNames(sql, chosen ?? []);
  const state = await sql.begin("isolation level repeatable read read only", async (tx) => {
    // Under which the names of types were recorded, with their schemas.
    await tx`set local search_path = pg_catalog, pg_temp`;
    const all = rights.config ? await configInForce(tx) : [];
    const configs = chosen === undefined || !rights.config ? all : chosenOf(all, chosen, names);
    const attached: { config: ConfigInForce; drift: TableDrift }[] = [];
    for (const config of configs) {
      if (config.action !== "detach") attached.push({ config, drift: await tableDrift(tx, config) });
    }
    return {
      version: rights.migrations ? await readSchemaVersion(tx) : null,
      head: rights.chain ? await readHead(tx) : null,
      pending: rights.pending ? await readPending(tx) : null,
      capture: rights.position ? await readCapture(tx) : null,
      detached: configs.filter(({ action }) => action === "detach"),
      attached,
      notAudited: rights.config && rights.map && chosen === undefined ? notAudited(await readDatabaseTables(tx)) : [],
    };
  });
  const toDo: ToDo[] = [
    ...schemaToDo(state.version, release),
    ...pendingToDo(state.pending),
    ...captureToDo(state.capture),
    ...sinksToDo(sinks),
  ];
  const tables: TableState[] = [];
  for (const { config, drift } of state.attached) {
    signal.throwIfAborted();
    tables.push(await readTable(sql, config, drift, rights, toDo));
  }
  return {
    database: name,
    schema: { version: state.version, release },
    head: state.head,
    pending: state.pending,
    capture: state.capture,
    lock,
    sinks,
    tables,
    detached: state.detached.map(({ relation, kind }) => ({ relation, kind })),
    not_audited: state.notAudited,
    to_do: toDo,
    not_read: notRead(rights),
  };
}

/** @throws {CommandError} `usage` for a table that has never been attached */
function chosenOf(
  configs: readonly ConfigInForce[],
  names: readonly string[],
  qualified: ReadonlyMap<string, string>,
): ConfigInForce[] {
  const wanted = names.map((name) => {
    const is = qualified.get(name) ?? name;
    // One that has gone has no schema but in its record.
    const found = configs.filter(({ relation }) => relation === is || relation.endsWith(`.${name}`));
    if (found.length === 0)
      throw new CommandError("usage", `${name} is not attached, and never was; ${adviceFor(name, configs)}`);
    return found.find(({ relation }) => relation === is) ?? found[0];
  });
  return configs.filter((config) => wanted.includes(config));
}

function adviceFor(name: string, configs: readonly ConfigInForce[]): string {
  const relations = new Map(
    configs.flatMap(({ relation }) => [
      [relation.slice(relation.indexOf(".") + 1), relation],
      [relation, relation],
    ]),
  );
  const nearest = nearestName(name, [...relations.keys()]);
  return nearest === undefined
    ? "audit-chain status lists all tables"
    : `did you mean ${relations.get(nearest) ?? nearest}?`;
}

async function readTable(
  sql: Sql,
  config: ConfigInForce,
  drift: TableDrift,
  rights: Rights,
  toDo: ToDo[],
): Promise<TableState> {
  const { relation, kind, mode, changes, complete, key_columns: key, excluded } = config;
  toDo.push(...drift.problems.map(({ problem, run }) => ({ about: relation, problem, run })));
  const keyIsThere = drift.problems.every(({ problem }) => !key.some((name) => problem === `column ${name} is gone`));
  let unchained: Unchained;
  if (drift.now === null) unchained = { not_counted: "the table is gone" };
  else if (!keyIsThere) unchained = { not_counted: "a key column is gone" };
  else if (!rights.chain || !rights.pending) unchained = { not_counted: "the chain and pending may not be read" };
  else unchained = await countUnchained(sql, config, drift.now);
  // In the mode stream they wait to be linked; how far capture is behind stands beside.
  if ("rows" in unchained && unchained.rows > 0 && drift.now !== null && mode !== "stream") {
    toDo.push(
      complete
        ? {
            about: relation,
            problem: `${unchained.rows} rows were inserted past the trigger, or came with a partition that had them`,
            run: drift.hasNewPartitions ? "audit-chain sync" : "audit-chain verify",
          }
        : {
            about: relation,
            problem: `${unchained.rows} rows that were there before are not chained yet`,
            run: `audit-chain backfill ${drift.now}`,
          },
    );
  } else if (!complete && drift.now !== null) {
    const problem = "it is not declared complete yet: the verifier cannot prove that all its rows are chained";
    toDo.push({ about: relation, problem, run: `audit-chain backfill ${drift.now}` });
  }
  return { relation, kind, mode, changes, complete, key, excluded, unchained };
}

function schemaToDo(version: number | null, release: number): ToDo[] {
  if (version === null || version === release) return [];
  return version < release
    ? [
        {
          about: null,
          problem: `the schema has migration ${version}, this release has ${release}`,
          run: "audit-chain init",
        },
      ]
    : [
        {
          about: null,
          problem: `the schema (migration ${version}) is newer than this release (${release}): use a newer one`,
          run: null,
        },
      ];
}

function pendingToDo(pending: PendingState | null): ToDo[] {
  if (pending === null || pending.conflict_count === 0) return [];
  const problem = `${pending.conflict_count} pending rows contradict the chain and were set aside`;
  return [{ about: null, problem, run: "audit-chain verify" }];
}

const sinksToDo = (sinks: readonly SinkState[]): ToDo[] =>
  sinks.flatMap(({ sink, error }) => (error === null ? [] : [{ about: sink, problem: error, run: null }]));

function notRead(rights: Rights): string[] {
  const parts = [
    rights.chain ? [] : ["head and unchained rows (SELECT on audit_chain)"],
    rights.pending ? [] : ["pending rows (SELECT on audit_chain_pending)"],
    rights.config ? [] : ["tables (SELECT on audit_chain_config)"],
    rights.map ? [] : ["which tables are not audited (SELECT on audit_chain_relation)"],
  ];
  return parts.flat();
}
