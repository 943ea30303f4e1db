import { type Markup, markup } from "./markup.ts";
import type { Status } from "../page-data.ts";

/** Of a page that has no verdict yet, too. */
const SHAPES: Readonly<Record<Status | "asked", string>> = {
  intact: "M7 12.5l3.5 3.5L17.5 8.5",
  tampered: "M8 8l8 8M16 8l-8 8",
  unproven: "M12 7v6M12 16.4v.2",
  asked: "M9.2 9.6a2.8 2.8 0 1 1 4.3 2.3c-1 .6-1.5 1.1-1.5 2.1M12 17v.2",
};

/** A sign beside the verdict, so that it is not told by colour alone. */
export function mark(status: Status): Markup {
  return markup`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><circle cx="12" cy="12" r="11"/><path d="${SHAPES[status]}"/></svg>`;
}

const ICON_COLOURS: Readonly<Record<Status | "asked", string>> = {
  intact: "11685a",
  tampered: "b3261e",
  unproven: "b07400",
  asked: "1b4f8f",
};

/** The same sign for the browser's tab. */
export function icon(status: Status | "asked"): Markup {
  return markup`<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Ccircle cx='12' cy='12' r='12' fill='%23${ICON_COLOURS[status]}'/%3E%3Cpath d='${SHAPES[status]}' fill='none' stroke='white' stroke-width='2.5' stroke-linecap='round'/%3E%3C/svg%3E">`;
}
