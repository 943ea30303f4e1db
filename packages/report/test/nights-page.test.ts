import { describe, expect, it } from "vitest";
import { nightsPage } from "../src/index.ts";
import { eventful, night, nightly, nights } from "./nights-sample.ts";

const titleOf = (html: string): string | undefined => /<h1 class="verdict">.*<\/svg>([^<]*)<\/h1>/u.exec(html)?.[1];
const rowOf = (html: string, month: string): string[] =>
  [
    ...(new RegExp(`<th[^>]*>${month}</th>.*?</tr>`, "su").exec(html)?.[0] ?? "").matchAll(
      /class="number"[^>]*>([^<]*)</gu,
    ),
  ].map(([, text]) => text ?? "");

describe("a page of nights", () => {
  it("says first whether one is missing or was changed, and of nothing that it is in order", () => {
    expect(titleOf(nightsPage(nights()))).toBe("No night is missing");
    expect(titleOf(nightsPage(eventful()))).toBe("There are gaps");
    expect(titleOf(nightsPage(nights({ nights: [] })))).toBe("No nights");
    const broken = [{ line: 17, message: "the night does not name the one before it" }];
    const changed = nightsPage(eventful({ broken }));
    expect(titleOf(changed)).toBe("Nights were changed");
    expect(changed).toContain("the night does not name the one before it");
    expect(titleOf(nightsPage(nights({ nights: [], broken })))).toBe("Nights were changed");
  });

  it("counts each day of each month by the worst that was signed on it", () => {
    const two = [night({ at: "2026-03-02T01:00:00Z" }), night({ at: "2026-03-02T23:00:00Z", status: "tampered" })];
    const html = nightsPage(nights({ nights: two, since: "2026-02-27T00:00:00Z", until: "2026-03-03T05:00:00Z" }));
    expect(rowOf(html, "Feb 2026")).toEqual(["0", "0", "0", "2"]);
    expect(rowOf(html, "Mar 2026")).toEqual(["0", "1", "0", "2"]);
    const year = nightsPage(eventful());
    expect(rowOf(year, "Feb 2026")).toEqual(["26", "2", "0", "0"]);
    expect(rowOf(year, "Apr 2026")).toEqual(["27", "0", "0", "3"]);
    // As many as there are days, each in its place.
    expect(year.match(/<rect class="day-/gu)).toHaveLength(334);
    expect(year.match(/<rect class="day-none" x="61"/gu)).toHaveLength(1);
  });

  it("lists gaps, nights that found something, and what was decided", () => {
    const html = nightsPage(eventful());
    expect(html).toContain("6 Apr 2026, 02:10 UTC");
    expect(html).toContain(">96<");
    expect(html.match(/<b class="bad">Tampered<\/b>/gu)).toHaveLength(2);
    expect(html).toContain("approved up to seq 152000");
    const many = nightsPage(nights({ nights: nightly(300, () => ({ status: "unproven" })) }));
    expect(many).toContain("100 older ones are left out here");
  });

  it("does not grow without bound with a time that nobody can have meant", () => {
    const html = nightsPage(nights({ since: "0001-01-01T00:00:00Z" }));
    expect(html.length).toBeLessThan(10_000_000);
  });

  it("shows hostile text as text", () => {
    const evil = "<script>alert(1)</script>\u202e";
    const html = nightsPage(
      eventful({
        verifier: evil,
        changes: [{ at: evil, what: evil, message: evil }],
        broken: [{ line: 1, message: evil }],
      }),
    );
    expect(html).not.toContain("<script>");
    expect(html).not.toContain("\u202e");
  });
});
