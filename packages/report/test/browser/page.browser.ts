/// <reference lib="dom" />
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { failurePage, nightsPage, page } from "../../src/index.ts";
import { Reader } from "./reader.ts";
import { eventful, nights } from "../nights-sample.ts";
import { change, finding, hourly, proof, sample, tampered } from "../sample.ts";
import { danglingOf, faintOf, overflowOf } from "./visible.ts";

let reader: Reader;
beforeAll(async () => {
  reader = await Reader.start();
});
afterAll(async () => {
  await reader.close();
});

const openAll = async (page: Page) =>
  await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

/** A page on which there is something in every place, and more findings than stand open. */
const full = () =>
  tampered(
    [
      ...Array.from({ length: 45 }, (_, n) => finding({ seq: BigInt(n + 3), eventPk: `key ${n}\u202e` })),
      finding({ check: "head_mismatch", seq: undefined, fromSeq: 500n, toSeq: 640n, eventKind: undefined }),
      finding({ check: "coverage_narrowed", seq: 480n, expected: undefined, actual: undefined }),
    ],
    {
      notes: ["3 alerts were written"],
      overview: {
        proofs: {
          made: new Map([[3n, proof({ seq: 3n })]]),
          missing: new Map([["newer than the last published head", 4]]),
        },
      },
      report: {
        checks: {
          links: "ok",
          heads: "failed",
          sources: "failed",
          access: "ok",
          coverage: "unproven",
          structure: "skipped",
        },
        unproven: ["coverage: the configuration could not be read"],
        warnings: ["sink_behind: a sink has 2 publications less"],
      },
    },
  );

const VERDICTS = { intact: () => sample(), tampered: full, unproven: () => sample({ report: { status: "unproven" } }) };

/** Everything that could do harm in HTML, and does not look like what it is. */
const HOSTILE = [
  `<script>globalThis.pwned=1</script>`,
  `</style></title></textarea><img src=x onerror="globalThis.pwned=1"><svg onload=globalThis.pwned=1>`,
  `" autofocus onfocus="globalThis.pwned=1" style="position:fixed;inset:0" x="`,
  `javascript:globalThis.pwned=1`,
  `{{7*7}}\${globalThis.pwned=1}<!--<iframe src="http://127.0.0.1:9/">`,
  `<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/"><link rel=stylesheet href=http://127.0.0.1:9/><base href=http://127.0.0.1:9/>`,
  `\u0000\u001b[31m\u202egnp.exe\u2066\u200b\ud800${"e\u0301".repeat(3)}${"\u0489".repeat(90)}`,
  "W".repeat(5_000),
].join(" ");

function hostile() {
  const all = {
    eventKind: HOSTILE,
    eventPk: HOSTILE,
    expected: HOSTILE,
    actual: HOSTILE,
    message: HOSTILE,
  };
  return tampered(
    [
      finding(all),
      finding({ ...all, seq: 18n, check: HOSTILE }),
      finding({ ...all, seq: undefined, check: "toString" }),
    ],
    {
      origin: HOSTILE,
      database: HOSTILE,
      command: HOSTILE,
      notes: [HOSTILE],
      report: {
        unproven: [HOSTILE],
        warnings: [HOSTILE],
        checks: { [HOSTILE]: "failed" },
        head: { seq: 9n, chainHash: HOSTILE, appendedAt: HOSTILE },
      },
      overview: {
        proofs: {
          made: new Map([[17n, proof({ eventKind: HOSTILE, eventPk: HOSTILE }, HOSTILE)]]),
          missing: new Map([[HOSTILE, 1]]),
        },
        sinks: [{ name: HOSTILE, heads: hourly(3) }],
        kinds: { listed: [{ kind: HOSTILE, links: 1, matched: null }], others: { kinds: 1, links: 1 } },
        coverage: [
          change({
            action: HOSTILE,
            kind: HOSTILE,
            relation: HOSTILE,
            keyColumns: [HOSTILE],
            columns: [HOSTILE],
            excluded: [HOSTILE],
            changes: HOSTILE,
            mode: HOSTILE,
            actor: HOSTILE,
            recordedAt: HOSTILE,
          }),
        ],
      },
    },
  );
}

describe.each(["light", "dark"] as const)("a %s page", (colorScheme) => {
  it.each(Object.entries(VERDICTS))("can be read by everyone: %s", async (_, data) => {
    const { page: tab, complaints } = await reader.open(page(data()), { colorScheme });
    await openAll(tab);
    const [r, g, b] = await tab.evaluate(() =>
      (getComputedStyle(document.body).backgroundColor.match(/\d+/gu) ?? []).map(Number),
    );
    expect((r ?? 0) + (g ?? 0) + (b ?? 0) > 384).toBe(colorScheme === "light");
    expect(await faintOf(tab)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

describe.each([360, 1_600])("a page %i pixels wide", (width) => {
  it.each([
    ["with something in every place", full],
    ["without any head", () => sample({ overview: { sinks: [] } })],
    ["with text that has no end", hostile],
  ])("does not have to be scrolled sideways: %s", async (_, data) => {
    const { page: tab } = await reader.open(page(data()), { viewport: { width, height: 800 } });
    await openAll(tab);
    expect(await overflowOf(tab)).toEqual([]);
  });

  it("keeps its landmarks, headings and tables", async () => {
    const { page: tab } = await reader.open(page(full()), { viewport: { width, height: 800 } });
    await openAll(tab);
    for (const role of ["banner", "main", "contentinfo"] as const) expect(await tab.getByRole(role).count()).toBe(1);
    expect(await tab.getByRole("heading", { level: 1 }).allTextContents()).toEqual(["Tampered"]);
    const levels = await tab.evaluate(() =>
      Array.from(document.querySelectorAll("h1,h2,h3,h4"), ({ tagName }) => Number(tagName[1])),
    );
    expect(levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1)).toEqual([]);
    for (const name of ["Rows by table", "Published heads", "What is covered, and since when"])
      expect(await tab.getByRole("table", { name }).first().isVisible()).toBe(true);
    expect(await tab.getByRole("table", { name: "Rows by table" }).getByRole("columnheader").count()).toBe(4);
    expect(await tab.getByRole("table", { name: "Rows by table" }).getByRole("rowheader").count()).toBe(4);
    expect(await tab.getByRole("img", { name: "Number of links over time" }).isVisible()).toBe(true);
    expect(await danglingOf(tab)).toEqual([]);
  });
});

describe.each(["light", "dark"] as const)("a %s page of nights", (colorScheme) => {
  it.each([360, 1_280])("can be read by everyone at %i pixels", async (width) => {
    const hostileNights = eventful({
      verifier: HOSTILE,
      changes: [{ at: HOSTILE, what: HOSTILE, message: HOSTILE }],
      broken: [{ line: 3, message: HOSTILE }],
    });
    for (const data of [nights(), eventful(), hostileNights]) {
      const options = { colorScheme, viewport: { width, height: 800 } };
      const { page: tab, requests, complaints } = await reader.open(nightsPage(data), options);
      expect([await overflowOf(tab), await faintOf(tab), await danglingOf(tab)]).toEqual([[], [], []]);
      expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
      expect(await tab.evaluate(() => "pwned" in globalThis)).toBe(false);
      expect(await tab.getByRole("table", { name: "Day by day" }).getByRole("rowheader").count()).toBe(11);
    }
  });
});

describe("text of an attacker", () => {
  it("does nothing in a page but stand there", async () => {
    const { page: tab, requests, complaints } = await reader.open(page(hostile()));
    await openAll(tab);
    await tab.mouse.click(300, 300);
    await tab.keyboard.press("Tab");
    expect(await tab.evaluate(() => "pwned" in globalThis)).toBe(false);
    expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
    expect(
      await tab
        .locator(
          "script, img, iframe, object, embed, base, form, input, textarea, body link, body style, body meta, [style]",
        )
        .count(),
    ).toBe(0);
    const handlers = await tab.evaluate(() =>
      Array.from(document.querySelectorAll("*")).flatMap((element) =>
        element.getAttributeNames().filter((name) => name.startsWith("on")),
      ),
    );
    expect(handlers).toEqual([]);
    const links = await tab.evaluate(() =>
      Array.from(document.querySelectorAll("a"), (link) => link.getAttribute("href")),
    );
    expect(links.filter((link) => link?.startsWith("#") !== true)).toEqual([
      `data:text/plain;charset=utf-8;base64,${Buffer.from(HOSTILE).toString("base64")}`,
    ]);
    expect(await tab.locator("#first").innerText()).toContain("<script>globalThis.pwned=1</script>");
    expect(await tab.locator("#first .ch").allTextContents()).toContain("U+202E");
    expect(await tab.evaluate(() => document.body.innerText)).not.toMatch(/[\u0000\u001b\u202e\u2066\u200b]/u);
  });

  it("does nothing in the page of a verification that could not be done", async () => {
    const data = { failedAt: 0, command: HOSTILE, origin: HOSTILE, database: HOSTILE, reason: HOSTILE };
    const {
      page: tab,
      requests,
      complaints,
    } = await reader.open(failurePage(data), {
      viewport: { width: 360, height: 800 },
    });
    expect(await tab.getByRole("heading", { level: 1 }).textContent()).toBe("Not verified");
    expect(await tab.evaluate(() => "pwned" in globalThis)).toBe(false);
    expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
    expect([await overflowOf(tab), await faintOf(tab), await danglingOf(tab)]).toEqual([[], [], []]);
  });

  it("would be stopped by the page's own policy if it ever became markup", async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end();
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const attack = `<script>globalThis.pwned=1</script><script src="${url}/a.js"></script><img src="${url}/b.png" onerror="globalThis.pwned=1"><iframe src="${url}/c"></iframe><link rel="stylesheet" href="${url}/d.css"><style>body{background:url(${url}/e.png)}h1{display:none!important}</style><p style="position:fixed">over all</p>`;
    const html = page(sample());
    const open = async (text: string) => {
      const { page: tab } = await reader.open(text);
      await tab.waitForLoadState("networkidle");
      return await tab.evaluate(() => ({
        hasRun: "pwned" in globalThis,
        isHeadingThere: getComputedStyle(document.querySelector("h1") ?? document.body).display !== "none",
      }));
    };
    expect(await open(html.replace("</main>", `${attack}</main>`))).toEqual({ hasRun: false, isHeadingThere: true });
    expect(asked).toBe(0);
    // The same without the policy, to know that the attack is one.
    const bare = html.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/u, "");
    expect(await open(bare.replace("</main>", `${attack}</main>`))).toEqual({ hasRun: true, isHeadingThere: false });
    expect(asked).toBeGreaterThan(0);
  });
});

describe("a page with ten thousand findings", () => {
  const checks = [
    "gap",
    "duplicate",
    "prev_hash",
    "chain_hash",
    "event_hash",
    "source_edited",
    "source_deleted",
    "source_unchained",
    "time_implausible",
    "trigger_missing",
  ];
  const findings = checks.flatMap((check, i) =>
    Array.from({ length: 1_000 }, (_, n) =>
      finding({ check, seq: BigInt(i * 1_000 + n + 1), eventPk: `${check} ${n}` }),
    ),
  );
  const html = page(tampered(findings, { report: { divergenceCount: 70_000 } }));

  it("has all of them, shows the first of each check, and opens the others", async () => {
    const { page: tab, complaints } = await reader.open(html);
    expect(await tab.locator(".findings > li").count()).toBe(10_000);
    expect(await tab.getByText("source_deleted 9", { exact: true }).isVisible()).toBe(true);
    const last = tab.getByText("source_deleted 999", { exact: true });
    expect(await last.isVisible()).toBe(false);
    await tab.getByText("Rows were deleted: 511 to 1,000 of 1,000").click();
    await last.scrollIntoViewIfNeeded();
    expect(await last.isVisible()).toBe(true);
    expect(complaints).toEqual([]);
  });

  it("leads from its beginning to each check, and to its end", async () => {
    const { page: tab } = await reader.open(html, { viewport: { width: 360, height: 800 } });
    await tab.getByRole("link", { name: "A trigger is missing" }).click();
    const heading = tab.getByRole("heading", { name: /^A trigger is missing/u });
    expect(await heading.evaluate((one) => one.getBoundingClientRect().top)).toBeLessThan(800);
    await tab.keyboard.press("End");
    await tab.getByRole("contentinfo").scrollIntoViewIfNeeded();
    expect(await tab.getByRole("contentinfo").isVisible()).toBe(true);
    await openAll(tab);
    expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  });
});

describe("a printed page", () => {
  it("is dark on white whatever the screen is, and hides no finding that stands open", async () => {
    const { page: tab } = await reader.open(page(full()), { colorScheme: "dark" });
    await tab.emulateMedia({ media: "print", colorScheme: "dark" });
    expect(await tab.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(255, 255, 255)");
    expect(await faintOf(tab)).toEqual([]);
    expect((await tab.pdf({ format: "A4" })).length).toBeGreaterThan(10_000);
  });
});

describe("the proof below a finding", () => {
  it.each(["light", "dark"] as const)(
    "is opened and downloaded with the keyboard, as it was made: %s",
    async (colorScheme) => {
      const made = proof({ seq: 3n }, "c2sp.org/tlog-proof@v1\nextra bGVhZg==\nindex 2\n\nexample.org/log\n— é\n");
      const data = tampered([finding({ seq: 3n })], {
        overview: { proofs: { made: new Map([[3n, made]]), missing: new Map() } },
      });
      const { page: tab, requests, complaints } = await reader.open(page(data), { colorScheme });
      const link = tab.getByRole("link", { name: "Download link-3.tlog-proof" });
      expect(await link.isVisible()).toBe(false);
      await tab.getByText("Proof of what was recorded as link 3").focus();
      await tab.keyboard.press("Enter");
      await tab.keyboard.press("Tab");
      expect(await link.evaluate((one) => one === document.activeElement)).toBe(true);
      const [download] = await Promise.all([tab.waitForEvent("download"), tab.keyboard.press("Enter")]);
      expect(download.suggestedFilename()).toBe("link-3.tlog-proof");
      expect(readFileSync(await download.path(), "utf8")).toBe(made.text);
      expect([await faintOf(tab), await danglingOf(tab), requests, complaints]).toEqual([[], [], [], []]);
    },
  );
});
