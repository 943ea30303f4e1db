// Forms whose value comes as a parameter status: written by the server itself, past every output function. At most 63
// bytes, ASCII. They yield no row. The status is sent at the end of the statement (since PostgreSQL 14), and the output
// function of a row's column could set it to something else before that.

import { attributeOf } from "../relation.ts";
import type { Relation } from "../relation.ts";
import {
  bytesAre,
  call,
  column,
  compare,
  constant,
  node,
  number64,
  OID_EQUAL,
  result,
  sequentialScan,
  T,
  text,
} from "./parts.ts";
import type { Form } from "./parts.ts";
import type { NodePattern, Pattern } from "./pattern.ts";

const reportSql = (value: string): string => `pg_catalog.set_config('application_name', ${value}, false) is null`;

/** Never true, so that no row comes. */
const report = (expression: Pattern): NodePattern =>
  node("NULLTEST", {
    arg: call("set_config", T.text, [
      text("application_name"),
      expression,
      constant([T.boolean], bytesAre(number64(0))),
    ]),
  });

/** A snapshot for other sessions. */
export const EXPORT_SNAPSHOT: Form = {
  statement: `select where ${reportSql("pg_catalog.pg_export_snapshot()")}`,
  plan: result([], "<>", [report(call("pg_export_snapshot", T.text, "<>"))]),
};

/** Oids of a type's output and send functions, with a comma between. */
export function typeFunctionsForm(pgType: Relation, oid: number): Form {
  const number = (name: string): string => `pg_catalog.textin(pg_catalog.oidout(t.${name}))`;
  const numberPlan = (name: string): Pattern =>
    call("textin", T.text, [
      call("oidout", "2275", [node("RELABELTYPE", { arg: column("1", attributeOf(pgType, name)), resulttype: T.oid })]),
    ]);
  const value = `pg_catalog.textcat(pg_catalog.textcat(${number("typoutput")}, ','), ${number("typsend")})`;
  return {
    statement: `select from only pg_catalog.pg_type as t where t.oid operator(pg_catalog.=) '${oid}'::pg_catalog.oid and ${reportSql(value)}`,
    plan: sequentialScan(
      pgType.oid,
      [],
      [
        compare(OID_EQUAL, [column("1", attributeOf(pgType, "oid")), constant([T.oid], bytesAre(number64(oid)))]),
        report(
          call("textcat", T.text, [
            call("textcat", T.text, [numberPlan("typoutput"), text(",")]),
            numberPlan("typsend"),
          ]),
        ),
      ],
      [oid],
    ),
  };
}
