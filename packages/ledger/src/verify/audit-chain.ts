import { payloadHash } from "@scidex/audit-core";
import type postgres from "postgres";
import { type Anchor, ANCHOR_KIND, anchorCount, anchorPk, anchorPkPrefix, DEFAULT_LEDGER_NAME } from "./anchor.ts";
import { driverCode, driverMessage } from "../store/driver-error.ts";
import { LedgerError } from "../errors.ts";
import type { LedgerSource } from "../store/ledger.ts";
import { type ChainReport, judgeChain, type VerifyOptions } from "./verify.ts";

/** The `postgres` driver, connected to the database that holds the audit chain. */
export type ChainClient = postgres.Sql;

/** What became of one agent. */
export interface Anchored {
  readonly report: ChainReport;
  /** The link's seq in the audit chain; null if nothing was anchored: a chain that is broken, or has no rows. */
  readonly seq: bigint | null;
}

/**
 * Reads what the audit chain holds of an agent. The rows of the chain are taken as they are: `audit-verify` is what checks
 * them.
 *
 * @throws {LedgerError} `no_chain` if there is no audit chain, `unreachable`
 */
export async function readAnchors(
  chain: ChainClient,
  agentId: string,
  ledger: string = DEFAULT_LEDGER_NAME,
): Promise<Anchor[]> {
  const prefix = anchorPkPrefix(ledger, agentId);
  const found = await asking(
    () => chain<{ event_pk: string; payload_hash: Buffer }[]>`
      SELECT event_pk, payload_hash FROM public.audit_chain
      WHERE event_kind = ${ANCHOR_KIND} AND starts_with(event_pk, ${prefix})`,
  );
  return found.flatMap(({ event_pk, payload_hash }) => {
    const count = anchorCount(ledger, agentId, event_pk);
    return count === null ? [] : [{ count, payloadHash: payload_hash }];
  });
}

/**
 * The agents of which the audit chain has anchors, so that those without any row left are found as well. Agents whose id is
 * too long for a key stand there by its hash and cannot be listed.
 *
 * @throws {LedgerError} `no_chain`, `unreachable`
 */
export async function anchoredAgents(chain: ChainClient, ledger: string = DEFAULT_LEDGER_NAME): Promise<string[]> {
  const found = await asking(
    () => chain<{ event_pk: string }[]>`
      SELECT event_pk FROM public.audit_chain WHERE event_kind = ${ANCHOR_KIND}`,
  );
  const agents = new Set<string>();
  for (const { event_pk } of found) {
    const agent = agentOf(ledger, event_pk);
    if (agent !== null) agents.add(agent);
  }
  return [...agents].toSorted();
}

function agentOf(ledger: string, pk: string): string | null {
  try {
    const parts: unknown = JSON.parse(pk);
    if (!Array.isArray(parts)) return null;
    const [name, agent] = parts as unknown[];
    return name === ledger && typeof agent === "string" && anchorCount(ledger, agent, pk) !== null ? agent : null;
  } catch {
    return null;
  }
}

/**
 * Records the head of an agent's chain in the audit chain, through its door for events without a table. The chain is verified
 * first, earlier anchors included: what is broken is reported and not anchored. Repeating it without new rows changes nothing.
 *
 * @throws {LedgerError} as `verifyChain`; `no_chain`; `anchor_conflict` if the audit chain holds another anchor for so many rows;
 *   `unreachable`
 */
export async function anchorAgent(
  db: LedgerSource,
  chain: ChainClient,
  agentId: string,
  options: Omit<VerifyOptions, "anchors"> = {},
): Promise<Anchored> {
  const { ledger = DEFAULT_LEDGER_NAME } = options;
  const anchors = await readAnchors(chain, agentId, ledger);
  const { report, payload } = await judgeChain(db, agentId, { ...options, anchors }, "report and payload");
  if (payload === null) return { report, seq: null };
  const pk = anchorPk(ledger, agentId, report.events);
  const hash = Buffer.from(payloadHash(payload));
  const [link] = await asking(
    () => chain<{ seq: string }[]>`
      SELECT seq::text AS seq FROM public.audit_chain_append(${ANCHOR_KIND}, ${pk}, ${hash})`,
  );
  if (link === undefined) throw new LedgerError("unreachable", "the audit chain gave back no link");
  return { report: { ...report, anchored: report.events }, seq: BigInt(link.seq) };
}

async function asking<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    const code = driverCode(error);
    const message = driverMessage(error);
    if (code === "42P01" || code === "42883" || code === "3F000")
      throw new LedgerError("no_chain", "the database has no audit chain: audit-chain init makes it", { cause: error });
    if (code === "AC001")
      throw new LedgerError("anchor_conflict", `the audit chain holds another anchor: ${message}`, { cause: error });
    throw new LedgerError("unreachable", `the audit chain's database failed: ${message}`, { cause: error });
  }
}
