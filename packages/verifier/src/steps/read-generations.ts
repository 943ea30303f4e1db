import { type Seq, type Statement, toHex } from "@scidex/audit-core";
import { eachTuple, type Lane, type PublishedHeads, type Relation } from "@scidex/audit-reader";
import type { Histories } from "../coverage/read-histories.ts";
import { type Generation, type Generations, NO_GENERATIONS } from "../coverage/generations.ts";
import { CHAIN, type Noted } from "./noted.ts";

/** The kind of the links that record statements. */
const STATEMENT_KIND = "audit_chain_statement";

/**
 * Holds the statements of the sinks against the chain: each must have its own link, behind the links that it names, and
 * these must have the hashes that it names. One that does not fit is as if it were not there; that the chain is another
 * than it was is what the published heads say.
 */
export async function readGenerations(
  lane: Lane,
  chain: Relation,
  published: PublishedHeads | null,
  histories: Histories | null,
  noted: Noted,
): Promise<Generations> {
  const statements = (published?.statements ?? []).filter(({ kind, configuration }) =>
    histories?.get(kind)?.configs.some(({ seq }) => seq === configuration.seq),
  );
  if (statements.length === 0) return NO_GENERATIONS;
  const links = await noted.orNull(
    CHAIN,
    ["sources", "coverage"],
    async () => await lane.attempt(async (attempt) => await readNamed(attempt, chain, statements)),
  );
  if (links === null) return NO_GENERATIONS;
  const generations = new Map<string, Generation[]>();
  for (const statement of statements.toSorted((a, b) => (a.last.seq < b.last.seq ? -1 : 1))) {
    const seq = links.recorded.get(toHex(statement.hash));
    const isThere = [statement.configuration, statement.last].every(
      (link) => links.hashes.get(link.seq) === toHex(link.chainHash),
    );
    if (seq === undefined || seq <= statement.last.seq || !isThere) continue;
    const list = generations.get(statement.kind);
    if (list === undefined) generations.set(statement.kind, [{ statement, seq }]);
    else list.push({ statement, seq });
  }
  return generations;
}

/** What the chain has of what statements name. */
interface NamedLinks {
  /** Chain hashes by seq, in hex; `several` where a seq has more than one. */
  readonly hashes: ReadonlyMap<Seq, string>;
  /** By the hash of a statement in hex, the first link that records it. */
  readonly recorded: ReadonlyMap<string, Seq>;
}

async function readNamed(lane: Lane, chain: Relation, statements: readonly Statement[]): Promise<NamedLinks> {
  const hashes = new Map<Seq, string>();
  const recorded = new Map<string, Seq>();
  const named = new Set(statements.flatMap(({ configuration, last }) => [configuration.seq, last.seq]));
  const from = [...named].reduce((least, seq) => (seq < least ? seq : least));
  const kind = Buffer.from(STATEMENT_KIND);
  const columns = ["seq", "chain_hash", "event_kind", "event_pk", "payload_hash"];
  await eachTuple(await lane.scan(chain, columns, "binary", { from }), columns.length, (fields) => {
    const [number, chainHash, eventKind, pk, payloadHash] = fields;
    if (number?.length !== 8 || chainHash == null) return;
    const seq = number.readBigInt64BE(0);
    if (named.has(seq)) hashes.set(seq, hashes.has(seq) ? "several" : toHex(chainHash));
    if (eventKind == null || !kind.equals(eventKind) || pk == null || payloadHash == null) return;
    const hash = pk.toString();
    if (toHex(payloadHash) === hash && !recorded.has(hash)) recorded.set(hash, seq);
  });
  return { hashes, recorded };
}
