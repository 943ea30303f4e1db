import { userInfo } from "node:os";
import {
  type CommandContext,
  CommandError,
  escapeText,
  EXIT,
  origin,
  type Outcome,
  replaceFile,
} from "@scidex/audit-command";
import {
  type Acceptance,
  acceptanceForm,
  type Divergence,
  formatPolicy,
  MAX_ACCEPTED_ONE_BY_ONE,
  type ManyFindings,
  type Policy,
  stateDigest,
  tableKind,
  type VerificationReport,
  whyNotAcceptable,
} from "@scidex/audit-verifier";
import { withDatabase } from "../database/database.ts";
import { print } from "../text/print.ts";
import { refuse, verifyRows } from "./look-at-changes.ts";
import { LOGIN } from "./login.ts";
import { readPolicyFile } from "./policy-file.ts";
import { withPublished } from "./published.ts";
import { readReport, type Reported } from "./reported.ts";

interface AcceptOptions {
  readonly reason: string;
  readonly policy: string;
  readonly finding?: string;
  readonly json?: true;
}

/**
 * Accepts findings of a report, once the same have been found again: all of those that are asked for, or none.
 *
 * @throws {CommandError} `usage`, `configuration`, `failed`
 */
export async function acceptFindings(
  context: CommandContext,
  file: string,
  { reason, policy: policyFile, finding, json }: AcceptOptions,
): Promise<Outcome> {
  if (reason.trim() === "") throw new CommandError("usage", "--reason is empty; expected why this is accepted");
  const reported = await readReport(file);
  const chosen = choose(reported, finding);
  const before = await readPolicyFile(policyFile);
  const name = origin() ?? before.origin ?? undefined;
  return await withDatabase(context, { ...LOGIN, command: "accept" }, async ({ sql }) =>
    withPublished(
      { origin: name, logs: before.logs, retiredKeys: before.retiredKeys },
      context.signal,
      async (published) => {
        const { missing } = published;
        if (missing !== undefined) throw cannot(missing);
        const report = await verifyRows(sql, before, name, published, context.signal);
        if (!isBelievable(report)) return await refuse(report, json);
        const signature = { reason, by: userInfo().username, at: new Date().toISOString() };
        const entries = confirm(chosen, report).map((entry): Acceptance => ({ ...entry, ...signature }));
        const accepted = [...(before.accepted ?? []).filter((old) => !isReplaced(old, entries)), ...entries];
        const after: Policy = { ...before, accepted };
        await replaceFile("--policy", policyFile, formatPolicy(after));
        const count = entries.reduce((sum, entry) => sum + (entry.count ?? 1), 0);
        const left = report.divergenceCount - count;
        await print(json, { accepted: entries.map(acceptanceForm), left }, () => [
          ...entries.map((entry) => `accepted ${escapeText(nameOf(entry))}`),
          ...(left > 0 ? [`${left} ${left === 1 ? "finding is" : "findings are"} left`] : []),
        ]);
        return { exit: EXIT.ok };
      },
    ),
  );
}

/** Rows say nothing where the chain that they are compared with is another than was published. */
const isBelievable = ({ checks, divergences }: VerificationReport): boolean =>
  checks.links === "ok" && checks.heads === "ok" && !divergences.some(({ check }) => check === "catalog_changed");

/** What is to be accepted: findings of rows, and all that a check has found of a kind. */
interface Chosen {
  readonly single: readonly Divergence[];
  readonly many: readonly ManyFindings[];
}

/** @throws {CommandError} `usage` where it cannot be accepted */
function choose({ divergences, many }: Reported, numbers: string | undefined): Chosen {
  const list = numbers?.split(",").map((text) => {
    const one = /^[1-9]\d{0,6}$/u.test(text.trim()) ? divergences[Number(text) - 1] : undefined;
    if (one === undefined)
      throw new CommandError(
        "usage",
        `--finding: ${JSON.stringify(text)} is none of the report's ${divergences.length} findings; expected numbers from 1 on`,
      );
    return one;
  });
  const chosen = [...new Set(list ?? divergences)];
  if (chosen.length === 0) throw new CommandError("usage", "the report has no findings");
  for (const one of chosen) {
    const why = whyNotAcceptable(one);
    if (why !== undefined)
      throw new CommandError("usage", `finding ${divergences.indexOf(one) + 1} cannot be accepted: ${why}`);
  }
  if (list === undefined) return { many, single: chosen.filter((one) => !many.some((group) => isAmong(one, group))) };
  for (const group of many)
    if (chosen.filter((one) => isAmong(one, group)).length > MAX_ACCEPTED_ONE_BY_ONE)
      throw new CommandError(
        "usage",
        `--finding names more than ${MAX_ACCEPTED_ONE_BY_ONE} findings of ${group.check}, ${group.eventKind}; expected fewer, or all of the report`,
      );
  return { single: chosen, many: [] };
}

const isAmong = (one: Divergence, group: ManyFindings): boolean =>
  one.check === group.check && tableKind(one) === group.eventKind;

/**
 * Entries for what has been found again, and is what was reported.
 *
 * @throws {CommandError} `failed` where something is not
 */
function confirm({ single, many }: Chosen, report: VerificationReport): Omit<Acceptance, "reason" | "by" | "at">[] {
  const found = new Set(report.divergences.map(stateDigest));
  return [
    ...single.map((one) => {
      const { check, seq, eventKind = "", eventPk } = one;
      const actual = stateDigest(one);
      if (!found.has(actual))
        throw cannot(
          `${nameOf(one)} is not found any more as the report has it; verify again, and read the new report`,
        );
      return { check, seq, eventKind, eventPk, actual };
    }),
    ...many.map(({ check, eventKind, count, actual }) => {
      if (!report.many.some((now) => now.check === check && now.eventKind === eventKind && now.actual === actual))
        throw cannot(
          `the ${count} findings of ${check}, ${eventKind} are not those of the report any more; verify again, and read the new report`,
        );
      return { check, eventKind, count, actual };
    }),
  ];
}

/** What was accepted together before is found again beside what has come. */
const isReplaced = ({ check, eventKind, count }: Acceptance, entries: readonly Acceptance[]): boolean =>
  count !== undefined &&
  entries.some((entry) => entry.count !== undefined && entry.check === check && entry.eventKind === eventKind);

function nameOf({ check, seq, eventKind, eventPk, count }: Partial<Acceptance>): string {
  const place = seq === undefined ? "" : `, seq ${seq}`;
  return `${check}, ${eventKind} ${eventPk ?? `(${count} findings)`}${place}`;
}

const cannot = (why: string): CommandError => new CommandError("failed", `nothing was accepted: ${why}`);
