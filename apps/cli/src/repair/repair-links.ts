import { type CommandContext, CommandError, escapeText, EXIT, type Outcome, progress } from "@scidex/audit-command";
import type { Link } from "@scidex/audit-core";
import { mendLinks } from "@scidex/audit-schema";
import { SinkError, type TreeFiles } from "@scidex/audit-sinks";
import { compareWithTree, type TreeComparison, VerifierError } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { openTree } from "../proof/open-tree.ts";
import { readTrust } from "../proof/trust.ts";
import { print } from "../text/print.ts";

export interface RepairLinksOptions {
  readonly from: string;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `audit-chain repair-links`: writes lost and changed links back, as a published tree has them. */
export async function repairLinks(context: CommandContext, options: RepairLinksOptions): Promise<Outcome> {
  const { from, replace = false, dryRun = false, json } = options;
  const trust = await readTrust();
  const sink = openTree(from, context.signal);
  const right = "a superuser, or the role that owns the chain's objects";
  try {
    return await withDatabase(context, { command: "repair-links", right, setUp: true }, async ({ sql }) => {
      const compared = await compare(sql, sink.files, trust, context);
      const links = [...compared.missing, ...compared.changed].toSorted((a, b) => (a.seq < b.seq ? -1 : 1));
      if (links.length > 0) requireRepairable(compared, replace);
      if (links.length > 0 && !dryRun) await mendLinks(drizzleOf({ sql }), links);
      const said = {
        published: Number(compared.size),
        missing: compared.missing.map(({ seq }) => Number(seq)),
        changed: compared.changed.map(({ seq }) => Number(seq)),
        written: links.length > 0 && !dryRun,
      };
      await print(json, said, () => linesOf(compared, links, dryRun));
      return { exit: EXIT.ok };
    });
  } finally {
    await sink.close();
  }
}

async function compare(
  sql: Sql,
  files: TreeFiles,
  trust: Parameters<typeof compareWithTree>[2],
  { signal }: CommandContext,
): Promise<TreeComparison> {
  const line = progress({ label: "compare" });
  try {
    return await compareWithTree(sql, files, trust, { signal, onProgress: (links) => line.update(links) });
  } catch (cause) {
    if (cause instanceof SinkError || (cause instanceof VerifierError && cause.code === "not_provable"))
      throw new CommandError("failed", `nothing was changed: ${cause.message}`, { cause });
    throw cause;
  } finally {
    line.done();
  }
}

/** @throws {CommandError} `failed` where it would take away what was recorded since */
function requireRepairable({ size, isFollowed, divergesFrom }: TreeComparison, replace: boolean): void {
  const elsewhere = "Restore a newer backup, or begin another log (docs/life.md)";
  if (!isFollowed)
    throw new CommandError(
      "failed",
      `nothing was changed: the link behind the ${size} that were published does not follow the last of them, so the chain goes on from another history. ${elsewhere}`,
    );
  if (divergesFrom !== null && !replace)
    throw new CommandError(
      "failed",
      `nothing was changed: from link ${divergesFrom} on, all links to the chain's end are others than were published. Those of an older backup that was put back look like that, with what was recorded since; and links that somebody has rewritten. ${elsewhere}. To write the published links in their place all the same: --replace`,
    );
}

function linesOf({ size, missing, changed }: TreeComparison, links: readonly Link[], dryRun: boolean): string[] {
  if (links.length === 0)
    return [`All ${size} links that were published are in the database as they were. Nothing was changed.`];
  const verb = dryRun ? "would be written" : "was written";
  return [
    ...(missing.length === 0 ? [] : [`${verb} back, and was missing: ${rangesOf(missing)}`]),
    ...changed
      .slice(0, 20)
      .map((link) =>
        escapeText(`${verb} in the place of something else: link ${link.seq}, ${link.eventKind} ${link.eventPk}`),
      ),
    ...(changed.length > 20 ? [`and ${changed.length - 20} more`] : []),
    ...(dryRun
      ? []
      : [
          "Each is what was published, byte for byte. This is recorded in the chain, with what was found, and narrows until the auditor has approved it: audit-chain policy --diff FILE",
        ]),
  ];
}

/** `link 17`, `links 40 to 41`. */
function rangesOf(links: readonly Link[]): string {
  const ranges: [bigint, bigint][] = [];
  for (const { seq } of links) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1n === seq) last[1] = seq;
    else ranges.push([seq, seq]);
  }
  const shown = ranges.slice(0, 20).map(([from, to]) => (from === to ? `link ${from}` : `links ${from} to ${to}`));
  return `${shown.join(", ")}${ranges.length > 20 ? ` and ${ranges.length - 20} more` : ""}`;
}
