/**
 * Splits the value of `search_path` as the server does: names separated by commas, in double quotes or else folded to
 * lower case. `$user` stays as it is. What comes after something that the server would refuse is left out. An attacker
 * writes what he likes into the catalog, so no text may take more than one pass.
 */
export function parseSearchPath(value: string): string[] {
  const names: string[] = [];
  for (const match of value.matchAll(/(?:\s*"((?:[^"]|"")*)"\s*|([^",]*))(?:,|$)/guy)) {
    const [, quoted, bare] = match;
    const name = quoted === undefined ? (bare ?? "").trim().toLowerCase() : quoted.replaceAll('""', '"');
    if (name !== "") names.push(name);
  }
  return names;
}

/** What PostgreSQL looks through where nothing is set. */
export const DEFAULT_SEARCH_PATH = '"$user", public';
