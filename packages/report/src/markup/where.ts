import type { Finding } from "@scidex/audit-reader";
import { count } from "./amount.ts";
import { type Markup, markup } from "./markup.ts";
import { keyText, nameText } from "./name-text.ts";

/** Where a finding is: its link or links, and its event. */
export function where(finding: Finding): Markup | null {
  const { eventKind: kind, eventPk: pk } = finding;
  const place = placeOf(finding);
  if (place === null && kind === undefined) return null;
  return markup`<p class="where">${place === null ? null : markup`<b>${place}</b>`}${
    kind === undefined
      ? null
      : markup`<span>${nameText(kind)}${pk === undefined ? null : markup` ${keyText(pk)}`}</span>`
  }</p>`;
}

export function placeOf({ seq, fromSeq: from, toSeq: to }: Finding): string | null {
  if (seq !== undefined) return `Link ${count(seq)}`;
  if (from === undefined || to === undefined) return null;
  return from === to ? `Link ${count(from)}` : `Links ${count(from)} to ${count(to)}`;
}
