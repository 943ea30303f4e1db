import type { KeyObject } from "node:crypto";
import { sha256 } from "@scidex/audit-core";
import { type Anchor, anchorHolds, anchorPayloads, DEFAULT_LEDGER_NAME } from "./anchor.ts";
import { type BreakReason, type ChainRow, walkChain } from "./chain.ts";
import { LedgerError } from "./errors.ts";
import { decodeRow, type RawRow } from "./event.ts";
import { fits } from "./hmac.ts";
import { ledgerOf, type LedgerSource } from "./ledger.ts";
import { LedgerSecrets } from "./secrets.ts";
import { signedText } from "./signed-text.ts";
import type { LedgerStore } from "./store.ts";

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
  const { anchors = [], ledger = DEFAULT_LEDGER_NAME } = options;
  const secrets = options.secrets === undefined ? LedgerSecrets.fromEnvironment(process.env) : options.secrets;
  const keys = secrets === null ? null : (await secrets.keys()).accepted;
  const { store } = ledgerOf(db);
  const rows = await readChain(store, agentId, keys, anchors.length > 0);
  const { order, fault } = walkChain(rows);
  const last = order.at(-1);
  const head = last === undefined ? null : { id: last.id, hmac: last.hmac };
  const broken = (id: string | null, reason: BreakReason, anchored: number | null): ChainReport => ({
    agent_id: agentId,
    valid: false,
    events: rows.length,
    brokenAt: { id, reason },
    head,
    anchored,
  });

  const held = checkAnchors(ledger, agentId, order, anchors);
  if (fault?.missing !== undefined) {
    const strayed = await store.strayed(agentId, "hmac", fault.missing);
    if (strayed !== null) return broken(strayed, "wrong_agent", held.anchored);
  }
  if (fault !== null) return broken(fault.id, fault.reason, held.anchored);
  if (last !== undefined) {
    // A last row that was filed under another agent leaves no gap here, but it still names this chain's head.
    const strayed = await store.strayed(agentId, "prev_hmac", last.hmac);
    if (strayed !== null) return broken(strayed, "wrong_agent", held.anchored);
  }
  if (held.mismatch !== null) return broken(held.mismatch, "anchor", held.anchored);
  if (held.truncated) return broken(last?.id ?? null, "truncated", held.anchored);
  return { agent_id: agentId, valid: true, events: rows.length, head, anchored: held.anchored };
}

/** The agents that have rows, in the database's order. @throws {LedgerError} `missing_table`, `unreachable`, `busy` */
export async function listAgents(db: LedgerSource): Promise<string[]> {
  const { store } = ledgerOf(db);
  await requireTable(store);
  return store.agents();
}

/** Reads the agent's rows. A table that is not there is an error, unless anchors say that there were rows. */
export async function readChain(
  store: LedgerStore,
  agentId: string,
  keys: readonly KeyObject[] | null,
  expected: boolean,
): Promise<ChainRow[]> {
  const rows: ChainRow[] = [];
  if (expected && !(await store.hasTable())) return rows;
  await requireTable(store);
  await store.scan({ agent_id: agentId }, (row) => rows.push(judge(row, keys)));
  return rows;
}

async function requireTable(store: LedgerStore): Promise<void> {
  if (!(await store.hasTable())) throw new LedgerError("missing_table", "the database has no table audit_events");
}

function judge(row: RawRow, keys: readonly KeyObject[] | null): ChainRow {
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
    digest: sha256(text),
    fault: keys === null || fits(keys, text, event.hmac) ? null : "hmac",
  };
}

function checkAnchors(
  ledger: string,
  agentId: string,
  order: readonly ChainRow[],
  anchors: readonly Anchor[],
): { anchored: number | null; mismatch: string | null; truncated: boolean } {
  const payloads = anchorPayloads(ledger, agentId, order, new Set(anchors.map(({ count }) => count)));
  let anchored: number | null = anchors.length === 0 ? null : 0;
  for (const anchor of anchors.toSorted((a, b) => a.count - b.count)) {
    const payload = payloads.get(anchor.count);
    if (payload === undefined) return { anchored, mismatch: null, truncated: true };
    if (!anchorHolds(payload, anchor))
      return { anchored, mismatch: order[anchor.count - 1]?.id ?? null, truncated: false };
    anchored = anchor.count;
  }
  return { anchored, mismatch: null, truncated: false };
}
