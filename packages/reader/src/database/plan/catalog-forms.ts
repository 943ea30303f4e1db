import { FIRST_NORMAL_OID, FIRST_UNPINNED_OID } from "../catalog/oids.ts";
import { isNode, type Value } from "./node-text.ts";
import {
  anything,
  bytesAre,
  call,
  column,
  constant,
  FUNCTIONS,
  node,
  number64,
  rangeEntry,
  result,
  statementOf,
  T,
  table,
  targets,
} from "./parts.ts";
import type { Form } from "./parts.ts";
import { difference, type Pattern } from "./pattern.ts";

/** Under which files relations are stored now, whatever the snapshot: a column each. */
export function filenodesForm(oids: readonly number[]): Form {
  const columns = oids.map((oid, i) => `pg_catalog.pg_relation_filenode('${oid}'::pg_catalog.regclass) as c${i}`);
  return {
    statement: `select ${columns.join(", ")}`,
    plan: result(
      oids.map((oid) => call("pg_relation_filenode", T.oid, [constant([T.regclass], bytesAre(number64(oid)))])),
      ["o", ...oids.map(String)],
    ),
  };
}

const ROLE_COLUMNS = [
  "oid",
  "rolname",
  "rolsuper",
  "rolcreaterole",
  "rolcreatedb",
  "rolcanlogin",
  "rolreplication",
  "rolbypassrls",
] as const;

/** The same columns in pg_authid, which only superusers may read without the view. */
const AUTHID_ATTRIBUTES = [
  { number: 1, type: 26 },
  { number: 2, type: 19 },
  ...[3, 5, 6, 7, 8, 9].map((number) => ({ number, type: 16 })),
];
const AUTHID = "1260";
const SETTINGS_OF_ROLES = "2964";

/**
 * Roles, through the view pg_roles: whatever that is, the plan must be a scan of pg_authid alone. (The view's settings of
 * roles are not asked for, so that the planner leaves their table out.)
 */
export const ROLES: Form = {
  statement: `select ${ROLE_COLUMNS.map((name, i) => `r.${name} as c${i}`).join(", ")} from pg_catalog.pg_roles as r`,
  plan: ([tree]) => (isNode(tree) ? rolesDifference(tree.fields) : "no plan"),
};

function rolesDifference(fields: ReadonlyMap<string, readonly Value[]>): string | null {
  const [planTree] = fields.get("planTree") ?? [];
  const scanned = isNode(planTree) ? planTree.fields.get("scanrelid")?.[0] : undefined;
  if (typeof scanned !== "string") return "no scan";
  const oids = (fields.get("relationOids") ?? []).flatMap((list) =>
    typeof list === "object" && !isNode(list) ? list : [],
  );
  // The view itself was made by initdb; what else is named is not read.
  if (!oids.includes(AUTHID) || oids.some((oid) => typeof oid !== "string" || isOther(oid))) return "other relations";
  const [rtable] = fields.get("rtable") ?? [];
  const entry = typeof rtable === "object" && !isNode(rtable) ? rtable[Number(scanned) - 1] : undefined;
  const tree: Value = {
    name: "PLANNEDSTMT",
    fields: new Map([...fields, ["rtable", entry === undefined ? [] : [[entry]]]]),
  };
  const pattern = node("PLANNEDSTMT", {
    commandType: "1",
    planTree: node("SEQSCAN", {
      targetlist: targets(AUTHID_ATTRIBUTES.map((attribute) => column(scanned, attribute))),
      scanrelid: scanned,
    }),
    rtable: [table(Number(AUTHID))],
    relationOids: anything,
  });
  return difference([tree], pattern, "");
}

/** The view and what it is made of, and nothing else. */
const isOther = (oid: string): boolean =>
  oid !== "o" &&
  oid !== AUTHID &&
  oid !== SETTINGS_OF_ROLES &&
  (Number(oid) < FIRST_UNPINNED_OID || Number(oid) >= FIRST_NORMAL_OID);

/** Columns of a function that the server has built in, read as a table: each its number and type. */
const functionScan = (
  name: keyof typeof FUNCTIONS,
  width: Pattern,
  attributes: readonly (readonly [number: number, type: string])[],
  isSet: boolean,
) =>
  statementOf(
    node("FUNCTIONSCAN", {
      targetlist: targets(attributes.map(([number, type]) => column("1", { number, type: Number(type) }))),
      scanrelid: "1",
      functions: [
        node("RANGETBLFUNCTION", {
          funcexpr: node("FUNCEXPR", {
            funcid: FUNCTIONS[name],
            funcresulttype: T.record,
            funcretset: String(isSet),
          }),
          funccolcount: width,
        }),
      ],
    }),
    [rangeEntry({ rtekind: "3" })],
    "<>",
  );

/** What the server's settings are for this session: name and the value that RESET would give. */
export const SETTINGS: Form = {
  statement: "select s.name as c0, s.reset_val as c1 from pg_catalog.pg_show_all_settings() as s",
  plan: functionScan(
    "pg_show_all_settings",
    "17",
    [
      [1, T.text],
      [14, T.text],
    ],
    true,
  ),
};

/** Which cluster the server runs: the number that initdb gave it. */
export const SYSTEM_IDENTIFIER: Form = {
  statement: "select s.system_identifier as c0 from pg_catalog.pg_control_system() as s",
  plan: functionScan("pg_control_system", "4", [[3, T.bigint]], false),
};

/** Slots by which the write-ahead log is sent, and whether the server still has what they would send. */
export const REPLICATION_SLOTS: Form = {
  statement: "select s.slot_name as c0, s.wal_status as c1 from pg_catalog.pg_get_replication_slots() as s",
  plan: functionScan(
    "pg_get_replication_slots",
    // 14 and 15 have 14 columns, 18 has 20.
    anything,
    [
      [1, T.name],
      [12, T.text],
    ],
    true,
  ),
};

/** When the last transaction was committed that a standby has replayed. */
export const REPLAYED_AT: Form = {
  statement: "select pg_catalog.pg_last_xact_replay_timestamp() as c0",
  plan: result([call("pg_last_xact_replay_timestamp", T.timestamptz, "<>")]),
};

/** Up to where the write-ahead log is written. */
export const WRITTEN_TO: Form = {
  statement: "select pg_catalog.pg_current_wal_insert_lsn() as c0",
  plan: result([call("pg_current_wal_insert_lsn", T.pg_lsn, "<>")]),
};

/** Up to where a standby has replayed it. */
export const REPLAYED_TO: Form = {
  statement: "select pg_catalog.pg_last_wal_replay_lsn() as c0",
  plan: result([call("pg_last_wal_replay_lsn", T.pg_lsn, "<>")]),
};
