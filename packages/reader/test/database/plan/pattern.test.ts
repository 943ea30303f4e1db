import { describe, expect, test } from "vitest";
import { parseNodeText } from "../../../src/database/plan/node-text.ts";
import {
  bytesAre,
  number64,
  sequentialScan,
  column,
  constant,
  compare,
  AT_LEAST,
  T,
} from "../../../src/database/plan/parts.ts";
import { difference } from "../../../src/database/plan/pattern.ts";

const SCAN =
  "{PLANNEDSTMT :commandType 1 :hasReturning false :planTree {SEQSCAN :plan.startup_cost 0.00 :plan.targetlist ({TARGETENTRY :expr {VAR :varno 1 :varattno 2 :vartype 25 :varlevelsup 0} :resno 1 :resname c0 :resjunk false}) :plan.qual ({OPEXPR :opno 430 :opfuncid 479 :opretset false :args ({VAR :varno 1 :varattno 1 :vartype 20} {CONST :consttype 23 :constisnull false :constvalue 4 [ 5 0 0 0 0 0 0 0 ]})}) :plan.lefttree <> :scanrelid 1} :rtable ({RANGETBLENTRY :rtekind 0 :relid 16385 :relkind r :securityQuals <>}) :relationOids (o 16385) :invalItems <>}";

const PATTERN = sequentialScan(
  16_385,
  [column("1", { number: 2, type: 25 })],
  [compare(AT_LEAST, [column("1", { number: 1, type: 20 }), constant([T.integer], bytesAre(number64(5)))])],
);

const found = (text: string) => difference([parseNodeText(text)], PATTERN, "");

describe("a plan", () => {
  test("is what it has to be", () => expect(found(SCAN)).toBeNull());

  test.each([
    ["another command", ":commandType 1", ":commandType 2"],
    ["another relation", ":relid 16385", ":relid 16386"],
    ["another relation among those named", "(o 16385)", "(o 16385 1260)"],
    ["a relation of another kind", ":relkind r", ":relkind v"],
    ["another column", ":varattno 2", ":varattno 3"],
    ["a column of another type", ":vartype 25", ":vartype 16400"],
    ["another scan", "{SEQSCAN", "{INDEXSCAN"],
    ["a function", ":opfuncid 479", ":opfuncid 16400"],
    ["another constant", "[ 5 0", "[ 6 0"],
    ["a longer constant", "[ 5 0", "[ 1 5 0"],
    ["a constant of another type", ":consttype 23", ":consttype 16400"],
    ["a constant that is NULL", ":constisnull false", ":constisnull true"],
    ["row security", ":securityQuals <>", ":securityQuals ({CONST})"],
    ["a plan below", ":plan.lefttree <>", ":plan.lefttree {SORT}"],
    [
      "a column more",
      ":resjunk false})",
      ":resjunk false} {TARGETENTRY :expr {VAR :varno 1 :varattno 1 :vartype 20}})",
    ],
    ["a condition more", "0 ]})})", "0 ]})} {CONST})"],
    ["a set", ":opretset false", ":opretset true"],
    ["a field that no version has", ":invalItems <>", ":invalItems <> :news {X}"],
    ["something of another level", ":varlevelsup 0", ":varlevelsup 1"],
    ["a sample", ":securityQuals", ":tablesample {X} :securityQuals"],
    ["what it depends on", ":invalItems <>", ":invalItems ({PLANINVALITEM})"],
  ])("is found to have %s", (_, before, after) => {
    expect(SCAN).toContain(before);
    expect(found(SCAN.replace(before, after))).not.toBeNull();
  });
});
