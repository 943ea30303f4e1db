/** The page of a verification carries the proofs of the links that its findings name. */
import { describe, expect, it } from "vitest";
import { page, type PageProofs } from "../src/index.ts";
import { finding, proof, sample, tampered } from "./sample.ts";

const withProofs = (made: PageProofs["made"], missing: PageProofs["missing"] = new Map()): string =>
  page(
    tampered(
      [finding({}), finding({ seq: 18n, check: "event_hash" }), finding({ seq: undefined, check: "source_unchained" })],
      {
        overview: { proofs: { made, missing } },
      },
    ),
  );

/** The bytes that the page's links download, by file name. */
const downloads = (html: string): Map<string, string> =>
  new Map(
    [...html.matchAll(/<a download="([^"]*)" href="data:text\/plain;charset=utf-8;base64,([A-Za-z0-9+/=]*)">/gu)].map(
      ([, name, bytes]) => [name ?? "", Buffer.from(bytes ?? "", "base64").toString()],
    ),
  );

describe("the proofs of a page", () => {
  it("stand below the finding of their link, to be read and downloaded byte for byte", () => {
    const { text } = proof();
    const html = withProofs(new Map([[17n, proof()]]));
    expect(downloads(html)).toEqual(new Map([["link-17.tlog-proof", text]]));
    expect(html).toContain(`<pre>${text}</pre>`);
    expect(html).toContain(
      "task_events 42 was recorded at 2026-11-20T09:14:03.120394Z as link 17 of scidex.ai/audit-chain, whose 1000 links were signed at",
    );
    expect(html).toContain("audit-chain prove --page FILE");
    expect(html).not.toContain("another event than this finding names");
  });

  it("say of a link that was another event when it was published that it was", () => {
    const html = withProofs(new Map([[17n, proof({ eventPk: "43" })]]));
    expect(html.split("another event than this finding names")).toHaveLength(2);
  });

  it("are not there where none could be made, and the page says why, and of how many", () => {
    const html = withProofs(new Map(), new Map([["newer than the last published head", 2]]));
    expect(html).toContain("<li>2 links: newer than the last published head</li>");
    expect(html).not.toMatch(/link-\d+\.tlog-proof|Do not believe this page/u);
    expect(withProofs(new Map())).not.toContain("Proofs of what was recorded");
    expect(page(sample())).not.toContain("Proofs of what was recorded");
  });

  it("are whole where they are long", () => {
    const text = `c2sp.org/tlog-proof@v1\n${"x".repeat(20_000)}\n`;
    const html = withProofs(new Map([[17n, proof({}, text)]]));
    expect(html).toContain(`<pre>${text}</pre>`);
    expect(downloads(html).get("link-17.tlog-proof")).toBe(text);
  });
});
