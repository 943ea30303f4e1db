/** Passages of equal lines in source files, without what says nothing: blank lines, imports, lone brackets. */

export interface SourceFile {
  readonly path: string;
  readonly lines: readonly string[];
}

interface Place {
  readonly path: string;
  /** The first line, from 1 on. */
  readonly line: number;
}

export interface Passage {
  readonly one: Place;
  readonly other: Place;
  /** Equal lines, without those that say nothing. */
  readonly length: number;
}

interface Line {
  readonly path: string;
  readonly number: number;
  readonly text: string;
}

/** The longest passage of at least `least` lines that two files, or two places of one file, have in common. */
export function repeatedPassages(files: readonly SourceFile[], least: number): Passage[] {
  const told = files.map(tellingLines);
  const seen = new Map<string, { lines: readonly Line[]; at: number }[]>();
  const longest = new Map<string, Passage>();
  for (const lines of told)
    for (let at = 0; at + least <= lines.length; at++) {
      const key = lines
        .slice(at, at + least)
        .map(({ text }) => text)
        .join("\n");
      const earlier = seen.get(key) ?? [];
      for (const place of earlier) {
        const length = commonLength(place.lines, place.at, lines, at);
        const passage = passageOf(place.lines[place.at], lines[at], length);
        if (passage === undefined || length < least) continue;
        const pair = `${passage.one.path}\0${passage.other.path}`;
        if (length > (longest.get(pair)?.length ?? 0)) longest.set(pair, passage);
      }
      seen.set(key, [...earlier, { lines, at }]);
    }
  return [...longest.values()].toSorted((a, b) => b.length - a.length);
}

/** Passages put together that have a file in common, each with its files in the order of their names. */
export function togetherByFile(
  passages: readonly Passage[],
): { readonly paths: readonly string[]; readonly passages: readonly Passage[] }[] {
  const groups: { paths: Set<string>; passages: Passage[] }[] = [];
  for (const passage of passages) {
    const joined = { paths: new Set([passage.one.path, passage.other.path]), passages: [passage] };
    for (const group of groups.filter(({ paths }) => paths.has(passage.one.path) || paths.has(passage.other.path))) {
      groups.splice(groups.indexOf(group), 1);
      for (const path of group.paths) joined.paths.add(path);
      joined.passages.unshift(...group.passages);
    }
    groups.push(joined);
  }
  return groups.map(({ paths, passages: all }) => ({ paths: [...paths].toSorted(), passages: all }));
}

function tellingLines({ path, lines }: SourceFile): Line[] {
  const withoutImports = lines
    .join("\n")
    .replace(/^(?:import|export) (?:type )?\{[^}]*\} from .*$/gm, (text) => "\n".repeat(text.split("\n").length - 1));
  return withoutImports
    .split("\n")
    .map((text, index) => ({ path, number: index + 1, text: text.trim() }))
    .filter(({ text }) => /\w.*\w/.test(text) && !text.startsWith("import "));
}

/** Two passages of one file must not overlap. */
function commonLength(a: readonly Line[], i: number, b: readonly Line[], j: number): number {
  let length = 0;
  while (a[i + length] !== undefined && a[i + length]?.text === b[j + length]?.text) length++;
  return a === b ? Math.min(length, j - i) : length;
}

function passageOf(a: Line | undefined, b: Line | undefined, length: number): Passage | undefined {
  if (a === undefined || b === undefined || length === 0) return undefined;
  const [first, second] = a.path <= b.path ? [a, b] : [b, a];
  return {
    one: { path: first.path, line: first.number },
    other: { path: second.path, line: second.number },
    length,
  };
}
