import type { HeadTrust } from "@scidex/audit-core";
import { type Leaves, SinkError } from "@scidex/audit-sinks";
import { type Checked, failureOf } from "./check-sinks.ts";
import type { Divergence } from "../divergence.ts";
import { copyMissing, sinksDisagree } from "./sink-copy.ts";
import { scanSink } from "./sink-scan.ts";
import { EMPTY_RECORD, hasGap, type SinkRecord, type State, withDelivered } from "../state/state.ts";
import type { StateFile } from "../state/state-file.ts";

export interface Delivery {
  readonly name: string;
  readonly status: "ok" | "behind" | "tampered";
  readonly lines: number;
  readonly message: string | null;
  readonly record: SinkRecord;
  readonly finding: Divergence | undefined;
}

const ATTEMPTS = 3;

/**
 * Appends to every sink what is in its outbox, each on its own, then brings those up that were added, and notes in the
 * state what has arrived. What could not be delivered stays in the outbox for the next run.
 *
 * @param leaves the chain's leaves, for sinks that keep the tree
 */
export async function deliver(
  checked: readonly Checked[],
  file: StateFile,
  trust: HeadTrust,
  leaves: Leaves,
): Promise<Delivery[]> {
  const { state } = file;
  const inOrder = checked.map((one) => ({ ...one, record: state.sinks[one.sink.name] ?? EMPTY_RECORD }));
  const delivered = new Map<string, Delivery>();
  await Promise.all(
    inOrder
      .filter(({ record }) => !hasGap(state, record))
      .map(async (one) => delivered.set(one.sink.name, await deliverOutbox(one, state, trust, leaves))),
  );
  const reference = inOrder.find(({ sink }) => {
    const { status, record } = delivered.get(sink.name) ?? {};
    return status === "ok" && record !== undefined && record.lines === state.log.lines;
  });
  const all = await Promise.all(
    inOrder.map(async (one) => delivered.get(one.sink.name) ?? fill(one, reference, state, leaves)),
  );
  const changed = all.filter(({ name, record }) => record !== EMPTY_RECORD && state.sinks[name] !== record);
  if (changed.length > 0)
    await file.save({
      ...state,
      sinks: { ...state.sinks, ...Object.fromEntries(changed.map(({ name, record }) => [name, record])) },
    });
  return all;
}

async function deliverOutbox(one: Checked, state: State, trust: HeadTrust, leaves: Leaves): Promise<Delivery> {
  const { sink } = one;
  let { record, end } = one;
  const name = sink.name;
  if (end === undefined) return behind(name, record, one.failure ?? "it could not be read");
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (record.outbox.length > 0) await sink.append(record.outbox, { after: end, leaves });
      return {
        name,
        status: "ok",
        record: withDelivered(record, record.outbox.length),
        lines: record.lines + record.outbox.length,
        message: null,
        finding: undefined,
      };
    } catch (error) {
      const failure = failureOf(error);
      if (!(error instanceof SinkError && error.code === "conflict") || attempt === ATTEMPTS)
        return behind(name, record, failure);
    }
    // It has changed since it was read. A push of a publisher that was killed may have landed only now: then our own
    // lines are there. Anything else is a finding.
    try {
      const scan = await scanSink(sink, state, record, trust);
      if (scan.finding)
        return {
          name,
          status: "tampered",
          record,
          lines: record.lines,
          message: scan.finding.message,
          finding: scan.finding,
        };
      if (scan.newer)
        return behind(
          name,
          record,
          "it got lines of ours meanwhile that are not from here: another publisher runs with a copy of this key",
        );
      ({ record, end } = scan);
    } catch (error) {
      return behind(name, record, failureOf(error));
    }
  }
}

async function fill(one: Checked, reference: Checked | undefined, state: State, leaves: Leaves): Promise<Delivery> {
  const { sink, record } = one;
  if (one.failure !== undefined) return behind(sink.name, record, one.failure);
  if (!reference)
    return behind(
      sink.name,
      record,
      "it lacks older lines, and no other sink that has them can be read: keep one of the sinks that were used before in AUDIT_SINKS until this one has been filled",
    );
  try {
    const filled = await copyMissing(sink, reference.sink, state.log, leaves);
    if (filled)
      return { name: sink.name, status: "ok", record: filled, lines: filled.lines, message: null, finding: undefined };
    const finding = sinksDisagree(sink, reference.sink, record.lines);
    return { name: sink.name, status: "tampered", record, lines: record.lines, message: finding.message, finding };
  } catch (error) {
    return behind(sink.name, record, failureOf(error));
  }
}

const behind = (name: string, record: SinkRecord, message: string): Delivery => ({
  name,
  status: "behind",
  record,
  lines: record.lines,
  message,
  finding: undefined,
});
