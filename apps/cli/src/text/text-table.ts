import { escapeText } from "@scidex/audit-command";

/** Rows of cells as lines with aligned columns, two spaces between them; cells are made fit for a terminal. */
export function textTable(rows: readonly (readonly string[])[]): string[] {
  const safe = rows.map((cells) => cells.map((cell) => escapeText(cell)));
  const widths: number[] = [];
  for (const cells of safe) {
    cells.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  }
  return safe.map((cells) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
