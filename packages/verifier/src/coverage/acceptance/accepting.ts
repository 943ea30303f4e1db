import { CHECKS, type CheckGroup, type Finding } from "@scidex/audit-reader";
import {
  type Acceptance,
  manyDigest,
  MAX_ACCEPTED_ONE_BY_ONE,
  stateDigest,
  tableKind,
  whyNotAcceptable,
} from "./acceptance.ts";

/** Of more findings of one check and kind no digest is made: some 100 MB. */
const MAX_DIGESTS = 1_000_000;

/** A finding that the policy accepts, or many in one. */
export interface AcceptedFinding extends Omit<Finding, "explainedBy"> {
  readonly group: CheckGroup;
  /** How many findings it stands for, where it is more than one. */
  readonly count?: number;
  readonly reason: string;
  readonly by: string;
  readonly at: string;
}

/** Findings of one check and one kind that are too many to be accepted one by one. */
export interface ManyFindings {
  readonly check: Finding["check"];
  readonly eventKind: string;
  readonly count: number;
  /** `manyDigest`: what an acceptance of all of them has. */
  readonly actual: string;
}

/** What came of a look's findings. */
export interface Accepted {
  readonly accepted: readonly AcceptedFinding[];
  readonly many: readonly ManyFindings[];
  /** Entries of the policy that fit nothing that was found, in a run over the whole chain. */
  readonly unused: readonly Acceptance[];
  /** Why it cannot be told whether something was accepted. */
  readonly doubts: readonly string[];
}

/** Findings of one check and kind that may be accepted together. */
interface Held {
  readonly entries: readonly Acceptance[];
  /** Findings by their digests. */
  readonly findings: Map<string, Finding>;
  /** Whether there were more than any entry stands for. */
  isOver: boolean;
}

/**
 * Holds findings against what the policy accepts. Each entry fits one state, by its digest. One that stands for many fits
 * only all of them: they are held back until the last has come, and where one is another, or one more, all are findings.
 */
export class Accepting {
  readonly #single = new Map<string, Acceptance>();
  readonly #many = new Map<string, Acceptance[]>();
  readonly #held = new Map<string, Held>();
  readonly #open = new Map<
    string,
    { readonly check: Finding["check"]; readonly kind: string; readonly states: Set<string> }
  >();
  readonly #accepted: AcceptedFinding[] = [];
  readonly #unused: Set<Acceptance>;
  readonly #isWhole: boolean;
  readonly #report: (finding: Finding) => void;

  /**
   * @param isWhole whether the whole chain is looked at, so that all findings come
   * @param report takes what is not accepted
   */
  constructor(entries: readonly Acceptance[], isWhole: boolean, report: (finding: Finding) => void) {
    this.#isWhole = isWhole;
    this.#unused = new Set(entries);
    this.#report = report;
    for (const entry of entries) {
      if (entry.count === undefined) this.#single.set(entry.actual, entry);
      else {
        const place = placeOf(entry.check, entry.eventKind);
        this.#many.set(place, [...(this.#many.get(place) ?? []), entry]);
      }
    }
  }

  take(finding: Finding): void {
    const { explainedBy, ...own } = finding;
    const states = [own, explainedBy].flatMap((one) =>
      one !== undefined && whyNotAcceptable(one) === undefined ? [{ one, digest: stateDigest(one) }] : [],
    );
    for (const { one, digest } of states) {
      const entry = this.#single.get(digest);
      if (entry === undefined || !isOf(entry, one)) continue;
      this.#accept(entry, one);
      return;
    }
    // What explains a change comes first: it was accepted before the change was made.
    for (const { one, digest } of states.toReversed()) {
      const place = placeOf(one.check, tableKind(one));
      const entries = this.#many.get(place);
      if (entries === undefined) continue;
      const held = this.#held.get(place) ?? { entries, findings: new Map(), isOver: false };
      this.#held.set(place, held);
      if (held.isOver) break;
      held.findings.set(digest, own);
      if (entries.every(({ count = 0 }) => held.findings.size > count)) this.#release(held);
      return;
    }
    this.#find(own);
  }

  /** After the last finding. */
  finish(): Accepted {
    const doubts: string[] = [];
    for (const held of [...this.#held.values()].filter(({ isOver }) => !isOver)) {
      const { entries, findings } = held;
      const digest = manyDigest([...findings.keys()]);
      const entry = entries.find(({ count, actual }) => count === findings.size && actual === digest);
      const [first] = entries;
      if (entry === undefined && !this.#isWhole && first !== undefined)
        doubts.push(
          `${findings.size} findings (${first.check}, ${first.eventKind}) may be of those that the policy accepts together: only a run over the whole chain can tell`,
        );
      else if (entry === undefined) this.#release(held);
      else {
        const { check, eventKind, count = 0 } = entry;
        this.#accept(entry, {
          check,
          eventKind,
          message: `${count} rows or changes of ${eventKind} are not what was recorded`,
        });
      }
    }
    const many = [...this.#open.values()]
      .filter(({ states }) => states.size > MAX_ACCEPTED_ONE_BY_ONE && states.size < MAX_DIGESTS)
      .map(({ check, kind, states }) => ({
        check,
        eventKind: kind,
        count: states.size,
        actual: manyDigest([...states]),
      }));
    return { accepted: this.#accepted, many, unused: this.#isWhole ? [...this.#unused] : [], doubts };
  }

  #release(held: Held): void {
    held.isOver = true;
    for (const finding of held.findings.values()) this.#find(finding);
    held.findings.clear();
  }

  #find(finding: Finding): void {
    if (whyNotAcceptable(finding) === undefined) {
      const kind = tableKind(finding);
      const place = placeOf(finding.check, kind);
      const open = this.#open.get(place) ?? { check: finding.check, kind, states: new Set() };
      this.#open.set(place, open);
      if (open.states.size < MAX_DIGESTS) open.states.add(stateDigest(finding));
    }
    this.#report(finding);
  }

  #accept(entry: Acceptance, { check, ...rest }: Omit<Finding, "explainedBy">): void {
    this.#unused.delete(entry);
    const { reason, by, at, count } = entry;
    const many = count === undefined ? {} : { count };
    this.#accepted.push({ check, group: CHECKS[check], ...rest, ...many, reason, by, at });
  }
}

const placeOf = (check: string, kind: string): string => `${check} ${kind}`;

/** The digest has all of it: that an entry says something else of itself would mislead whoever reads the policy. */
const isOf = ({ check, seq, eventKind, eventPk }: Acceptance, one: Finding): boolean =>
  check === one.check && seq === one.seq && eventKind === one.eventKind && eventPk === one.eventPk;
