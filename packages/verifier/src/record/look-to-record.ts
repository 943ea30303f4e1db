import { type Seq, splitKind } from "@scidex/audit-core";
import type { Divergence, KnownServer } from "@scidex/audit-reader";
import type { Sql } from "postgres";
import { historiesOf, type KindHistory } from "../coverage/config.ts";
import { startDeadline } from "../deadline.ts";
import { untilLinked } from "../until-linked.ts";
import type { Observations } from "../report/observations.ts";
import type { Recorder } from "../rows/check-tables.ts";
import { emptyTally, type RowToRecord, type SourceTally } from "../rows/comparison.ts";
import { parseTrust, type Trust } from "../trust.ts";
import { observe } from "../verification.ts";
import { VERIFY_DEFAULTS } from "../verify-options.ts";
import { isOutstanding, newestShapeChange } from "../coverage/generations.ts";
import { type RowBatch, RowBatches } from "./row-batches.ts";

export type { RowBatch } from "./row-batches.ts";

/** A table whose shape has changed since rows of it were recorded, as it is now. */
export interface TableToRecord {
  readonly kind: string;
  readonly relation: string;
  /** The link of the configuration that its rows are to be recorded under. */
  readonly configuration: Seq;
  /** Rows that were held against what had been recorded of them, and fit; those that have been recorded anew or are to be. */
  readonly compared: number;
  /** Rows for which that could not be done. */
  readonly notCompared: number;
  /** Changes that could not be compared with the event before them. */
  readonly changesNotCompared: number;
  /** Rows that are still to be recorded. */
  readonly batches: readonly RowBatch[];
  /** Whether these are all of them: a look holds a bounded number. */
  readonly isWhole: boolean;
  /** Whether that is only because changes of its rows wait to be linked. */
  readonly isWaiting: boolean;
  /** Why nothing of it may be stated; null where all of it fits. */
  readonly problem: string | null;
}

/** What came of looking for rows that are to be recorded anew. */
export interface RecordingLook {
  /** The last link; null for an empty chain. */
  readonly last: { readonly seq: Seq; readonly chainHash: Uint8Array } | null;
  readonly server: KnownServer | null;
  readonly tables: readonly TableToRecord[];
  /** What was found in the chain or against the published heads: then nothing is to be recorded. */
  readonly divergences: readonly Divergence[];
  /** Why it cannot be told what is to be recorded; null where it can. */
  readonly doubt: string | null;
}

/** Records rows that fit what was recorded of them, as soon as there are enough for a batch. */
export interface BatchRecorder {
  /**
   * Takes rows of a table. They are handed over only where nothing was found in the chain or against the heads.
   *
   * @param seen the last link of the look
   */
  take(kind: string, batch: RowBatch, seen: Seq): void;
  /** Waits until all that was taken is recorded: another look would take it again. */
  finish(): Promise<unknown>;
}

/** Options of `lookToRecord`. */
export interface RecordingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Records rows while others are still compared. Without it all are in the result. */
  readonly recorder?: BatchRecorder | undefined;
  /**
   * Whether it is known that nothing has been recorded anew yet: whether all of it has, sums tell sooner than a comparison
   * in order, which then would come on top.
   */
  readonly isFirst?: boolean | undefined;
  /** No more rows are held at once. */
  readonly maxRows?: number | undefined;
}

/** Some 100 MB. */
const MAX_ROWS = 1_000_000;

/**
 * Verifies the chain against the published heads and compares all tables with it, and says which rows are to be recorded
 * anew since the shape of their table has changed: for the publisher, who records them, looks again, and signs a statement
 * of what it has compared. It has no policy: what could not be compared is the auditor's to judge.
 *
 * @throws as `verify`
 */
export async function lookToRecord(sql: Sql, trust: Trust, options: RecordingOptions = {}): Promise<RecordingLook> {
  const parsed = parseTrust(trust);
  const deadline = startDeadline(VERIFY_DEFAULTS.maxDurationMs, options.signal);
  const checks = ["links", "heads", "sources"] as const;
  const look = async (earlier?: Observations) => {
    const tables = new TablesToRecord(options);
    const seen = await observe(sql, parsed, { checks, allowUnanchored: true }, deadline, {
      ...(earlier === undefined ? {} : { earlier }),
      recorder: tables,
    });
    return { seen, tables };
  };
  const isLinked = async ({ stream }: Observations): Promise<boolean> => {
    const until = performance.now() + VERIFY_DEFAULTS.captureWaitMs;
    return stream === null || (await untilLinked(sql, stream.writtenTo, until, deadline.passed));
  };
  try {
    let { seen, tables } = await look();
    // What was found once may be what DDL has hidden from a snapshot.
    if (seen.findings.unconfirmed > 0 || seen.isTransient) {
      await isLinked(seen);
      await options.recorder?.finish();
      ({ seen, tables } = await look(seen));
    }
    // Then a row whose change was not linked in this look has a newer event, and the door passes it over.
    return resultOf(seen, tables, await isLinked(seen));
  } finally {
    deadline.clear();
  }
}

/** What one look has seen of one table. */
interface Seen {
  readonly batches: RowBatches;
  /** Takes what is full of the batches; undefined where they are kept. */
  readonly take: ((batch: RowBatch) => void) | undefined;
  /** Rows that are findings. */
  readonly found: RowBatches;
  compared: number;
  notCompared: number;
  isWhole: boolean;
  /** Why it could not be compared, where it could not. */
  tally: SourceTally | string | null;
}

class TablesToRecord implements Recorder {
  readonly seen = new Map<string, Seen>();
  readonly #options: RecordingOptions;
  #rows = 0;

  constructor(options: RecordingOptions) {
    this.#options = options;
  }

  readonly begin: Recorder["begin"] = (history, generations, soundTo) => {
    if (!isOutstanding(history, generations)) return undefined;
    const { kind, current } = history;
    const { recorder } = this.#options;
    // Of a table of the mode `stream`, a change that was not linked in this look has to be linked first.
    const isKept = recorder === undefined || soundTo === null || current.mode === "stream";
    const seen = {
      ...nothingSeen(),
      take: isKept ? undefined : (batch: RowBatch) => recorder.take(kind, batch, soundTo),
    };
    this.seen.set(kind, seen);
    return (row) => this.#take(seen, row);
  };

  readonly inOrder: Recorder["inOrder"] = (history, generations) =>
    this.#options.isFirst === true && isOutstanding(history, generations);

  readonly vouched: Recorder["vouched"] = ({ kind }, notCompared) => {
    this.seen.set(kind, { ...nothingSeen(), notCompared, tally: emptyTally() });
  };

  readonly end: Recorder["end"] = ({ kind }, result) => {
    const seen = this.seen.get(kind);
    if (seen !== undefined) seen.tally = result;
  };

  #take(seen: Seen, row: RowToRecord): void {
    if (row.fit === "compared") seen.compared++;
    else seen.notCompared++;
    if (row.isRecorded) return;
    if (this.#rows >= (this.#options.maxRows ?? MAX_ROWS)) {
      seen.isWhole = false;
      return;
    }
    this.#rows++;
    const { batches, take } = seen;
    (row.fit === "finding" ? seen.found : batches).add(row);
    if (take !== undefined) for (const batch of batches.takeFull()) take(batch);
  }
}

const nothingSeen = (): Seen => ({
  batches: new RowBatches(),
  take: undefined,
  found: new RowBatches(),
  compared: 0,
  notCompared: 0,
  isWhole: true,
  tally: null,
});

/** @param isLinked whether all changes that the look has seen in tables of the mode `stream` are linked by now */
function resultOf(looked: Observations, { seen }: TablesToRecord, isLinked: boolean): RecordingLook {
  const { chain, server, findings, generations, overview, unproven } = looked;
  const all = findings.list();
  const isListed = findings.count === all.length && findings.unconfirmed === 0;
  const divergences = all.filter(({ group }) => group !== "sources");
  const found = (kind: string): Divergence[] =>
    all.filter(({ group, eventKind }) => group === "sources" && splitKind(eventKind ?? "").kind === kind);
  const doubt = unproven.find(({ group }) => group !== "sources")?.reason;
  const why = (history: KindHistory, tally: Seen["tally"]): string | null => {
    const [first] = found(history.kind);
    if (divergences.length > 0) return "the chain is not what was published";
    if (doubt !== undefined) return doubt;
    if (first !== undefined) return `${first.check}: ${first.message}`;
    if (!isLinked && history.current.mode === "stream")
      return "changes of its rows wait to be linked by audit-publisher capture";
    if (!isListed) return "the database changed while it was compared, or has more findings than can be listed";
    if (tally === null) return `${history.current.relation} could not be compared`;
    if (typeof tally === "string") return tally;
    return tally.waiting > 0 ? `${tally.waiting} of its rows have changes that wait to be linked` : null;
  };
  const matched = new Map((overview.kinds?.listed ?? []).map((kind) => [kind.kind, kind.matched]));
  const tables = [...historiesOf(overview.coverage ?? []).values()].flatMap((history): TableToRecord[] => {
    const { kind, current } = history;
    const configuration = newestShapeChange(history)?.seq;
    if (configuration == null || !isOutstanding(history, generations.get(kind) ?? [])) return [];
    const table = seen.get(kind);
    const tally = typeof table?.tally === "object" ? table.tally : null;
    // Where the sums of rows and events are the same, no row was walked along: each is as it was recorded.
    const isVouched = table === undefined && matched.get(kind) != null;
    return [
      {
        kind,
        relation: current.relation,
        configuration,
        compared: table?.compared ?? 0,
        notCompared: table?.notCompared ?? 0,
        changesNotCompared: tally?.incomparable ?? 0,
        batches: [...(table?.batches.list() ?? []), ...(table?.found.list() ?? [])],
        isWhole: table?.isWhole ?? true,
        isWaiting: (tally?.waiting ?? 0) > 0 && why(history, emptyTally()) === null,
        problem: why(history, isVouched ? emptyTally() : (table?.tally ?? null)),
      },
    ];
  });
  const { last } = chain;
  return {
    last: last && { seq: last.seq, chainHash: last.chainHash },
    server,
    tables,
    divergences,
    doubt: doubt ?? (overview.coverage === null ? "the configuration could not be read" : null),
  };
}
