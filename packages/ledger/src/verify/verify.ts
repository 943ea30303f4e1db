import type { KeyObject } from "node:crypto";
import { sha256 } from "@scidex/audit-core";
import { type Anchor, anchorHolds, type AnchorPayload, anchorPayloads, DEFAULT_LEDGER_NAME } from "./anchor.ts";
import { type BreakReason, type ChainFault, type ChainRow, walkChain } from "./chain.ts";
import { LedgerError } from "../errors.ts";
import { decodeRow, type RawRow } from "../event/event.ts";
import { fits } from "../event/hmac.ts";
import { ledgerOf, type LedgerSource } from "../store/ledger.ts";
import { LedgerSecrets } from "../event/secrets.ts";
import { signedText } from "../event/signed-text.ts";
import type { LedgerStore } from "../store/store.ts";

export interface VerifyOptions {
  /**
   * Default: from `AUDIT_LEDGER_SALT` and `AUDIT_LEDGER_SALT_PREVIOUS`. Null judges without a secret: links and anchors
   * only, which proves no more rows than have been anchored.
   */
  readonly secrets?: LedgerSecrets | null;
  /** What the audit chain holds of this agent: see `readAnchors`. Without anchors a cut tail cannot be seen. */
  readonly anchors?: readonly Anchor[];
  /** The ledger's name in its anchors. */
  readonly ledger?: string;
}

/** What was found about one agent's chain. A finding is data: nothing is thrown for a broken chain. */
export interface ChainReport {
  readonly agent_id: string;
  readonly valid: boolean;
  /** How many rows the agent has. */
  readonly events: number;
  /** The first fault. `id` is null only where no row is left to name; for `truncated` it is the last row that is left. */
  readonly brokenAt?: { readonly id: string | null; readonly reason: BreakReason };
  /** The last row along the links. */
  readonly head: { readonly id: string; readonly hmac: string } | null;
  /** So many rows from the first on are exactly those that were anchored; null if no anchor was given. */
  readonly anchored: number | null;
}

/**
 * Judges an agent's whole chain: every row's HMAC, the links from the first row to the last, and the anchors.
 * An agent without rows is valid with 0 events, unless rows of it have been anchored.
 *
 * @throws {LedgerError} `no_secret`, `missing_table`, `unreachable`, `busy`, `closed`
 */
export async function verifyChain(
  db: LedgerSource,
  agentId: string,
  options: VerifyOptions = {},
): Promise<ChainReport> {
  const { report } = await judgeChain(db, agentId, options, "report");
  return report;
}

/** What one reading of an agent's rows gives. */
export interface Judgement {
  readonly report: ChainReport;
  /** What an anchor of exactly the rows that were judged would record; null where the chain is broken or empty. */
  readonly payload: AnchorPayload | null;
}

/**
 * `verifyChain`, with the payload of an anchor: nothing is anchored that was not judged in the same reading. For a report
 * without anchors the rows' digests are not computed, which take a fifth of the time.
 */
export async function judgeChain(
  db: LedgerSource,
  agentId: string,
  options: VerifyOptions,
  wanted: "report" | "report and payload",
): Promise<Judgement> {
  const { anchors = [], ledger = DEFAULT_LEDGER_NAME } = options;
  const secrets = options.secrets === undefined ? LedgerSecrets.fromEnvironment(process.env) : options.secrets;
  const keys = secrets === null ? null : (await secrets.keys()).accepted;
  const { store } = ledgerOf(db);
  const digests = wanted !== "report" || anchors.length > 0;
  const rows = await readChain(store, agentId, keys, { expected: anchors.length > 0, digests });
  const { order, fault } = walkChain(rows);
  const last = order.at(-1);
  const head = last === undefined ? null : { id: last.id, hmac: last.hmac };
  const counts = new Set([...anchors.map(({ count }) => count), order.length]);
  const payloads = anchorPayloads(ledger, agentId, digests ? order : [], counts);
  const held = checkAnchors(payloads, order, anchors);
  const brokenAt = (await faultOf(store, agentId, fault, last)) ?? held.brokenAt;
  const found = { agent_id: agentId, events: rows.length, head, anchored: held.anchored };
  if (brokenAt !== null) return { report: { ...found, valid: false, brokenAt }, payload: null };
  return { report: { ...found, valid: true }, payload: payloads.get(order.length) ?? null };
}

type Break = NonNullable<ChainReport["brokenAt"]>;

/** What the links say, after looking for rows of this chain that stand under another agent. */
async function faultOf(
  store: LedgerStore,
  agentId: string,
  fault: ChainFault | null,
  last: ChainRow | undefined,
): Promise<Break | null> {
  if (fault !== null) {
    const moved = fault.missing === undefined ? null : await store.strayed(agentId, "hmac", fault.missing);
    return moved === null ? { id: fault.id, reason: fault.reason } : { id: moved, reason: "wrong_agent" };
  }
  if (last === undefined) return null;
  // A last row that was filed under another agent leaves no gap here, but it still names this chain's head.
  const moved = await store.strayed(agentId, "prev_hmac", last.hmac);
  return moved === null ? null : { id: moved, reason: "wrong_agent" };
}

/** The agents that have rows, in the database's order. @throws {LedgerError} `missing_table`, `unreachable`, `busy` */
export async function listAgents(db: LedgerSource): Promise<string[]> {
  const { store } = ledgerOf(db);
  await requireTable(store);
  return store.agents();
}

/** Reads the agent's rows. A table that is not there is an error, unless anchors say that there were rows. */
async function readChain(
  store: LedgerStore,
  agentId: string,
  keys: readonly KeyObject[] | null,
  { expected, digests }: { readonly expected: boolean; readonly digests: boolean },
): Promise<ChainRow[]> {
  const rows: ChainRow[] = [];
  if (expected && !(await store.hasTable())) return rows;
  await requireTable(store);
  await store.scan({ agent_id: agentId }, (row) => rows.push(judge(row, keys, digests)));
  return rows;
}

async function requireTable(store: LedgerStore): Promise<void> {
  if (!(await store.hasTable())) throw new LedgerError("missing_table", "the database has no table audit_events");
}

function judge(row: RawRow, keys: readonly KeyObject[] | null, digests: boolean): ChainRow {
  const event = decodeRow(row);
  if (event === null)
    return {
      id: String(row.id),
      prev: typeof row.prev_hmac === "string" ? row.prev_hmac : null,
      hmac: String(row.hmac),
      digest: null,
      fault: "malformed",
    };
  const text = signedText(event);
  return {
    id: event.id,
    prev: event.prev_hmac,
    hmac: event.hmac,
    digest: digests ? sha256(text) : null,
    fault: keys === null || fits(keys, text, event.hmac) ? null : "hmac",
  };
}

/** Compares with the anchors, smallest count first, as far as they hold. */
function checkAnchors(
  payloads: ReadonlyMap<number, AnchorPayload>,
  order: readonly ChainRow[],
  anchors: readonly Anchor[],
): { readonly anchored: number | null; readonly brokenAt: Break | null } {
  let anchored: number | null = anchors.length === 0 ? null : 0;
  for (const anchor of anchors.toSorted((a, b) => a.count - b.count)) {
    const payload = payloads.get(anchor.count);
    if (payload === undefined) return { anchored, brokenAt: { id: order.at(-1)?.id ?? null, reason: "truncated" } };
    if (!anchorHolds(payload, anchor))
      return { anchored, brokenAt: { id: order[anchor.count - 1]?.id ?? null, reason: "anchor" } };
    anchored = anchor.count;
  }
  return { anchored, brokenAt: null };
}
