import { isErasureLine, parseErasureLine, toHex } from "@scidex/audit-core";
import type { KnownServer } from "@scidex/audit-reader";
import type { Recording } from "../record/record-anew.ts";
import type { CheckedSinks } from "../sinks/check-sinks.ts";
import type { ReplacedKeys } from "../state/log-history.ts";
import { withSignedLine, withStatement } from "../state/state.ts";
import type { StateFile } from "../state/state-file.ts";
import type { WitnessedTrees } from "../state/witnessed-trees.ts";

/** Lines of statements that stand before a head, and what is remembered once they do. */
export type Stated = Pick<Recording, "lines" | "settled">;

/** What there is to remember of a publication before anything leaves for a sink. */
export interface Progress {
  readonly checked: CheckedSinks;
  readonly stated: Stated;
  /** The line of the head that was signed. */
  readonly line: string | undefined;
  readonly server: KnownServer;
  /** Keys that are replaced with the head that was signed. */
  readonly turn: ReplacedKeys | undefined;
  readonly witnesses: WitnessedTrees;
}

/**
 * Makes durable what was found in the sinks and what was signed. While nothing has left for a sink, it may be done again with
 * the same head's line, which then takes the place of the first.
 */
export async function remember(
  file: StateFile,
  { checked, stated, line, server, turn, witnesses }: Progress,
): Promise<void> {
  const names = checked.sinks.map(({ sink }) => sink.name);
  const { lines, settled } = stated;
  let state = settled === checked.state.settled ? checked.state : { ...checked.state, settled };
  for (const statement of lines) state = withStatement(state, statement, names);
  const relayed = lines.filter(isErasureLine).map((one) => toHex(parseErasureLine(one).hash));
  if (relayed.length > 0) state = { ...state, relayed: [...state.relayed, ...relayed] };
  // Two runs within one second sign the same text: that is one publication.
  if (line !== undefined && line !== checked.state.head) {
    const replaced = turn === undefined ? state.replaced : [...state.replaced, turn];
    state = withSignedLine({ ...state, server, replaced }, line, names);
  }
  if (witnesses !== state.witnesses) state = { ...state, witnesses };
  if (state !== file.state) await file.save(state);
}
