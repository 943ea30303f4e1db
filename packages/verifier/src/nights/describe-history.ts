import { escapeText } from "@scidex/audit-command";
import type { History } from "./history.ts";

const MAX_LISTED = 40;

/** A history for a person at a terminal. */
export function describeHistory(verifier: string, history: History): string {
  const { nights, counts, gaps, changes, broken } = history;
  const [first, last] = [nights[0], nights.at(-1)];
  const span = first === undefined || last === undefined ? "" : `, ${day(first.at)} to ${day(last.at)}`;
  return [
    `${nights.length} nights of ${escapeText(verifier)}${span}`,
    `  verdicts    ${counts.intact} intact, ${counts.tampered} tampered, ${counts.unproven} unproven`,
    `  gaps        ${gaps.length === 0 ? "none" : gaps.length}`,
    ...few(
      gaps.map(({ from, to, hours }) => `              ${minute(from)} to ${minute(to)}: no verdict for ${hours} h`),
    ),
    ...few(
      nights
        .filter(({ status }) => status !== "intact")
        .map(({ at, status, findings }) =>
          status === "tampered"
            ? `  tampered    ${minute(at)}: ${findings} finding${findings === 1 ? "" : "s"}`
            : `  unproven    ${minute(at)}`,
        ),
    ),
    ...few(changes.map(({ at, what, message }) => `  ${what.padEnd(11)} ${minute(at)}: ${escapeText(message)}`)),
    ...few(broken.map(({ line, message }) => `  broken      line ${line}: ${escapeText(message)}`)),
    ...(last === undefined
      ? []
      : [`  newest      ${minute(last.at)}: ${last.status}, seq ${last.head?.seq ?? "none"}`]),
    "",
  ].join("\n");
}

const day = (at: string): string => at.slice(0, 10);
const minute = (at: string): string => `${at.slice(0, 16).replace("T", " ")} UTC`;

const few = (lines: readonly string[]): string[] =>
  lines.length <= MAX_LISTED
    ? [...lines]
    : [...lines.slice(0, MAX_LISTED), `              and ${lines.length - MAX_LISTED} more: --json lists all`];
