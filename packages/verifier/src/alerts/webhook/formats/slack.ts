/**
 * A message for a Slack incoming webhook: `text` for notifications, `blocks` for the channel. A section's text has at most
 * 3,000 characters, a header's 150, a message 50 blocks (docs.slack.dev/reference/block-kit). What comes from the database is
 * plain text, which Slack shows as it is: in `mrkdwn` a row's key could call `<!channel>` or be a link.
 */
import { cut, headline, lineOf, type Notice, runbookOf } from "../notice.ts";

const MAX_LISTED = 20;
const MAX_SECTION = 3_000;
const MAX_HEADER = 150;

const plain = (text: string, max: number) => ({ type: "plain_text", text: cut(text, max), emoji: false }) as const;

/** Slack reads three characters in `text`. */
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

export function slackForm(notice: Notice): object[] {
  const { state, now, alerts } = notice;
  const title = headline(notice);
  const listed = alerts.slice(0, MAX_LISTED);
  const runbooks = [...new Set(listed.map(({ check }) => runbookOf(check)))];
  const more = alerts.length - listed.length;
  return [
    {
      text: escaped(title),
      blocks: [
        {
          type: "header",
          text: plain(`${{ firing: "🔴", standing: "🟠", resolved: "🟢" }[state]} ${title}`, MAX_HEADER),
        },
        ...listed.map((alert) => ({
          type: "section",
          text: plain(`${lineOf(alert)}\n${alert.fingerprint}, since ${alert.since}`, MAX_SECTION),
        })),
        {
          type: "context",
          elements: [
            plain(`${more > 0 ? `And ${more} more. ` : ""}${now.toISOString()}`, MAX_SECTION),
            ...runbooks.slice(0, 8).map((url) => ({ type: "mrkdwn", text: `<${url}|${url.replace(/^.*#/u, "")}>` })),
          ],
        },
      ],
    },
  ];
}
