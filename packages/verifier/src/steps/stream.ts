import {
  type CheckName,
  eachTuple,
  type Finding,
  type Findings,
  type Lane,
  type Range,
  readLogEnd,
  readSlotStatus,
  type Relation,
} from "@scidex/audit-reader";
import { splitKind } from "@scidex/audit-core";
import type { Histories } from "../coverage/read-histories.ts";
import { readShape } from "../coverage/shape.ts";
import { CHAIN, type Noted } from "./noted.ts";

/** How far the tables in the mode `stream` have come in a look. */
export interface StreamProgress {
  /** Up to where the log is linked; null where that cannot be told. */
  readonly linkedTo: bigint | null;
  /** Up to where the log was written when the look's snapshot had been taken. */
  readonly writtenTo: bigint | null;
  /** Why nothing more will be linked by itself; null where that is not so. */
  readonly stopped: string | null;
}

/** What the look before has seen. */
export interface EarlierLook {
  readonly findings: Findings;
  readonly stream: StreamProgress | null;
}

/** The kind of the links that say that something may have been missed. */
const GAP_KIND = "audit_chain_gap";

/** Kinds that are in the mode `stream` now: when a table gets another mode, all of it is linked. */
const streamed = (histories: Histories) =>
  [...histories.values()].filter(({ current }) => current.mode === "stream" && current.action !== "detach");

/** Whether any kind is in the mode `stream`, or was once. */
const wasStreamed = (histories: Histories): boolean =>
  [...histories.values()].some(({ configs }) => configs.some(({ mode }) => mode === "stream"));

/**
 * Reads how far the log is linked, and which parts of it capture says that it has missed. Null where no table is in the mode
 * `stream`.
 */
export async function readStream(
  lane: Lane,
  chain: Relation,
  histories: Histories,
  range: Range,
  noted: Noted,
): Promise<StreamProgress | null> {
  if (!wasStreamed(histories) || !noted.wants("sources", "coverage")) return null;
  return await noted.orNull(CHAIN, ["sources", "coverage"], async () =>
    lane.attempt(async (attempt) => {
      await readGaps(attempt, chain, range, noted);
      if (streamed(histories).length === 0) return null;
      const position = await readPosition(attempt);
      const writtenTo = await readLogEnd(attempt);
      const stopped = position === null ? null : await whyStopped(attempt, position.slot);
      if (stopped !== null) noted.warn([`${stopped}: capture begins anew, and records a gap`]);
      return { linkedTo: position?.linkedTo ?? null, writtenTo, stopped };
    }),
  );
}

/** A standby need not have the slot. */
async function whyStopped(lane: Lane, slot: string): Promise<string | null> {
  if (lane.parameters["in_hot_standby"] === "on") return null;
  const status = await readSlotStatus(lane, slot);
  if (status === undefined) return `the replication slot ${slot} is gone`;
  return status === "lost" ? `the server has removed what the replication slot ${slot} would send` : null;
}

async function readGaps(lane: Lane, chain: Relation, { from, to }: Range, noted: Noted): Promise<void> {
  const rows = { from, to, kindLengths: [GAP_KIND.length] };
  await eachTuple(
    await lane.scan(chain, ["seq", "event_kind", "event_pk"], "binary", rows),
    3,
    ([number, kind, pk]) => {
      if (number?.length !== 8 || kind?.toString() !== GAP_KIND || pk == null) return;
      const eventPk = pk.toString();
      const [first = "", last = ""] = eventPk.split(" ");
      noted.report({
        check: "capture_gap",
        seq: number.readBigInt64BE(0),
        eventKind: GAP_KIND,
        eventPk,
        expected: "every change of tables in the mode stream comes to the capture process",
        actual: `what was written from ${first === "unknown" ? "an unknown place" : first} to ${last} of the write-ahead log may not have`,
        message:
          "the slot, the position or the server was another one: changes in this interval may not have been recorded",
      });
    },
  );
}

async function readPosition(lane: Lane): Promise<{ readonly linkedTo: bigint; readonly slot: string } | null> {
  const shape = await readShape(lane, lane.place.schema, "audit_chain_position");
  if (shape?.columns.get("linked_to") !== "pg_lsn" || shape.columns.get("slot") !== "text" || shape.relkind !== "r")
    return null;
  let position: { linkedTo: bigint; slot: string } | null = null;
  await eachTuple(await lane.scan(shape, ["linked_to", "slot"], "binary"), 2, ([lsn, slot]) => {
    if (lsn?.length === 8 && slot != null) position = { linkedTo: lsn.readBigUInt64BE(0), slot: slot.toString() };
  });
  return position;
}

/** What a row may show that has been written and is not linked yet. */
const OF_LAG: ReadonlySet<CheckName> = new Set(["source_unchained", "source_edited", "source_deleted"]);

/**
 * Judges what is found of rows in the mode `stream`, which are linked a moment after they were written. What a look finds
 * may be that. It is a finding where it was found before as well, and everything that had been written then is linked now.
 * What was not found before has been written since: it waits. Where the log has not been linked so far, nothing is said of
 * any of them but how far behind capture is.
 */
export class StreamJudge {
  readonly #kinds: ReadonlySet<string>;
  readonly #noted: Noted;
  readonly #earlier: EarlierLook | undefined;
  readonly #stream: StreamProgress | null;
  #waiting = 0;
  #undecided = 0;
  #isOpen = false;

  constructor(histories: Histories, stream: StreamProgress | null, noted: Noted, earlier: EarlierLook | undefined) {
    this.#kinds = new Set(streamed(histories).map(({ kind }) => kind));
    this.#noted = noted;
    this.#earlier = earlier;
    this.#stream = stream;
  }

  /** Whether it has been dealt with: it is no finding, or not yet. */
  holdsBack(finding: Finding): boolean {
    const { kind } = splitKind(finding.eventKind ?? "");
    if (!OF_LAG.has(finding.check) || !this.#kinds.has(kind)) return false;
    this.#isOpen = true;
    if (this.#earlier === undefined) return false;
    const isSeen = this.#earlier.findings.saw(finding);
    if (!this.#isCaughtUp || isSeen === null) {
      this.#undecided++;
      return true;
    }
    if (isSeen) return false;
    this.#waiting++;
    return true;
  }

  get #isCaughtUp(): boolean {
    const linkedTo = this.#stream?.linkedTo ?? null;
    const written = this.#earlier?.stream?.writtenTo ?? null;
    return linkedTo !== null && written !== null && linkedTo >= written;
  }

  finish(): void {
    this.#noted.saw({ awaitsLinking: this.#isOpen });
    if (this.#waiting > 0)
      this.#noted.warn([`${this.#waiting} changes of tables in the mode stream wait to be linked`]);
    if (this.#undecided === 0) return;
    const [linkedTo, written] = [this.#stream?.linkedTo ?? null, this.#earlier?.stream?.writtenTo ?? null];
    const behind =
      linkedTo === null || written === null
        ? "its position cannot be read"
        : linkedTo >= written
          ? "more of them waited before than could be kept apart"
          : `it is ${written - linkedTo} bytes behind`;
    const stopped = this.#stream?.stopped ?? null;
    this.#noted.mayPass({ isTransient: true });
    this.#noted.cannot(
      `${this.#undecided} rows of tables in the mode stream may be newer than what the capture process has linked: ${behind}${stopped === null ? "" : `, and ${stopped}`}. Run audit-publisher capture, and verify again`,
      "sources",
    );
  }
}
