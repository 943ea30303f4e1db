import { CommandError } from "@scidex/audit-command";

/**
 * Reads a list of column names separated by commas: `a,b`. Names are taken as they are, case included. A name with a
 * comma, a quote, or white space at its ends stands in double quotes, as in SQL: `"a,b"`, `"say ""hi"""`.
 *
 * @throws {CommandError} `usage` for an empty name or an open quote
 */
export function parseNameList(text: string): string[] {
  const names: string[] = [];
  const item = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
  for (;;) {
    const match = item.exec(text);
    const name = match?.[1]?.replaceAll('""', '"') ?? match?.[2]?.trim();
    if (match === null || name === undefined || name === "") {
      throw new CommandError(
        "usage",
        `${JSON.stringify(text)} is not a list of column names; expected a,b or "with, comma",b`,
      );
    }
    names.push(name);
    if (match[3] === "") return names;
  }
}
