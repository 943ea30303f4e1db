import { CoreError, type Head, type ProofTrust, type Seq } from "@scidex/audit-core";
import { type Finding, type HeadLog, type LogTrust, newestHeadBefore, VerifierError } from "@scidex/audit-reader";
import { SinkError, type TreeFiles } from "@scidex/audit-sinks";
import type { Sql } from "postgres";
import { type EventProof, proveLink } from "./prove-event.ts";
import { shownCheckpoint } from "./shown-checkpoint.ts";
import { treeFromChain } from "./tree-from-chain.ts";

/** So many links get a proof, the first that findings name: a page carries all of them. */
const MAX_PROOFS = 100;

/** A longer chain is not read once more for them, where no sink keeps the tree: that takes a second for every 100,000 links. */
const MAX_LINKS = 1_000_000n;

/** Proofs of the links that findings name. */
export interface LinkProofs {
  /** By seq, what was published there. Each has been verified against a published checkpoint. */
  readonly made: ReadonlyMap<Seq, EventProof>;
  /** Why other links have none, in words, with how many they are. */
  readonly missing: ReadonlyMap<string, number>;
}

/** What proofs are made from. */
interface ProofSources {
  readonly sql: Sql;
  readonly heads: readonly HeadLog[];
}

/**
 * Proves what was published as the links that findings name: from the trees that sinks keep, else from the chain, whose links are
 * read once for all of them. Of a link that is damaged in the database, only a tree outside can still show what it was.
 */
export async function proveFindings(
  { sql, heads }: ProofSources,
  trust: LogTrust,
  findings: readonly Finding[],
): Promise<LinkProofs> {
  const named = [...new Set(findings.flatMap(({ seq }) => (seq === undefined ? [] : [seq])))];
  const missing = new Map<string, number>();
  const made = new Map<Seq, EventProof>();
  const none = (why: string, seqs: readonly Seq[]): LinkProofs => {
    if (seqs.length > 0) missing.set(why, seqs.length);
    return { made, missing };
  };
  if (named.length === 0) return { made, missing };
  const head = await newestHeadBefore(heads, trust, FOREVER);
  if (head === undefined) return none("no sink was read that holds a head of this log", named);
  const published = named.filter((seq) => seq >= 1n && seq <= head.seq);
  none(
    "newer than the last published head",
    named.filter((seq) => !published.includes(seq)),
  );
  none(`only the first ${MAX_PROOFS} get one`, published.slice(MAX_PROOFS));
  let open = published.slice(0, MAX_PROOFS);
  // The newest log's own name, where one has followed another by the reader's policy.
  const believed = { ...trust, origin: head.origin };
  for (const { files } of heads) if (files !== undefined) open = await proveFrom(files, believed, open, made);
  const isShort = head.seq <= MAX_LINKS;
  if (open.length > 0 && isShort) open = await proveFromLinks(sql, head, believed, open, made);
  return none(isShort ? DAMAGED : TOO_LONG, open);
}

/** Later than any signed time. */
const FOREVER = 2n ** 63n;

const DAMAGED =
  "the chain is not what was published, or cannot be read, and no sink keeps a tree that shows what it was";
const TOO_LONG = `no sink keeps the tree, and of more than ${MAX_LINKS.toLocaleString("en")} links that is read by audit-chain prove only`;

/** @returns the seqs that could not be proven from this tree */
async function proveFrom(
  files: TreeFiles,
  trust: ProofTrust,
  seqs: readonly Seq[],
  made: Map<Seq, EventProof>,
): Promise<Seq[]> {
  const open: Seq[] = [];
  const shown = await orUnproven(async () => await shownCheckpoint(files, trust));
  for (const seq of seqs) {
    const proof = shown && (await orUnproven(async () => await proveLink(files, shown, trust, seq)));
    if (proof === undefined) open.push(seq);
    else made.set(seq, proof);
  }
  return open;
}

/** Undefined where the files are not what was signed, or cannot be read. */
async function orUnproven<T>(prove: () => Promise<T>): Promise<T | undefined> {
  try {
    return await prove();
  } catch (error) {
    if (error instanceof SinkError || error instanceof VerifierError || error instanceof CoreError) return undefined;
    throw error;
  }
}

async function proveFromLinks(
  sql: Sql,
  head: Head,
  trust: ProofTrust,
  seqs: Seq[],
  made: Map<Seq, EventProof>,
): Promise<Seq[]> {
  let files: TreeFiles;
  try {
    files = await treeFromChain(sql, head, seqs);
  } catch {
    // Whatever the database does instead of giving its links, what was found stands.
    return seqs;
  }
  return await proveFrom(files, trust, seqs, made);
}
