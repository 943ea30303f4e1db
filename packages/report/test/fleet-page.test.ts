import { describe, expect, it } from "vitest";
import { fleetPage, type FleetMember } from "../src/index.ts";

const titleOf = (...members: FleetMember[]): string | undefined =>
  /<h1 class="verdict">.*<\/svg>([^<]*)<\/h1>/u.exec(pageOf(...members))?.[1];
const pageOf = (...members: FleetMember[]): string =>
  fleetPage({ command: "audit-verify", members, verifiedAt: Date.UTC(2026, 2, 1) });
const eu: FleetMember = { name: "eu", status: "intact", rows: 1_234_567n, anchoredTo: 1_234_500n };

describe("a page of several databases", () => {
  it("is only in order where all of them are", () => {
    expect(titleOf(eu)).toBe("All intact");
    for (const status of ["unproven", "failed", "waiting", "left_out"] as const)
      expect(titleOf(eu, { name: "us", status })).toBe("Not all proven");
    expect(titleOf(eu, { name: "us", status: "tampered" }, { name: "asia", status: "failed" })).toBe("Tampering found");
  });

  it("has the worst first, and what was said of it as text", () => {
    const html = pageOf(eu, { name: "us", status: "tampered", words: "source_edited: <script>alert(1)</script>" });
    expect(html.indexOf("<bdi>us</bdi>")).toBeLessThan(html.indexOf("<bdi>eu</bdi>"));
    expect(html).toContain("1,234,567");
    expect(html).toContain("&lt;script&gt;");
    expect(html).not.toContain("<script");
  });
});
