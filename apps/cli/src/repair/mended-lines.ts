import { escapeText } from "@scidex/audit-command";

/** So many are named of those that were all the same. */
const NAMED = 3;

/** What restores leave out, hundreds at a time: said once for all that were the same. */
const BEGINNINGS = ["the owner of ", "missing rights on "];

/** Each thing that was mended, as what it was found. */
export function mendedLines(mended: ReadonlyMap<string, string>): string[] {
  const all = [...mended].map(([what, was]) => {
    const beginning = BEGINNINGS.find((one) => what.startsWith(one));
    return { what: what.slice(beginning?.length ?? 0), was: briefly(was), beginning };
  });
  const groups = Map.groupBy(all, ({ beginning, what, was }) => (beginning === undefined ? what : beginning + was));
  const lines = [...groups.values()].map((alike) => {
    const names = alike.map(({ what }) => what);
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
    return `put back ${alike[0]?.beginning ?? ""}${names.slice(0, NAMED).join(", ")}${more} (${alike[0]?.was ?? ""})`;
  });
  return [
    ...lines.map((line) => escapeText(line)),
    `${mended.size} things were put back; this is recorded in the chain. Verify now: audit-chain verify`,
  ];
}

function briefly(was: string): string {
  if (was === "") return "it was missing";
  const line = was.replaceAll(/\s+/gu, " ").trim();
  return `it was ${line.length > 100 ? `${line.slice(0, 100)}…` : line}`;
}
