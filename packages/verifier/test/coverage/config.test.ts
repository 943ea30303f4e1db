import { createDatabase } from "@scidex/audit-testkit";
import { expect, it } from "vitest";
import { splitRelation } from "../../src/coverage/config.ts";

it("a relation is named as quote_ident does", async () => {
  await using database = await createDatabase();
  const { sql } = database;
  for (const [schema, name] of [
    ["public", "a"],
    ["A b", 'x"y'],
    [".", '"'],
    ["é", "a.b"],
    ["select", "from"],
  ] as const) {
    const [row] = await sql<
      { relation: string }[]
    >`select quote_ident(${schema}) || '.' || quote_ident(${name}) as relation`;
    expect(splitRelation(row?.relation ?? "")).toEqual({ schema, name });
  }
  for (const odd of ["", "a", ".a", "a.", "a.b.c", '"a.b', '"a"b.c']) expect(splitRelation(odd)).toBeNull();
});
