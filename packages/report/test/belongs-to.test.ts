import { expect, it } from "vitest";
import { belongsTo } from "../src/proof/browser/belongs-to.ts";

it("knows a policy that has replaced no key, or names them behind many tables, and a row that speaks of such things", () => {
  const tables = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`public.table_${at}`, { pk: ["id"] }]));
  const policies = [{ tables: {} }, { origin: "example.org/log", tables }, { tables, retired_keys: [] }];
  for (const policy of policies)
    for (const indent of [0, 2])
      expect(belongsTo(Buffer.from(`${JSON.stringify(policy, null, indent)}\n`))).toBe("policy");
  for (const row of [{ id: "1", tables: "{}" }, { tables: "4" }, { id: 7, tables: { a: 1 } }])
    expect(belongsTo(Buffer.from(JSON.stringify(row)))).toBe("payload");
});
