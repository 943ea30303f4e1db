import { describe, expect, it } from "vitest";
import { page } from "../src/index.ts";
import { change, finding, hourly, NOW, sample, tampered } from "./sample.ts";

/** What a reader sees of a page, more or less. */
const textOf = (html: string): string =>
  html
    .replace(/<style>[^]*?<\/style>/u, "")
    .replaceAll(/<[^>]*>/gu, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")
    .replaceAll(/\s+/gu, " ");

describe("the page of a verification", () => {
  it("says the verdict, when and of what, and how far the chain is anchored", () => {
    const text = textOf(
      page(sample({ report: { anchoredTo: 1_000n, unanchored: 42n, rows: 1_042n, range: { from: 1n, to: 1_042n } } })),
    );
    for (const part of [
      "Intact",
      "scidex.ai/audit-chain",
      "22 Nov 2026, 13:21 UTC",
      "database scidex on db.example:5432",
      "Links checked 1,042 links 1 to 1,042",
      "Anchored to 1,000",
      "Not anchored 42",
      "Everything that was checked is what was recorded.",
    ])
      expect(text).toContain(part);
  });

  it("never says of a part that it is the whole", () => {
    const text = textOf(page(sample({ isWhole: false, report: { range: { from: 500n, to: 900n } } })));
    expect(text).toContain("The rest was not looked at");
    expect(text).toContain("This run looked at links 500 to 900 only.");
    expect(text).toContain("only a part of the chain was asked for");
  });

  it("shows each finding with what was expected and what was there", () => {
    const html = page(
      tampered([
        finding({ seq: 1_234n, eventPk: "key 7", expected: "hash one", actual: "hash two", message: "it was edited" }),
        finding({ check: "head_mismatch", seq: undefined, fromSeq: 5n, toSeq: 9n, eventKind: undefined }),
      ]),
    );
    const text = textOf(html);
    expect(text).toContain("Tampered");
    expect(text).toContain("2 findings: something is not what was recorded. The first one: rows were changed");
    expect(text).toContain("Link 1,234 task_events key 7 it was edited expected hash one actual hash two");
    expect(text).toContain("Links 5 to 9");
    expect(html.match(/ id="first"/gu)).toHaveLength(1);
  });

  it("shows what was accepted apart from what was found, with who accepted it and why", () => {
    const one = {
      ...finding({ message: "it was edited" }),
      reason: "INC-7 <b>",
      by: "anna",
      at: "2026-11-21T09:00:00.000Z",
    };
    const html = page(sample({ report: { accepted: [one, { ...one, count: 4_000 }] } }));
    const text = textOf(html);
    expect(text).toContain("Intact");
    expect(text).toContain("is what was recorded, or was accepted as it is .");
    expect(text).toContain("INC-7 <b> anna , 2026-11-21T09:00:00.000Z");
    expect(text).toContain("4,000 findings");
    expect(html).toContain('id="accepted"');
    expect(html).not.toContain('id="findings"');
    expect(page(sample())).not.toContain('id="accepted"');
  });

  it("counts the rows that have left by their retention, and those that were erased", () => {
    const html = page(sample({ report: { retired: [{ kind: "task_events", month: "2025-01", rows: 1_204 }] } }));
    expect(textOf(html)).toContain("Rows that have left");
    expect(textOf(html)).toContain("task_events 2025-01 1,204");
    expect(html).not.toContain('id="erased"');
    const erased = page(sample({ report: { erased: [{ kind: "<customers>", rows: 2 }] } }));
    expect(textOf(erased)).toContain("each by a statement that somebody signed");
    expect(textOf(erased)).toContain("<customers> 2");
    expect(erased).not.toContain('id="retired"');
    expect(page(sample())).not.toContain("Rows that have left");
  });

  it("has the logs that have ended, with what was lost", () => {
    const log = {
      origin: "example.org/a",
      seq: 1_042n,
      lost: { fromSeq: 1_001n, toSeq: 1_042n },
      misdated: [{ fromSeq: 17n, toSeq: 17n }],
      beganAt: "2026-11-21T09:00:00Z",
      reason: "INC-7 <b>",
    };
    const text = textOf(page(sample({ report: { earlierLogs: [log] } })));
    expect(text).toContain("Logs that have ended");
    expect(text).toContain(
      "example.org/a 1,042 links 1001 to 1042; false times of links 17 to 17 2026-11-21T09:00:00Z INC-7 <b>",
    );
    expect(page(sample())).not.toContain('id="earlier-logs"');
  });

  it("explains where a chain was rewritten although its last link is the same", () => {
    const rewritten = { check: "head_mismatch", seq: undefined, fromSeq: 5n, toSeq: 9n };
    const explanation = "one of them is missing or was changed";
    expect(textOf(page(tampered([finding({ ...rewritten, expected: "x", actual: "x" })])))).toContain(explanation);
    expect(textOf(page(tampered([finding({ ...rewritten, expected: "x", actual: "y" })])))).not.toContain(explanation);
  });

  it("says how many findings are not listed", () => {
    expect(textOf(page(tampered([finding({})], { report: { divergenceCount: 5_001 } })))).toContain(
      "5,000 findings are not listed",
    );
  });

  it("shows a check that it does not know by its name", () => {
    expect(page(tampered([finding({ check: "constructor" })]))).toContain(">constructor</code>");
  });

  it("says what was not checked, and why", () => {
    const text = textOf(
      page(
        sample({
          notes: ["3 alerts were written"],
          report: {
            status: "unproven",
            checks: {
              links: "ok",
              heads: "unproven",
              sources: "ok",
              access: "skipped",
              coverage: "skipped",
              structure: "skipped",
            },
            unproven: ["heads: no sinks were given"],
            warnings: ["sink_behind: b has 2 publications less"],
            pending: 7n,
            pendingAge: 7_200,
          },
          overview: { sinks: null },
        }),
      ),
    );
    for (const part of [
      "Not proven",
      "That is no all-clear",
      "heads: no sinks were given",
      "not part of this run (--checks, or a window): access, coverage, structure",
      "Warnings sink_behind: b has 2 publications less",
      "Notes 3 alerts were written",
      "7 captured rows wait",
      "the oldest for 2 hours",
      "Published heads were not looked at in this run",
    ])
      expect(text).toContain(part);
  });

  it("counts links, rows and findings by table, and adds up the kinds that are too many", () => {
    const listed = Array.from({ length: 700 }, (_, n) => ({ kind: `kind ${n}`, links: 10, matched: null }));
    const text = textOf(
      page(
        tampered([finding({}), finding({ seq: 18n, eventKind: "task_events:update" })], {
          overview: {
            kinds: {
              listed: [{ kind: "task_events", links: 1_700, matched: 1_698 }, ...listed],
              others: { kinds: 999_500, links: 999_500 },
            },
          },
        }),
      ),
    );
    expect(text).toContain("public.task_events 1,700 1,698 2");
    expect(text).toContain("And 999,701 other kinds without a table, with 1,001,510 links together.");
    expect(text).not.toContain("kind 600");
  });

  it("tells the history of what is covered, and marks what narrowed it", () => {
    const text = textOf(
      page(
        tampered([finding({ check: "coverage_narrowed", seq: 480n })], {
          overview: {
            coverage: [
              change({ excluded: ["noise"], complete: false }),
              change({ seq: 9n, action: "complete", excluded: ["noise"] }),
              change({ seq: 480n, columns: ["id"], excluded: ["body", "noise"], changes: "track", mode: "sealed" }),
              change({ seq: 500n, action: "detach", actor: "mallory", recordedAt: "2026-11-22 10:00:00.5+00" }),
              change({ seq: 501n, relation: 'public."odd name"', kind: "odd name" }),
            ],
          },
        }),
      ),
    );
    expect(text).toContain(
      "Link 1 20 Nov 2026, 09:14 public.task_events Attached, strict; changes of rows are refused.",
    );
    expect(text).toContain("Left out: noise. Rows that were there before are not chained yet.");
    expect(text).toContain("Complete: every row must have an event from here on.");
    expect(text).toMatch(
      /Mode strict before, sealed now\. Changes of rows are tracked now\. Columns no longer covered: body, created_at, status\. Left out now: body\. Less than before\./u,
    );
    expect(text).toContain(
      "Link 500 22 Nov 2026, 10:00 public.task_events Detached: new rows are not captured. mallory",
    );
    expect(text.match(/Less than before/gu)).toHaveLength(1);
  });

  it("tells what was recorded anew among the changes that made it necessary", () => {
    const recorded = { signedTime: BigInt(NOW), kind: "task_events", changesNotCompared: 0 };
    const text = textOf(
      page(
        tampered([finding({ check: "coverage_narrowed", seq: 490n })], {
          overview: {
            coverage: [change({}), change({ seq: 480n, columns: ["id"] }), change({ seq: 500n, action: "detach" })],
            recordedAnew: [
              { ...recorded, seq: 485n, compared: 1, notCompared: 0 },
              { ...recorded, seq: 490n, compared: 0, notCompared: 1_200, changesNotCompared: 1 },
            ],
          },
        }),
      ),
    );
    const parts = [
      "Link 480",
      "Link 485 22 Nov 2026, 13:00 public.task_events Recorded anew: 1 row that had been compared, 0 that could not be. the publisher",
      "Link 490 22 Nov 2026, 13:00 public.task_events Recorded anew: 0 rows that had been compared, 1,200 that could not be. 1 change could not be compared with what was recorded before. To be approved.",
      "Link 500",
    ];
    expect(parts.map((part) => text.indexOf(part))).toEqual(
      parts.map((part) => text.indexOf(part)).toSorted((a, b) => a - b),
    );
    for (const part of parts) expect(text).toContain(part);
  });

  it("counts what is found in a row that was recorded anew with its table", () => {
    expect(textOf(page(tampered([finding({ eventKind: "task_events:record", eventPk: "42@480" })])))).toContain(
      "public.task_events 700 700 1",
    );
  });

  it("shows the newest changes of a configuration that has two hundred thousand", () => {
    const coverage = Array.from({ length: 200_000 }, (_, n) =>
      change({ seq: BigInt(n + 1), kind: `kind ${n % 1_000}` }),
    );
    const findings = Array.from({ length: 1_000 }, (_, n) =>
      finding({ check: "coverage_narrowed", seq: BigInt(199_001 + n) }),
    );
    const text = textOf(page(tampered(findings, { overview: { coverage } })));
    expect(text).toContain("199,500 older changes are left out here.");
    expect(text.match(/Attached again, with nothing changed\. Less than before\./gu)).toHaveLength(500);
    expect(text).toContain("Link 200,000 20 Nov 2026");
  });

  it("stays small with a hundred thousand heads in each of two sinks", () => {
    const heads = hourly(100_000);
    const html = page(
      sample({
        overview: {
          sinks: [
            { name: "a", heads },
            { name: "b", heads },
          ],
        },
      }),
    );
    expect(html.length).toBeLessThan(100_000);
    expect(textOf(html)).toContain("100,000 heads");
  });

  it("draws a chain that was rewritten and one that was cut off where it happened", () => {
    const heads = hourly(10);
    const at = (i: number) => heads[i]?.seq ?? 0n;
    const bands = (html: string) =>
      [...html.matchAll(/class="bad-band" x="([\d.]+)" y="0" width="([\d.]+)"/gu)].map(([, x, width]) => [
        Number(x),
        Number(width),
      ]);
    const sinks = [{ name: "a", heads }];
    const rewritten = { check: "head_mismatch", fromSeq: at(3) + 1n, toSeq: at(5), message: "" } as const;
    const [[x = 0, width = 0] = []] = bands(
      page(tampered([rewritten], { verifiedAt: NOW * 1_000, overview: { sinks } })),
    );
    // From the fourth head to the sixth, of ten hours.
    expect(x).toBeCloseTo(40 + 960 * 0.3, -1);
    expect(width).toBeCloseTo(960 * 0.2, 0);
    const cut = { check: "truncated", seq: at(5) + 1n, message: "" } as const;
    const html = page(
      tampered([cut], { verifiedAt: NOW * 1_000, overview: { sinks }, report: { anchoredTo: at(5), unanchored: 0n } }),
    );
    expect(bands(html)).toHaveLength(1);
    expect(html).toContain('class="lost-line"');
    expect(bands(page(sample()))).toEqual([]);
  });

  it("bears numbers that only a hostile database has", () => {
    const html = page(
      tampered([finding({ seq: -5n }), finding({ seq: 2n ** 63n - 1n })], {
        report: {
          head: { seq: 2n ** 63n - 1n, chainHash: "", appendedAt: "infinite" },
          anchoredTo: 0n,
          unanchored: 2n ** 63n - 1n,
          pending: 0n,
          pendingAge: Number.NaN,
        },
        overview: { coverage: [change({ seq: null, recordedAt: "infinity" })] },
      }),
    );
    expect(html).not.toMatch(/NaN|Infinity|undefined|\[object/u);
  });
});
