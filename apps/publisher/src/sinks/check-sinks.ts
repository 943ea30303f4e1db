import type { HeadTrust } from "@scidex/audit-core";
import type { Publication } from "@scidex/audit-reader";
import { type Sink, SinkError } from "@scidex/audit-sinks";
import type { Divergence } from "../divergence.ts";
import { compareSinks, sinksDisagree } from "./sink-copy.ts";
import { scanSink } from "./sink-scan.ts";
import { EMPTY_RECORD, hasGap, type SinkRecord, type State } from "../state/state.ts";

/** A sink, read and compared with the state. */
export interface Checked {
  readonly sink: Sink;
  readonly record: SinkRecord;
  /** Length in bytes of its complete lines; undefined where it could not be read. */
  readonly end: number | undefined;
  readonly finding: Divergence | undefined;
  /** The newest line of ours that it holds and the state does not know. */
  readonly newer: Publication | undefined;
  /** Why it could not be read. */
  readonly failure: string | undefined;
}

export interface CheckedSinks {
  readonly sinks: readonly Checked[];
  /** The state with what was found to have arrived; the same object where that is nothing new. */
  readonly state: State;
  readonly warnings: readonly string[];
}

/** Reads all sinks, each on its own, and compares them with the state, and those that were added with the others. */
export async function checkSinks(sinks: readonly Sink[], state: State, trust: HeadTrust): Promise<CheckedSinks> {
  const warnings: string[] = [];
  const checked = await Promise.all(
    sinks.map(async (sink): Promise<Checked & { beyond: boolean }> => {
      const record = state.sinks[sink.name] ?? EMPTY_RECORD;
      try {
        const scan = await scanSink(sink, state, record, trust);
        if (scan.warning !== undefined) warnings.push(`${sink.name}: ${scan.warning}`);
        warnings.push(...(sink.warnings?.() ?? []));
        return {
          sink,
          record: scan.record,
          end: scan.end,
          finding: scan.finding,
          newer: scan.newer,
          failure: undefined,
          beyond: scan.beyond,
        };
      } catch (error) {
        return {
          sink,
          record,
          end: undefined,
          finding: undefined,
          newer: undefined,
          failure: failureOf(error),
          beyond: false,
        };
      }
    }),
  );
  const reference = checked
    .filter((one) => isReference(one, state))
    .toSorted((a, b) => b.record.lines - a.record.lines)[0];
  const sinksChecked = await Promise.all(
    checked.map(async (one) => (one.beyond ? compared(one, reference, state) : one)),
  );
  const changed = sinksChecked.filter(
    ({ sink, record }) => state.sinks[sink.name] !== record && record !== EMPTY_RECORD,
  );
  return {
    sinks: sinksChecked,
    state:
      changed.length === 0
        ? state
        : {
            ...state,
            sinks: { ...state.sinks, ...Object.fromEntries(changed.map(({ sink, record }) => [sink.name, record])) },
          },
    warnings: [...warnings, ...unconfigured(state, sinks)],
  };
}

function unconfigured(state: State, sinks: readonly Sink[]): string[] {
  const names = new Set(sinks.map(({ name }) => name));
  return Object.entries(state.sinks)
    .filter(([name, record]) => !names.has(name) && record !== EMPTY_RECORD)
    .map(([name]) => `${name} has been written to before and is not among the sinks any more`);
}

/** A sink that has been read and lacks nothing but what is in its outbox: others are measured by it. */
export function isReference(one: Checked, state: State): boolean {
  return (
    one.end !== undefined &&
    one.finding === undefined &&
    one.newer === undefined &&
    !hasGap(state, one.record) &&
    one.record.lines > 0
  );
}

async function compared(one: Checked, reference: Checked | undefined, state: State): Promise<Checked> {
  if (!reference)
    return {
      ...one,
      failure: "it can't be compared, because no other sink that has the whole log can be read",
      end: undefined,
    };
  try {
    const { common, differs, longer } = await compareSinks(one.sink, reference.sink);
    // What is known to have been signed ends where the log does; a sink that lags behind it can't judge.
    if (longer && reference.record.lines < state.log.lines)
      return { ...one, failure: "it can't be compared before another sink has been caught up", end: undefined };
    return differs || longer ? { ...one, finding: sinksDisagree(one.sink, reference.sink, common) } : one;
  } catch (error) {
    return { ...one, failure: failureOf(error), end: undefined };
  }
}

/** Errors of a sink are part of the result; anything else is a mistake of ours. */
export function failureOf(error: unknown): string {
  if (error instanceof SinkError) return error.message;
  throw error;
}
