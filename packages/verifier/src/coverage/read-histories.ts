import { CONFIG_COLUMNS, CONFIG_KIND, type Config, decodeConfig, historiesOf, type KindHistory } from "./config.ts";
import type { Place } from "@scidex/audit-core";
import { withRepairs } from "./repairs.ts";
import { eachLine, eachTuple, type Lane, type Relation, type ReportFinding } from "@scidex/audit-reader";

/** Kinds with their histories. */
export type Histories = ReadonlyMap<string, KindHistory>;

/** The configuration's own columns, in the order of the payload's members. */
const CONFIG_COVERED = [
  "absent",
  "action",
  "actor",
  "blind_key",
  "changes",
  "column_types",
  "columns",
  "complete",
  "excluded",
  "fallback",
  "id",
  "key_columns",
  "kind",
  "members",
  "mode",
  "present",
  "record_anew",
  "recorded_at",
  "relation",
  "renamed",
  "repaired",
  "retention",
  "salt",
] as const;

/** How the configuration table itself is covered, from before its first row, wherever the chain is. */
export const CONFIG_OF_CONFIG: Omit<Config, "relation"> = {
  id: 0n,
  seq: 0n,
  action: "attach",
  kind: CONFIG_KIND,
  keyColumns: ["id"],
  columns: CONFIG_COVERED,
  members: CONFIG_COVERED,
  absent: new Map(),
  columnTypes: [],
  excluded: [],
  changes: "refuse",
  mode: "strict",
  complete: true,
  recordAnew: false,
  salt: false,
  blindKey: false,
  retention: null,
  present: [],
  repaired: new Map(),
  actor: "",
  recordedAt: "",
};

/** What is left where the configuration cannot be believed at all: that it must be covered itself. */
export const noHistories = (place: Place): Histories => withOwn(new Map(), place);

/**
 * The configuration as it stands in the database, with the seq of each row's link.
 *
 * @param report takes two kinds of rows: those that no release can have written, which have no effect here, and those
 *   of which the database would believe another than the newest in the chain
 */
export async function readHistories(
  lane: Lane,
  chain: Relation,
  config: Relation,
  report: ReportFinding = () => {},
): Promise<Histories> {
  const seqs = new Map<string, bigint>();
  const ofKind = { kindLengths: [CONFIG_KIND.length] };
  await eachTuple(await lane.scan(chain, ["seq", "event_kind", "event_pk"], "binary", ofKind), 3, ([seq, kind, pk]) => {
    if (seq?.length === 8 && kind?.toString() === CONFIG_KIND && pk != null)
      seqs.set(pk.toString(), seq.readBigInt64BE(0));
  });
  const configs: Config[] = [];
  await eachLine(await lane.scan(config, CONFIG_COLUMNS, "text"), (fields) => {
    const decoded = decodeConfig(fields, (id) => seqs.get(id) ?? null);
    if (decoded === null) reportUnsound(fields, report);
    else configs.push(decoded);
  });
  const histories = historiesOf(configs);
  for (const history of histories.values()) reportDisorder(history, report);
  return withOwn(histories, lane.place);
}

function reportUnsound(fields: readonly (string | null)[], report: ReportFinding): void {
  const [id, , kind] = fields;
  report({
    check: "coverage_narrowed",
    ...(kind == null ? {} : { eventKind: kind }),
    expected: "a row as attach, detach and the backfill write it",
    actual: fields.map((field, i) => `${CONFIG_COLUMNS[i] ?? ""} ${field ?? "NULL"}`).join(", "),
    message: `the configuration row ${id ?? "without an id"} of the kind ${kind ?? "NULL"} was written past attach: it cannot be read, and is left out`,
  });
}

/** Ids grow with the chain. The database takes the highest for the newest. */
function reportDisorder({ configs }: KindHistory, report: ReportFinding): void {
  for (const [i, config] of configs.entries()) {
    const before = configs[i - 1];
    if (before === undefined || config.id > before.id || config.seq === null) continue;
    report({
      check: "coverage_narrowed",
      seq: config.seq,
      eventKind: config.kind,
      expected: `an id above ${before.id}`,
      actual: `${config.id}`,
      message: `the configuration row ${config.id} of the kind ${config.kind} is newer in the chain than the row ${before.id}, which the database believes instead`,
    });
  }
}

function withOwn(histories: Map<string, KindHistory>, { schema }: Place): Histories {
  const current: Config = { ...CONFIG_OF_CONFIG, relation: `${schema}.${CONFIG_KIND}` };
  const configs = withRepairs(current, histories.get(CONFIG_KIND)?.configs ?? []);
  return histories.set(CONFIG_KIND, { kind: CONFIG_KIND, configs, current });
}
