import type { AttachResult } from "@scidex/audit-schema";

/** What `attach` has done, in a line; and what is to be done now. */
export function attachedLines(result: AttachResult): string[] {
  const {
    relation,
    kind,
    mode,
    fallback,
    changes,
    columns,
    excluded,
    retention,
    rows_to_backfill: rows,
    renamed,
  } = result;
  const covers = `${columns.length} columns${excluded.length === 0 ? "" : ` (without ${excluded.join(", ")})`}`;
  return [
    `${relation} is attached: kind ${kind}, ${mode}${mode === "strict" && fallback === "fail" ? " or fail" : ""}, changes ${changes === "track" ? "tracked" : "refused"}${retention === null ? "" : ` (retention ${retention})`}, ${result.blind_key ? "keys blinded, " : ""}${result.salt ? "payloads salted, " : ""}${covers}`,
    ...(result.complete
      ? []
      : [
          `  ${rows > 0 ? `${rows} rows that were there` : "rows that were there before"} are not chained yet; run: audit-chain backfill ${relation}`,
        ]),
    ...Object.entries(renamed).map(([before, after]) => `  column ${before} is now called ${after}: recorded`),
  ];
}
