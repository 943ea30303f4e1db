/** What is posted, against what Slack, PagerDuty and Alertmanager publish of their forms. A real Alertmanager takes it in CI. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKS } from "@scidex/audit-reader";
import { describe, expect, it } from "vitest";
import type { Alert } from "../../src/alerts/memory/alert-memory.ts";
import { alertmanagerForm } from "../../src/alerts/webhook/formats/alertmanager.ts";
import { ownForm } from "../../src/alerts/webhook/formats/own.ts";
import { pagerDutyForm } from "../../src/alerts/webhook/formats/pagerduty.ts";
import { slackForm } from "../../src/alerts/webhook/formats/slack.ts";
import { type Notice, runbookOf } from "../../src/alerts/webhook/notice.ts";

const NOW = new Date("2026-11-22T03:00:41.000Z");

/** What an attacker can put into a row's key, and from there into messages. */
const HOSTILE = `<!channel> <https://evil.example|all is well> & *${"x".repeat(5_000)}😀`;

const alertOf = (number: number, check = "source_edited"): Alert => ({
  fingerprint: number.toString(16).padStart(32, "0"),
  check,
  since: "2026-11-21T03:00:41.000Z",
  pending: [],
  told: null,
  gone: null,
  acknowledged: null,
  details: {
    check,
    group: "sources",
    seq: number,
    event_kind: "orders",
    event_pk: HOSTILE,
    message: `the row of ${HOSTILE}`,
  },
});

const noticeOf = (state: Notice["state"], alerts: readonly Alert[], openChecks: string[] = []): Notice => ({
  state,
  now: NOW,
  origin: "example.org/audit-chain",
  database: "app on db.example:5432",
  alerts,
  openChecks: new Set(openChecks),
  until: new Date("2026-11-24T03:00:41.000Z"),
  report: null,
});

const many = Array.from({ length: 500 }, (_, index) => alertOf(index + 1));

interface Text {
  readonly type: string;
  readonly text: string;
}
interface Block {
  readonly type: string;
  readonly text?: Text;
  readonly elements?: readonly Text[];
}

describe("for Slack", () => {
  it.each(["firing", "standing", "resolved"] as const)(
    "a message that is %s keeps the limits of its blocks",
    (state) => {
      const [message, ...others] = slackForm(noticeOf(state, many)) as { text: string; blocks: Block[] }[];
      expect(others).toEqual([]);
      expect(message?.blocks.length).toBeLessThanOrEqual(50);
      for (const { type, text, elements = [] } of message?.blocks ?? []) {
        expect(["header", "section", "context"]).toContain(type);
        expect([type, type === "header" ? text?.type : "plain_text"]).toEqual([type, "plain_text"]);
        expect(text?.text.length ?? 0).toBeLessThanOrEqual(type === "header" ? 150 : 3_000);
        expect(elements.length).toBeLessThanOrEqual(10);
        for (const element of elements) expect(element.text.length).toBeLessThanOrEqual(3_000);
      }
      expect(JSON.stringify(message)).toContain("And 480 more.");
    },
  );

  it("a message shows what comes from the database as it is: nobody is called, and nothing is a link", () => {
    const [message] = slackForm(noticeOf("firing", [alertOf(1)])) as { text: string; blocks: Block[] }[];
    const marked = message?.blocks.flatMap(({ text, elements = [] }) => [text, ...elements]) ?? [];
    for (const text of marked.filter((one) => one?.type === "mrkdwn")) expect(text?.text).not.toContain("evil");
    expect(message?.text).not.toContain("<");
  });
});

describe("for PagerDuty", () => {
  it("a thousand rows are one event, with a key that the end has too", () => {
    const events = pagerDutyForm(noticeOf("firing", [...many, alertOf(7, "gap")]), "R0UTING") as {
      dedup_key: string;
      payload: { summary: string; custom_details: { count: number; findings: object[] } };
    }[];
    expect(events).toHaveLength(2);
    const [rows] = events;
    expect(rows).toMatchObject({
      routing_key: "R0UTING",
      event_action: "trigger",
      payload: {
        source: "app on db.example:5432",
        severity: "critical",
        timestamp: NOW.toISOString(),
        class: "source_edited",
        custom_details: { count: 500 },
      },
      links: [{ href: runbookOf("source_edited"), text: expect.any(String) }],
    });
    expect(rows?.payload.summary.length).toBeLessThanOrEqual(1_024);
    expect(rows?.payload.custom_details.findings).toHaveLength(20);
    expect(rows?.dedup_key.length).toBeLessThanOrEqual(255);
    const over = pagerDutyForm(noticeOf("resolved", [alertOf(1)]), "R0UTING");
    expect(over).toEqual([{ routing_key: "R0UTING", dedup_key: rows?.dedup_key, event_action: "resolve" }]);
    expect(pagerDutyForm(noticeOf("resolved", [alertOf(1)], ["source_edited"]), "R0UTING")).toEqual([]);
  });
});

describe("for Alertmanager", () => {
  it("labels stay the same from beginning to end, and the end is now", () => {
    const [firing = []] = alertmanagerForm(noticeOf("firing", [alertOf(1)])) as Record<string, unknown>[][];
    const over = { ...alertOf(1), gone: NOW.toISOString(), acknowledged: { by: "mira", at: "", reason: "INC-7" } };
    const [resolved = []] = alertmanagerForm(noticeOf("resolved", [over])) as Record<string, unknown>[][];
    expect(resolved[0]?.["labels"]).toEqual(firing[0]?.["labels"]);
    expect(firing[0]).toMatchObject({ startsAt: alertOf(1).since, endsAt: "2026-11-24T03:00:41.000Z" });
    expect(resolved[0]).toMatchObject({ endsAt: NOW.toISOString(), annotations: { acknowledged_by: "mira" } });
    for (const value of Object.values(firing[0]?.["labels"] as Record<string, string>)) expect(value).not.toBe("");
  });
});

describe("in our own form", () => {
  it("each state has an event of its own", () => {
    const events = (["firing", "standing", "resolved"] as const).map(
      (state) => (ownForm(noticeOf(state, [alertOf(1)]))[0] as { event: string }).event,
    );
    expect(events).toEqual(["audit_chain_break", "audit_chain_break_standing", "audit_chain_break_resolved"]);
  });
});

describe("the runbook", () => {
  it("has a section for each check", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../../docs/incident.md"), "utf8");
    const anchors = [...page.matchAll(/^#+ (.+)$/gmu)].map(([, title = ""]) =>
      title.toLowerCase().replaceAll(" ", "-"),
    );
    for (const check of Object.keys(CHECKS)) expect(anchors).toContain(runbookOf(check).replace(/^.*#/u, ""));
  });
});
