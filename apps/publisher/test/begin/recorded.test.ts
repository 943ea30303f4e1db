// Scenario: rows are recorded anew before a log ends, and after another has begun. What the ended log stated of them goes on
// to count, and the new one states for itself.
import { toHex } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { look, migrate, orders } from "../record/orders.ts";
import { begin, following } from "./begun.ts";

describe("rows that were recorded anew", () => {
  it("are vouched for by the log that has ended, and in the log after it by that one", async () => {
    const log = await orders();
    await migrate(log, "alter table public.orders drop note");
    await log.publish();
    const begun = await begin(log, { reason: "the key leaked" });
    const approved = async () => {
      const [tip] = await log.sql<{ seq: string; hash: Uint8Array }[]>`
        select seq, chain_hash as hash from public.audit_chain order by seq desc limit 1`;
      if (tip === undefined) throw new Error("there is no link");
      return { ...following(begun), approved: { seq: BigInt(tip.seq), chainHash: toHex(tip.hash) } };
    };
    expect((await look(log, await approved())).report).toMatchObject({
      status: "intact",
      recordedAnew: [{ kind: "orders", notCompared: 2 }],
    });
    await migrate(log, "alter table public.orders alter item type int using length(item)");
    const published = await log.publish();
    expect(published.status).toBe("intact");
    expect(published.warnings.filter((warning) => !warning.includes("fsync"))).toEqual([]);
    expect((await look(log, await approved())).report).toMatchObject({
      status: "intact",
      unproven: [],
      recordedAnew: [{ kind: "orders", notCompared: 6 }],
      earlierLogs: [{ lost: null }],
    });
  });
});
