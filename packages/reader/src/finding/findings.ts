import { CHECKS, type CheckName, type Divergence, type Finding } from "./finding.ts";
import { compareFindings, findingIdentity } from "./finding.ts";

/** No more divergences of one check are listed; they are all counted. Noise in one check cannot hide another's. */
export const MAX_LISTED_PER_CHECK = 1_000;

/** Identities that are remembered for the next look; beyond it everything counts as seen before. */
const MAX_REMEMBERED = 100_000;

/** Longer texts than any honest event has are cut, in UTF-16 units: they come from a database that may be hostile. */
const MAX_TEXT = 2_100;

const lowest = (list: readonly Finding[]): Finding[] => list.toSorted(compareFindings).slice(0, MAX_LISTED_PER_CHECK);

/** Collects the findings of one look at the database, in bounded memory. */
export class Findings {
  readonly #listed = new Map<CheckName, Finding[]>();
  readonly #counts = new Map<CheckName, number>();
  readonly #identities = new Set<string>();
  readonly #earlier: Findings | undefined;
  #unconfirmed = 0;

  /** @param earlier the look before; what it did not find is not reported yet, but counted as `unconfirmed` */
  constructor(earlier?: Findings) {
    this.#earlier = earlier;
  }

  readonly add = (finding: Finding): void => {
    const identity = findingIdentity(finding);
    if (this.#identities.has(identity)) return;
    if (this.#identities.size < MAX_REMEMBERED) this.#identities.add(identity);
    if (this.#earlier === undefined || !this.#earlier.#has(identity)) {
      this.#unconfirmed++;
      return;
    }
    this.#counts.set(finding.check, (this.#counts.get(finding.check) ?? 0) + 1);
    const list = this.#listed.get(finding.check) ?? [];
    this.#listed.set(finding.check, list);
    list.push(cutTexts(finding));
    if (list.length > 2 * MAX_LISTED_PER_CHECK) this.#listed.set(finding.check, lowest(list));
  };

  /** Whether this look has found it, confirmed or not; null where it has found more than is remembered. */
  saw(finding: Finding): boolean | null {
    if (this.#identities.has(findingIdentity(finding))) return true;
    return this.#identities.size >= MAX_REMEMBERED ? null : false;
  }

  #has(identity: string): boolean {
    return this.#identities.size >= MAX_REMEMBERED || this.#identities.has(identity);
  }

  /** Number of findings that the look before did not have: all of them in a first look. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Number of findings seen in two looks, those that are not listed included. */
  get count(): number {
    return [...this.#counts.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Number of findings of each check that found any. */
  get counts(): ReadonlyMap<CheckName, number> {
    return this.#counts;
  }

  /** In the report's order, at most `MAX_LISTED_PER_CHECK` of a check. */
  list(): Divergence[] {
    return [...this.#listed.values()]
      .flatMap(lowest)
      .toSorted(compareFindings)
      .map(({ check, ...rest }) => ({ check, group: CHECKS[check], ...rest }));
  }
}

function cutTexts(finding: Finding): Finding {
  const texts = ["eventKind", "eventPk", "expected", "actual", "message"] as const;
  if (texts.every((name) => (finding[name]?.length ?? 0) <= MAX_TEXT)) return finding;
  const cut = (text: string) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
  return Object.fromEntries(
    Object.entries(finding).map(([name, value]) => [name, typeof value === "string" ? cut(value) : value]),
  ) as Finding;
}
