import type { CaptureMode } from "./capture-mode.ts";
import { DEFAULT_PLACE } from "./place/place.ts";
import { quotedLiteral, quotedName } from "./sql-text.ts";

/**
 * The generated parts of capture: the same text as the SQL functions `audit_chain_payload_expression`,
 * `audit_chain_key_expression`, `audit_chain_row_source` and `audit_chain_capture_source` generate. The verifier
 * compares live functions with it, and so never has to ask the database what is right. A test holds the two against
 * each other.
 */

/** How the payload of a row is made of its columns. */
export interface PayloadShape {
  /** In the order of the members (UTF-16 units, RFC 8785). */
  readonly columns: readonly string[];
  /** For each column the name of its member: that of the column when it joined the table, which it keeps. */
  readonly members: readonly string[];
  /**
   * By member, the text that is left out, as NULL is elsewhere: the one that older rows have in a column that joined. NULL
   * is written there as `null`.
   */
  readonly absent: ReadonlyMap<string, string>;
}

/** SQL expression of a row's payload text. */
export function payloadExpression({ columns, members: names, absent }: PayloadShape): string {
  const members = columns.map((name, i) => {
    const member = names[i] ?? name;
    const column = quotedName(name);
    const label = quotedLiteral(`,${JSON.stringify(member)}:`);
    const left = absent.get(member);
    const isThere = `CASE WHEN ${column} IS DISTINCT FROM NULL`;
    if (left === undefined)
      return `${isThere} THEN ${label} END, pg_catalog.to_json(${isThere} THEN pg_catalog.concat(${column}) END)`;
    const compared = (operator: string) =>
      `pg_catalog.concat(${column}) COLLATE pg_catalog."C" OPERATOR(pg_catalog.${operator}) ${quotedLiteral(left)}`;
    return `${isThere} AND ${compared("=")} THEN NULL ELSE ${label} END, ${isThere} THEN CASE WHEN ${compared("<>")} THEN pg_catalog.to_json(pg_catalog.concat(${column})) END ELSE 'null'::pg_catalog.json END`;
  });
  const groups: string[] = [];
  for (let start = 0; start < members.length; start += 50) groups.push(members.slice(start, start + 50).join(", "));
  const all = groups.length === 1 ? groups[0] : groups.map((group) => `pg_catalog.concat(${group})`).join(", ");
  return `pg_catalog.concat('{', pg_catalog.substr(pg_catalog.concat(${all}), 2), '}')`;
}

/** SQL expression of a row's key: the text of one column, or a JSON array of several; NULL where one is NULL. */
export function keyExpression(keyColumns: readonly string[]): string {
  const names = keyColumns.map(quotedName);
  const texts = names.map((name) => `pg_catalog.to_json(pg_catalog.concat(${name}))`);
  const value =
    names.length === 1 ? `pg_catalog.concat(${names[0]})` : `pg_catalog.concat('[', ${texts.join(", ',', ")}, ']')`;
  return `CASE WHEN ${names.map((name) => `${name} IS DISTINCT FROM NULL`).join(" AND ")} THEN ${value} END`;
}

/** SQL expression of what a key's text stands for in the events of a kind whose keys are blinded. */
export function blindKeyExpression(kind: string, key: string, schema = DEFAULT_PLACE.schema): string {
  const secret = `(SELECT s.secret FROM ${schema}.audit_chain_secret AS s WHERE s.event_kind = ${quotedLiteral(kind)})`;
  return `${schema}.audit_chain_blind_key(${secret}, ${key})`;
}

/** What capture reads in the place of a column that is gone: its payload is made anew by `audit_chain_odd_row`. */
const GONE = "audit_chain_gone_8f6d2c1e5b7a4093";

/** FROM clause that yields `event.pk` and `event.payload` of each row of `source`. */
function rowSource(source: string, d: CaptureDefinition): string {
  const missing = d.columns.map((name) => `${quotedLiteral(GONE)}::text AS ${quotedName(name)}`).join(", ");
  return `${source} AS source
      CROSS JOIN (SELECT ${missing}) AS missing
      CROSS JOIN LATERAL (SELECT ${keyExpression(d.keyColumns)} AS pk,
             ${payloadExpression(d)} AS payload
        FROM (SELECT source.*) AS covered OFFSET 0) AS event`;
}

/** What a capture function is generated from. */
export interface CaptureDefinition extends PayloadShape {
  readonly kind: string;
  /** Schema and name as `quote_ident` wrote them, with a dot between. */
  readonly relation: string;
  readonly keyColumns: readonly string[];
  readonly changes: "refuse" | "track";
  readonly mode: CaptureMode;
  /** Row triggers for INSERT too: partitioned and tracked tables. */
  readonly rowWise: boolean;
  /** Whether events are keyed by `audit_chain_blind_key` of the row's key. */
  readonly blindKey: boolean;
  /** Whether payloads are hashed by `audit_chain_salted`. */
  readonly salt: boolean;
  /** The chain's schema, where that is not `public`. */
  readonly schema?: string;
}

/** The body (`prosrc`) of a table's capture function. */
export function captureSource(d: CaptureDefinition): string {
  const { schema = DEFAULT_PLACE.schema } = d;
  const kind = quotedLiteral(d.kind);
  const relation = quotedLiteral(d.relation);
  const refuse = `PERFORM ${schema}.audit_chain_refuse(${relation}::text, TG_OP);`;
  const insertInto = `    INSERT INTO ${schema}.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash`;
  const eventKey = (key: string) => (d.blindKey ? blindKeyExpression(d.kind, key, schema) : key);
  const isOdd = (payload: string) => `pg_catalog.strpos(${payload}, ${quotedLiteral(GONE)}) > 0`;
  const read = (which: "new" | "old") => `    BEGIN
      SELECT event.pk, event.payload INTO ${which}_key, ${which}_payload
      FROM ${rowSource(`(SELECT ${which.toUpperCase()}.*)`, d)};
    EXCEPTION WHEN datatype_mismatch THEN
      ${which}_payload := ${quotedLiteral(GONE)};
    END;
    IF ${isOdd(`${which}_payload`)} THEN
      SELECT event.pk, event.payload INTO ${which}_key, ${which}_payload
      FROM ${schema}.audit_chain_odd_row(${kind}::text, relid, pg_catalog.concat(${which.toUpperCase()})) AS event;
    END IF;
`;
  const hash = (text: string) => `pg_catalog.sha256(pg_catalog.convert_to(${text}, 'UTF8'))`;
  const salted = (key: string, text: string) => `${schema}.audit_chain_salted(${kind}::text, ${key}, ${text})`;
  const stageRow = (op: "event" | "insert" | "update" | "delete", which: "new" | "old") => {
    const key = eventKey(`CASE WHEN pg_catalog.octet_length(${which}_key) <= 2000 THEN ${which}_key
                        ELSE ${schema}.audit_chain_odd_key(${kind}::text, ${which}_key) END`);
    const isChange = op === "update" || op === "delete";
    const column = isChange ? ", before_hash" : "";
    if (d.salt)
      return `${insertInto}${column})
    SELECT '${d.mode}', '${op}', ${kind}, event.pk, ${salted("event.pk", `${which}_payload`)}${isChange ? `, ${salted("event.pk", "old_payload")}` : ""}
      FROM (SELECT ${key} AS pk OFFSET 0) AS event;
`;
    const before = isChange ? `,\n           ${hash("old_payload")}` : "";
    return `${insertInto}${column})
    VALUES ('${d.mode}', '${op}', ${kind}, ${key},
           ${hash(`${which}_payload`)}${before});
`;
  };
  const oddRow = `${schema}.audit_chain_odd_row(${kind}::text, audit_chain_capture.relid, pg_catalog.concat(source.*))`;
  const rowsKey =
    eventKey(`CASE WHEN ${isOdd("event.payload")} THEN ${schema}.audit_chain_odd_key(${kind}::text, (${oddRow}).pk)
                        WHEN pg_catalog.octet_length(event.pk) <= 2000 THEN event.pk
                        ELSE ${schema}.audit_chain_odd_key(${kind}::text, event.pk) END`);
  const rowsPayload = `CASE WHEN ${isOdd("event.payload")} THEN (${oddRow}).payload ELSE event.payload END`;
  const stageRows = (op: string) =>
    d.salt
      ? `${insertInto})
    SELECT '${d.mode}', '${op}', ${kind}, captured.pk, ${salted("captured.pk", "captured.payload")}
      FROM (SELECT ${rowsKey} AS pk,
           ${rowsPayload} AS payload
      FROM ${rowSource("audit_chain_new", d)} OFFSET 0) AS captured;
`
      : `${insertInto})
    SELECT '${d.mode}', '${op}', ${kind}, ${rowsKey},
           ${hash(rowsPayload)}
      FROM ${rowSource("audit_chain_new", d)};
`;
  const firstOp = d.changes === "track" ? "insert" : "event";
  // The write-ahead log brings the rows.
  const insert =
    d.mode === "stream" ? "    NULL;\n" : d.rowWise ? read("new") + stageRow(firstOp, "new") : stageRows(firstOp);
  const rowHash = (payload: string) => (d.salt ? salted(eventKey("old_key"), payload) : hash(payload));
  const changes =
    d.changes === "refuse"
      ? `    IF new_payload <> old_payload THEN
      PERFORM ${schema}.audit_chain_put_back(${relation}::text, ${kind}::text, CASE WHEN new_key = old_key THEN ${eventKey("old_key")} END, ${rowHash("old_payload")}, ${rowHash("new_payload")});
    END IF;
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
${read("old")}    PERFORM ${schema}.audit_chain_let_go(${relation}::text, ${kind}::text, ${eventKey("old_key")}, ${rowHash("old_payload")});
    RETURN NULL;
`
      : `    IF new_payload = old_payload THEN
      RETURN NULL;
    ELSIF new_key IS NOT DISTINCT FROM old_key THEN
${stageRow("update", "new")}    ELSE
${stageRow("delete", "old")}${stageRow("insert", "new")}    END IF;
  ELSIF TG_OP = 'DELETE' THEN
${read("old")}${stageRow("delete", "old")}`;
  const changed =
    d.mode === "stream" && d.changes === "track"
      ? "  ELSIF TG_OP = 'TRUNCATE' THEN"
      : `  ELSIF TG_OP = 'UPDATE' THEN
    IF NEW OPERATOR(pg_catalog.*=) OLD THEN
      RETURN NULL;
    END IF;
${read("old")}${read("new")}${changes}  ELSE`;
  const ticket =
    d.mode === "strict"
      ? `  IF FOUND THEN
    INSERT INTO ${schema}.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
  END IF;
`
      : "";
  return `
#variable_conflict use_column
<<audit_chain_capture>>
DECLARE
  relid oid := TG_RELID;
  old_key text;
  new_key text;
  old_payload text;
  new_payload text;
BEGIN
  IF pg_catalog.concat(pg_catalog.quote_ident(TG_TABLE_SCHEMA), '.', pg_catalog.quote_ident(TG_TABLE_NAME)) <> ${relation} THEN
    PERFORM ${schema}.audit_chain_check_relation(${kind}::text, relid);
  END IF;
  IF TG_OP = 'INSERT' THEN
${insert}${changed}
    ${refuse}
  END IF;
${ticket}  RETURN NULL;
END
`;
}
