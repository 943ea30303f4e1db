import { describe, expect, test } from "vitest";
import { NodeTextError, parseNodeText } from "../../../src/database/plan/node-text.ts";

describe("a tree of nodes", () => {
  test("has fields with atoms, nodes and lists, whatever the version calls the labels", () => {
    const tree = parseNodeText(
      "{SEQSCAN :scan.plan.qual <> :targetlist ({VAR :varno 1} (o 1 2)) :constvalue 2 [ 1 -1 ]}",
    );
    expect(tree.name).toBe("SEQSCAN");
    expect(tree.fields.get("qual")).toEqual(["<>"]);
    expect(tree.fields.get("targetlist")).toEqual([
      [{ name: "VAR", fields: new Map([["varno", ["1"]]]) }, ["o", "1", "2"]],
    ]);
    expect(tree.fields.get("constvalue")).toEqual(["2", "[", "1", "-1", "]"]);
  });

  test("has names in which everything that could be structure is escaped", () => {
    const tree = parseNodeText(String.raw`{ALIAS :colnames ("a\ b\)\}\{\(\\" "\
:relid\ 1") :aliasname \:relid}`);
    expect(tree.fields.get("colnames")).toEqual([[String.raw`"a b)}{(\"`, '"\n:relid 1"']]);
    expect(tree.fields.get("aliasname")).toEqual([":relid"]);
    expect([...tree.fields.keys()]).toEqual(["colnames", "aliasname"]);
  });

  test.each([
    ["nothing", ""],
    ["spaces", "  "],
    ["an atom", "SEQSCAN"],
    ["a list", "({A})"],
    ["two nodes", "{A}{B}"],
    ["a node without a name", "{}"],
    ["a node that does not end", "{A :b 1"],
    ["a list that does not end", "{A :b (1 2}"],
    ["a bracket too many", "{A :b 1}}"],
    ["a list that ends as a node", "{A :b (1}"],
    ["a field twice", "{A :b 1 :b 1}"],
    ["a field twice under two labels", "{A :scan.plan.b 1 :b 1}"],
    ["a value without a label", "{A b}"],
    ["a label that is escaped", String.raw`{A \:b 1}`],
    ["a backslash at the end", "{A :b \\"],
    ["something behind it", "{A :b 1} x"],
    ["a tree that is too deep", `{A :b ${"(".repeat(300)}1${")".repeat(300)}}`],
  ])("is refused: %s", (_, text) => {
    expect(() => parseNodeText(text)).toThrow(NodeTextError);
  });
});
