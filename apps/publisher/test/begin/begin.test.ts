import { describe, expect, it } from "vitest";
import { formatReport } from "@scidex/audit-verifier";
import { openLog } from "../log.ts";
import { begin, following, found, look, restore } from "./begun.ts";

describe("a log that ends", () => {
  it("goes on as another one after a restored backup, and every report says what was lost", async () => {
    const log = await openLog();
    await log.append("a", "b");
    await log.publish();
    await log.append("c", "d", "e");
    await log.publish();
    await restore(log, 3);

    const refused = await log.publish();
    expect(refused).toMatchObject({ status: "tampered", published: null });
    expect(refused.divergences[0]?.message).toMatch(/older backup.*audit-publisher begin/u);
    const before = await look(log, null);
    expect(found(before)).toEqual(["truncated"]);
    expect(before.report.divergences[0]?.message).toMatch(/older backup.*audit-publisher begin/u);

    const begun = await begin(log);
    expect(begun).toMatchObject({
      wentOn: false,
      beginning: { origin: "example.org/audit-chain/2", fits: { seq: 2n }, ended: { head: { seq: 5n }, lines: 2 } },
      result: { status: "intact" },
    });
    await log.append("f");
    expect(await log.publish({ origin: "example.org/audit-chain" })).toMatchObject({ status: "intact" });

    const policy = following(begun);
    const after = await look(log, policy);
    expect(after.report).toMatchObject({
      status: "intact",
      divergences: [],
      earlierLogs: [
        {
          origin: "example.org/audit-chain",
          seq: 5n,
          next: "example.org/audit-chain/2",
          reason: "restored the backup of Saturday",
          fitsTo: 2n,
          lost: { fromSeq: 3n, toSeq: 5n },
          misdated: [],
        },
      ],
    });
    expect(after.report.anchoredTo).toBe(after.report.range.to);
    expect(JSON.parse(formatReport(after.report))).toMatchObject({
      earlier_logs: [{ lost: { from_seq: 3, to_seq: 5 } }],
    });
  });
});
