import { briefly, escapeText, writeError } from "@scidex/audit-command";

/** Something that the verifier will report, in words. */
export interface Narrowing {
  readonly table: string;
  readonly text: string;
}

/** What the verifier calls what is about to be done, and what ends it. */
export const NARROWS =
  "the verifier reports this as coverage_narrowed until the auditor has approved it (audit-chain policy --diff FILE, then --approve FILE)";

/** Says on stderr what is about to narrow the coverage, before it is done. */
export function announceNarrowing(narrowings: readonly Narrowing[]): void {
  for (const line of briefly(narrowings.map(({ table, text }) => `${table}: ${text}: ${NARROWS}`)))
    writeError(`${escapeText(line)}\n`);
}
