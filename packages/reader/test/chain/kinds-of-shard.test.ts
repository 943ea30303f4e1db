import { expect, it } from "vitest";
import { kindsOfShard } from "../../src/index.ts";

const kinds = [...Array.from({ length: 500 }, (_, n) => `table_${n}`), "", "ärger", "a:b:c"];

it("each kind falls to one shard, with all its changes", () => {
  for (const of of [1, 2, 3, 16]) {
    const shards = Array.from({ length: of }, (_, k) => kindsOfShard({ number: k + 1, of }));
    const ownersOf = (kind: string) => shards.flatMap((isOurs, k) => (isOurs(Buffer.from(kind)) ? [k] : []));
    const counts = shards.map(() => 0);
    for (const kind of kinds) {
      const [owner = -1, ...others] = ownersOf(kind);
      expect(others).toEqual([]);
      counts[owner] = (counts[owner] ?? Number.NaN) + 1;
      for (const role of ["update", "delete", "record"]) expect(ownersOf(`${kind}:${role}`)).toEqual([owner]);
    }
    // Spread about evenly.
    for (const count of counts) expect(count).toBeGreaterThan(kinds.length / of / 2);
  }
  expect(kinds.every((kind) => kindsOfShard(undefined)(Buffer.from(kind)))).toBe(true);
});
