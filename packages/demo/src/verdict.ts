/** A finding, as far as the demo looks at it. */
export interface Divergence {
  readonly check: string;
  readonly seq?: number;
  readonly from_seq?: number;
  readonly to_seq?: number;
  readonly event_kind?: string;
  readonly event_pk?: string;
}

/** What `audit-verify --json` says. */
interface VerifyOutput {
  readonly status: "intact" | "tampered" | "unproven";
  readonly rows: number;
  readonly divergences: readonly Divergence[];
  readonly unproven?: readonly string[];
}

/** A verdict, and whether it is the right one. */
export interface Verdict {
  readonly status: string;
  readonly exit: number | null;
  /** The finding that was to be expected, else the first one. */
  readonly finding: Divergence | null;
  readonly right: boolean;
  /** Why it could not be proven. */
  readonly reasons: readonly string[];
}

/** Judges the report of a state in which nothing has been done: only `intact`, exit 0, is right. */
export function judgeClean({ exit, stdout }: { exit: number | null; stdout: string }): Verdict {
  const { status, divergences, unproven = [] } = parse(stdout);
  return { status, exit, finding: divergences[0] ?? null, right: status === "intact" && exit === 0, reasons: unproven };
}

/** Judges the report of an attack: right is `tampered`, exit 1, by the check that must find it, at the right link. */
export function judgeAttack(
  { exit, stdout }: { exit: number | null; stdout: string },
  expected: { readonly check: string; readonly seq: number | null },
): Verdict {
  const { status, divergences, unproven = [] } = parse(stdout);
  const found = divergences.find(
    ({ check, seq }) => check === expected.check && (expected.seq === null || seq === expected.seq),
  );
  return {
    status,
    exit,
    finding: found ?? divergences[0] ?? null,
    right: status === "tampered" && exit === 1 && found !== undefined,
    reasons: unproven,
  };
}

/** A finding in a few words: `source_edited at seq 17, artifact_provenance lock:yaml@2.9.1`. */
export function findingText(finding: Divergence | null): string {
  if (finding === null) return "";
  const { check, seq, from_seq: from, to_seq: to, event_kind: kind, event_pk: pk } = finding;
  const where = seq !== undefined ? ` at seq ${seq}` : from !== undefined ? ` in seq ${from} to ${to}` : "";
  return `${check}${where}${kind === undefined ? "" : `, ${kind} ${pk ?? ""}`.trimEnd()}`;
}

const parse = (stdout: string): VerifyOutput => JSON.parse(stdout) as VerifyOutput;
