import { type Markup, markup, type Part } from "./markup.ts";

/**
 * A table that becomes a list of rows, each cell with its column's name, where the page is narrow. The roles are said,
 * because style sheets that do so take them away.
 *
 * @param label the id of the heading that names it
 * @param columns their names, and the classes that give them their width, and `number` where they are numbers
 */
export function stackedTable(
  label: string,
  columns: readonly (readonly [name: string, classes: string])[],
  rows: readonly (readonly Part[])[],
): Markup {
  return markup`<table role="table" aria-labelledby="${label}"><thead role="rowgroup"><tr role="row">${columns.map(
    ([name, classes]) => markup`<th role="columnheader" scope="col" class="${classes}">${name}</th>`,
  )}</tr></thead><tbody role="rowgroup">
${rows.map(
  (cells) => markup`<tr role="row">${cells.map((cell, i) =>
    i === 0
      ? markup`<th role="rowheader" scope="row">${cell}</th>`
      : markup`<td role="cell" class="${columns[i]?.[1] ?? ""}" data-column="${columns[i]?.[0] ?? ""}">${cell}</td>`,
  )}</tr>
`,
)}</tbody></table>`;
}
