// Forms whose value comes as a parameter status: written by the server itself, past every output function. At most 63
// bytes, ASCII.

import { attributeOf, type Relation } from "../relation.ts";
import {
  bytesAre,
  call,
  column,
  compare,
  constant,
  type Form,
  node,
  number32,
  OID_EQUAL,
  result,
  sequentialScan,
  T,
  text,
} from "./parts.ts";
import type { NodePattern, Pattern } from "./pattern.ts";

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
