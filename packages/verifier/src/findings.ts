import { CHECKS, type CheckName, compareFindings, type Divergence, type Finding, findingIdentity } from "./finding.ts";

/** No more divergences of one check are listed; they are all counted. Noise in one check cannot hide another's. */
export const MAX_LISTED_PER_CHECK = 1_000;

/** Identities that are remembered for the second look; beyond it only the numbers are compared. */
const MAX_REMEMBERED = 100_000;

const lowest = (list: readonly Finding[]): Finding[] => list.toSorted(compareFindings).slice(0, MAX_LISTED_PER_CHECK);

/** Collects findings in bounded memory. */
export class Findings {
  readonly #listed = new Map<CheckName, Finding[]>();
  readonly #counts = new Map<CheckName, number>();
  readonly #identities = new Set<string>();
  readonly #earlier: Findings | undefined;

  /** @param earlier the first look: what it did not find, this second look does not report */
  constructor(earlier?: Findings) {
    this.#earlier = earlier;
  }

  readonly add = (finding: Finding): void => {
    const identity = findingIdentity(finding);
    if (this.#earlier !== undefined && !this.#earlier.#has(identity)) return;
    if (this.#identities.has(identity)) return;
    if (this.#identities.size < MAX_REMEMBERED) this.#identities.add(identity);
    this.#counts.set(finding.check, (this.#counts.get(finding.check) ?? 0) + 1);
    const list = this.#listed.get(finding.check) ?? [];
    this.#listed.set(finding.check, list);
    list.push(finding);
    if (list.length > 2 * MAX_LISTED_PER_CHECK) this.#listed.set(finding.check, lowest(list));
  };

  #has(identity: string): boolean {
    return this.#identities.size >= MAX_REMEMBERED || this.#identities.has(identity);
  }

  /** Number of all findings, those that are not listed included. */
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
