import { createDatabase } from "@scidex/audit-testkit";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseArrayText } from "../../../src/index.ts";

it("texts are read from arrays as the server writes them", async () => {
  await using database = await createDatabase();
  const { sql } = database;
  const texts = fc.array(
    fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(texts, async (array) => {
      const [row] = await sql<{ text: string }[]>`
        select (array(select jsonb_array_elements_text(${JSON.stringify(array)}::text::jsonb)))::text as text`;
      expect(parseArrayText(row?.text ?? "")).toEqual(array);
    }),
    // White space that only Unicode knows is not quoted.
    {
      numRuns: 60,
      examples: [[["\u2028", "a\u00a0", "\ufeff", "\u0085", "\u3000b"]], [[" ", "\t", "\n", "\v", "\f", "\r"]]],
    },
  );
  for (const odd of ["", "{", "{a", "{{a},{b}}", "{NULL}", "{a,}", "{,a}", '{"a}', "[0:1]={a,b}", "{a}}", '{"a"b}'])
    expect(() => parseArrayText(odd)).toThrow(expect.objectContaining({ code: "protocol" }));
});
