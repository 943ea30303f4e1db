import { identifier } from "../../sql-text.ts";
import { attributeOf, type Column, type Relation, type Rows, SLICE_CHARACTERS } from "../relation.ts";
import { isNode, type Value } from "./node-text.ts";
import { difference, type NodePattern, type Pattern } from "./pattern.ts";

/**
 * A statement with the plan that it must have: the verifier sends no other. What is run then is C code of the server that
 * the executor finds by number, without looking into a catalog; what comes of a row's columns goes straight to the types'
 * output functions.
 */
export interface Form {
  readonly statement: string;
  readonly plan: Pattern;
}

/** Functions of the server by oid, the same in every version, which the executor finds in its own table of them. */
const FUNCTIONS = {
  textin: "46",
  array_out: "751",
  substr: "877",
  textcat: "1258",
  textlen: "1317",
  oidout: "1799",
  set_config: "2078",
  pg_show_all_settings: "2084",
  pg_relation_size: "2332",
  pg_relation_filenode: "2999",
  pg_export_snapshot: "3809",
} as const;
/** Comparisons of a bigint with a bigint or an integer constant, and of an oid, by the function that is called. */
const AT_LEAST = ["472", "479"];
const AT_MOST = ["471", "478"];
const OID_EQUAL = ["184"];
const INTEGER_EQUAL = ["65"];

const T = { boolean: "16", bigint: "20", integer: "23", text: "25", oid: "26", regclass: "2205" } as const;

// Patterns of the parts of a plan.

/** Any of these atoms. */
const oneOf =
  (atoms: readonly string[]): Pattern =>
  ([value, ...more]) =>
    more.length === 0 && typeof value === "string" && atoms.includes(value) ? null : `not one of ${atoms.join(", ")}`;
const anything: Pattern = () => null;

const node = (name: string, fields: NodePattern["fields"]): NodePattern => ({ node: name, fields });

const column = (relation: string, attribute: number): NodePattern =>
  node("VAR", { varno: relation, varattno: String(attribute), vartype: anything });

const call = (name: keyof typeof FUNCTIONS, result: string, args: Pattern): NodePattern =>
  node("FUNCEXPR", { funcid: FUNCTIONS[name], funcresulttype: result, args });

const compare = (functions: readonly string[], args: readonly Pattern[]): NodePattern =>
  node("OPEXPR", { opno: anything, opfuncid: oneOf(functions), args });

/** A constant of one of these types; `bytes` as the dump shows them. */
const constant = (types: readonly string[], bytes: Pattern = anything): NodePattern =>
  node("CONST", { consttype: oneOf(types), constvalue: bytes });

const bytesAre =
  (expected: Uint8Array): Pattern =>
  (values) => {
    const list: Value | undefined = values[1];
    const bytes = (typeof list === "object" && !isNode(list) ? list : values).filter((v) => v !== "[" && v !== "]");
    const found = Buffer.from(bytes.slice(-expected.length).map((byte) => Number(byte) & 0xff));
    return found.equals(expected) ? null : "another constant";
  };

const number32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** A text as the server holds it: its length in bytes, with the four bytes of the length, before it. */
function textBytes(text: string): Uint8Array {
  const body = Buffer.from(text);
  const header = Buffer.alloc(4);
  header.writeUInt32LE((body.length + 4) << 2);
  return Buffer.concat([header, body]);
}

const integer = (value: number) => constant([T.integer], bytesAre(number32(value)));
const text = (value: string) => constant([T.text], bytesAre(textBytes(value)));

function statementOf(planTree: Pattern, rtable: Pattern, relationOids: Pattern): Pattern {
  return node("PLANNEDSTMT", { commandType: "1", planTree, rtable, relationOids });
}

const targets = (expressions: readonly Pattern[]): Pattern[] => expressions.map((expr) => node("TARGETENTRY", { expr }));

/** Older versions call an entry of the range table RTE. */
const rangeEntry = (fields: NodePattern["fields"]): Pattern => node("RTE|RANGETBLENTRY", fields);

const table = (oid: number): Pattern => rangeEntry({ rtekind: "0", relid: String(oid), relkind: "r" });

/**
 * One relation alone, read from its beginning to its end.
 *
 * @param constants oids that stand in the statement: the server takes them for relations too
 */
const sequentialScan = (
  oid: number,
  expressions: readonly Pattern[],
  qual: Pattern = "<>",
  constants: readonly number[] = [],
): Pattern =>
  statementOf(
    node("SEQSCAN", { targetlist: targets(expressions), qual, scanrelid: "1" }),
    [table(oid)],
    ["o", String(oid), ...constants.map(String)],
  );

/** Something computed from constants. */
const result = (expression: Pattern, relationOids: Pattern = "<>"): Pattern =>
  statementOf(
    node("RESULT", { targetlist: targets([expression]), resconstantqual: "<>" }),
    // Since PostgreSQL 18 there is an entry for the missing relation; before, none.
    (values) => {
      const [list] = values;
      if (list === "<>") return null;
      const [entry, ...more] = typeof list === "object" && !isNode(list) ? list : [];
      return more.length === 0 && isNode(entry) && entry.fields.get("rtekind")?.[0] === "8" ? null : "relations";
    },
    relationOids,
  );

// The forms.

function sqlOf(item: Column): string {
  if (typeof item === "string") return `t.${identifier(item)}`;
  const name = `t.${identifier(item.slice)}`;
  const value = {
    text: name,
    tree: `${name}::pg_catalog.text`,
    array: `pg_catalog.textin(pg_catalog.array_out(${name}))`,
  }[item.of];
  return `pg_catalog.substr(${value}, 1, ${SLICE_CHARACTERS})`;
}

function planOf(relation: Relation, item: Column): Pattern {
  if (typeof item === "string") return column("1", attributeOf(relation, item));
  const name = column("1", attributeOf(relation, item.slice));
  const value = {
    text: name,
    tree: node("RELABELTYPE", { arg: name, resulttype: T.text }),
    array: call("textin", T.text, [call("array_out", "2275", [name])]),
  }[item.of];
  return call("substr", T.text, [value, integer(1), integer(SLICE_CHARACTERS)]);
}

/** Columns of one relation's own rows, as they stand there, without those of its children. */
export function scanForm(relation: Relation, columns: readonly Column[], rows: Rows = {}): Form {
  // Names of our own for what comes out: those of columns can be anybody's, and stand in the dump.
  const list = columns.map((item, i) => `${sqlOf(item)} as c${i}`).join(", ");
  const conditions = conditionsOf(relation, rows);
  const where = conditions.length === 0 ? "" : ` where ${conditions.map(({ sql }) => sql).join(" and ")}`;
  return {
    statement: `select ${list} from only ${identifier(relation.schema)}.${identifier(relation.name)} as t${where}`,
    plan: sequentialScan(
      relation.oid,
      columns.map((item) => planOf(relation, item)),
      conditions.length === 0 ? "<>" : conditions.map(({ plan }) => plan),
    ),
  };
}

function conditionsOf(relation: Relation, { from, to, kindLengths }: Rows): { sql: string; plan: Pattern }[] {
  const of = (name: string) => column("1", attributeOf(relation, name));
  const number = constant([T.integer, T.bigint]);
  const conditions: { sql: string; plan: Pattern }[] = [];
  if (from !== undefined)
    conditions.push({ sql: `t.seq >= ${from}`, plan: compare(AT_LEAST, [of("seq"), number]) });
  if (to !== undefined) {
    const atMost = { sql: `t.seq <= ${to}`, plan: compare(AT_MOST, [of("seq"), number]) };
    const isNull = { sql: "t.seq is null", plan: node("NULLTEST", { arg: of("seq") }) };
    conditions.push(from === undefined ? anyOf([atMost, isNull]) : atMost);
  }
  if (kindLengths !== undefined)
    conditions.push(
      anyOf(
        kindLengths.map((length) => ({
          sql: `pg_catalog.length(t.event_kind) = ${length}`,
          plan: compare(INTEGER_EQUAL, [call("textlen", T.integer, [of("event_kind")]), integer(length)]),
        })),
      ),
    );
  return conditions;
}

function anyOf(conditions: readonly { sql: string; plan: Pattern }[]): { sql: string; plan: Pattern } {
  const [first, ...more] = conditions;
  if (first !== undefined && more.length === 0) return first;
  return {
    sql: `(${conditions.map(({ sql }) => sql).join(" or ")})`,
    plan: node("BOOLEXPR", { boolop: "or", args: conditions.map(({ plan }) => plan) }),
  };
}

/** The keys of a catalog's index, which must be those of the catalog. `columns` are the index's own, and no others. */
export function indexForm(relation: Relation, index: number, columns: readonly string[]): Form {
  const list = columns.map((name, i) => `t.${identifier(name)} as c${i}`).join(", ");
  return {
    statement: `select ${list} from only ${identifier(relation.schema)}.${identifier(relation.name)} as t`,
    plan: statementOf(
      node("INDEXONLYSCAN", {
        // Columns of the index, by their place in it.
        targetlist: anything,
        indextlist: anything,
        scanrelid: "1",
        indexid: String(index),
        indexorderdir: oneOf(["0", "1"]),
      }),
      [table(relation.oid)],
      ["o", String(relation.oid)],
    ),
  };
}

/** Under which file each relation was stored in the snapshot, and under which it is now: `oid`, then the two. */
export function filenodesForm(pgClass: Relation): Form {
  const oid = column("1", attributeOf(pgClass, "oid"));
  return {
    statement:
      "select t.oid as c0, t.relfilenode as c1, pg_catalog.pg_relation_filenode(t.oid) as c2 from only pg_catalog.pg_class as t",
    plan: sequentialScan(pgClass.oid, [
      oid,
      column("1", attributeOf(pgClass, "relfilenode")),
      call("pg_relation_filenode", T.oid, [node("RELABELTYPE", { arg: oid, resulttype: T.regclass })]),
    ]),
  };
}

/** Bytes of a relation's main file. */
export function sizeForm(oid: number): Form {
  return {
    statement: `select pg_catalog.pg_relation_size('${oid}'::pg_catalog.regclass, 'main') as c0`,
    plan: result(
      call("pg_relation_size", T.bigint, [constant([T.regclass], bytesAre(number32(oid))), text("main")]),
      ["o", String(oid)],
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

/** Numbers of the same columns in pg_authid, which only superusers may read without the view. */
const AUTHID_ATTRIBUTES = [1, 2, 3, 5, 6, 7, 8, 9];
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
  const oids = (fields.get("relationOids") ?? []).flatMap((list) => (typeof list === "object" && !isNode(list) ? list : []));
  // The view itself was made by initdb; what else is named is not read.
  const strange = oids.find((oid) => typeof oid !== "string" || !(oid === "o" || Number(oid) < 16_384));
  if (strange !== undefined || !oids.includes(AUTHID) || oids.some((oid) => isOther(String(oid)))) return "other relations";
  const [rtable] = fields.get("rtable") ?? [];
  const entry = typeof rtable === "object" && !isNode(rtable) ? rtable[Number(scanned) - 1] : undefined;
  const tree: Value = { name: "PLANNEDSTMT", fields: new Map([...fields, ["rtable", entry === undefined ? [] : [[entry]]]]) };
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
  oid !== "o" && oid !== AUTHID && oid !== SETTINGS_OF_ROLES && (Number(oid) < 12_000 || Number(oid) >= 16_384);

/** What the server's settings are for this session: name and the value that RESET would give. */
export const SETTINGS: Form = {
  statement: "select s.name as c0, s.reset_val as c1 from pg_catalog.pg_show_all_settings() as s",
  plan: statementOf(
    node("FUNCTIONSCAN", {
      targetlist: targets([column("1", 1), column("1", 14)]),
      scanrelid: "1",
      functions: [
        node("RANGETBLFUNCTION", {
          funcexpr: node("FUNCEXPR", {
            funcid: FUNCTIONS.pg_show_all_settings,
            funcresulttype: "2249",
            funcretset: "true",
          }),
          funccolcount: "17",
        }),
      ],
    }),
    [rangeEntry({ rtekind: "3" })],
    "<>",
  ),
};

// Forms whose value comes as a parameter status: written by the server itself, past every output function. At most 63
// bytes, ASCII.

const report = (expression: Pattern): Pattern =>
  call("set_config", T.text, [text("application_name"), expression, constant([T.boolean])]);

/** A snapshot for other sessions. */
export const EXPORT_SNAPSHOT: Form = {
  statement: "select pg_catalog.set_config('application_name', pg_catalog.pg_export_snapshot(), false) as c0",
  plan: result(report(call("pg_export_snapshot", T.text, "<>"))),
};

/** Oids of a type's output and send functions, with a comma between. */
export function typeFunctionsForm(pgType: Relation, oid: number): Form {
  const number = (name: string): string => `pg_catalog.textin(pg_catalog.oidout(t.${name}))`;
  const numberPlan = (name: string): Pattern =>
    call("textin", T.text, [
      call("oidout", "2275", [
        node("RELABELTYPE", { arg: column("1", attributeOf(pgType, name)), resulttype: T.oid }),
      ]),
    ]);
  const value = `pg_catalog.textcat(pg_catalog.textcat(${number("typoutput")}, ','), ${number("typsend")})`;
  return {
    statement: `select pg_catalog.set_config('application_name', ${value}, false) as c0 from only pg_catalog.pg_type as t where t.oid operator(pg_catalog.=) '${oid}'::pg_catalog.oid`,
    plan: sequentialScan(
      pgType.oid,
      [
        report(
          call("textcat", T.text, [
            call("textcat", T.text, [numberPlan("typoutput"), text(",")]),
            numberPlan("typsend"),
          ]),
        ),
      ],
      [
        compare(OID_EQUAL, [
          column("1", attributeOf(pgType, "oid")),
          constant([T.oid], bytesAre(number32(oid))),
        ]),
      ],
      [oid],
    ),
  };
}
