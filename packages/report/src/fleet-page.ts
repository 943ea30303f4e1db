import { htmlDocument } from "./document.ts";
import { count, counted } from "./markup/amount.ts";
import { type Markup, markup, type Part } from "./markup/markup.ts";
import { momentText } from "./markup/moment.ts";
import { stackedTable } from "./markup/stacked-table.ts";
import { mark } from "./markup/verdict-mark.ts";
import type { Status } from "./page-data.ts";

/** How the verification of one database ended. */
export interface FleetMember {
  readonly name: string;
  /** `failed`: there is no report, and `words` say why. `waiting`: it is not there yet. `left_out`: nobody asked for it. */
  readonly status: Status | "failed" | "waiting" | "left_out";
  readonly rows?: bigint;
  readonly anchoredTo?: bigint;
  /** The first finding, or the first of what could not be checked. */
  readonly words?: string;
}

export interface FleetPageData {
  readonly command: string;
  readonly members: readonly FleetMember[];
  /** Milliseconds since the Unix epoch. */
  readonly verifiedAt: number;
}

/** One self-contained page about several databases that were verified side by side, the worst first, in the same way as `page`. */
export function fleetPage({ command, members, verifiedAt }: FleetPageData): string {
  const order = Object.keys(WORDS);
  const sorted = members.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  const tampered = members.filter(({ status }) => status === "tampered").length;
  const intact = members.filter(({ status }) => status === "intact").length;
  // What was not looked at is not in order.
  const status: Status = tampered > 0 ? "tampered" : intact < members.length ? "unproven" : "intact";
  const title = TITLES[status];
  return htmlDocument(
    `${title}: ${counted(members.length, "database")}`,
    status,
    markup`<header class="top">
<p class="kicker">Verification of several audit chains</p>
<h1 class="verdict">${mark(status)}${title}</h1>
<p class="lead">${count(intact)} of ${counted(members.length, "database")} ${intact === 1 ? "is" : "are"} intact${tampered === 0 ? null : markup`, ${count(tampered)} tampered with`}.</p>
<p class="about">Verified ${momentText(verifiedAt / 1000)}.</p>
</header>
<main id="content">
<section aria-labelledby="databases">
<h2 id="databases">Databases</h2>
${stackedTable("databases", COLUMNS, sorted.map(cellsOf))}
</section>
</main>
<footer><p>Made by <code>${command}</code>. This page has no script and loads nothing. It says what was so when it was made: whoever can change this file can make it say anything.</p></footer>`,
  );
}

const TITLES: Readonly<Record<Status, string>> = {
  intact: "All intact",
  unproven: "Not all proven",
  tampered: "Tampering found",
};

/** From the worst on. */
const WORDS: Readonly<Record<FleetMember["status"], string>> = {
  tampered: "tampered",
  failed: "not verified",
  unproven: "not proven",
  waiting: "not done yet",
  left_out: "left out",
  intact: "intact",
};

const COLUMNS = [
  ["Database", ""],
  ["Verdict", "c-word"],
  ["Links", "number"],
  ["Published to", "number"],
  ["What", ""],
] as const;

function cellsOf({ name, status, rows, anchoredTo, words }: FleetMember): readonly Part[] {
  const amount = (value: bigint | undefined): Part => (value === undefined ? "" : count(value));
  const what: Markup = markup`<bdi>${words ?? ""}</bdi>`;
  return [markup`<bdi>${name}</bdi>`, WORDS[status], amount(rows), amount(anchoredTo), what];
}
