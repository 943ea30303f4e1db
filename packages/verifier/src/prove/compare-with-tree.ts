import {
  eventHash,
  FrontierBuilder,
  GENESIS_PREV_HASH,
  leafHash,
  leafText,
  type Link,
  type ProofTrust,
  sameBytes,
  type Seq,
} from "@scidex/audit-core";
import { VerifierError } from "@scidex/audit-reader";
import type { TreeFiles } from "@scidex/audit-sinks";
import type { Sql } from "postgres";
import { LINK_COLUMNS, type LinkRow, toLink } from "../lookup.ts";
import { shownCheckpoint } from "./shown-checkpoint.ts";
import { eachLeaf } from "./tree-entries.ts";

/** What the database's links are beside those that were published. */
export interface TreeComparison {
  /** How many were published. */
  readonly size: bigint;
  /** Links, as they were published, that the database does not have. */
  readonly missing: readonly Link[];
  /** Links, as they were published, in whose place the database has something else. */
  readonly changed: readonly Link[];
  /**
   * From where on all links up to the chain's end are others than were published: what an older backup has when rows were
   * recorded after it was put back, or somebody has written. Null where it is not so.
   */
  readonly divergesFrom: Seq | null;
  /** Whether the links behind those that were published follow the last of these; true where there are none. */
  readonly isFollowed: boolean;
}

/** More than that are a backup's to bring back. */
const MAX_DIFFERENT = 100_000;

/**
 * Holds each link of the database against the entry of a published tree. Of the tree nothing is believed but what hashes to a
 * signed root; of the database nothing is believed at all.
 *
 * @throws {VerifierError} `not_provable`: the tree is damaged, its checkpoint is none that can be believed, or too much differs
 * @throws {SinkError} where a file cannot be read
 */
export async function compareWithTree(
  sql: Sql,
  files: TreeFiles,
  trust: ProofTrust,
  { signal, onProgress }: { readonly signal?: AbortSignal; readonly onProgress?: (links: number) => void } = {},
): Promise<TreeComparison> {
  const { size, root } = await shownCheckpoint(files, trust);
  const tree = new FrontierBuilder();
  const rows = new Rows(sql, size);
  const missing: Link[] = [];
  const changed: Link[] = [];
  let prevHash = GENESIS_PREV_HASH;
  let divergesFrom: Seq | null = null;
  try {
    for await (const [seq, leaf] of eachLeaf(files, size)) {
      signal?.throwIfAborted();
      if (leaf === null) throw cannot(`its entry of seq ${seq} is damaged or missing`);
      tree.append(leafHash(leafText(leaf)));
      const link: Link = { ...leaf, eventHash: eventHash(leaf), prevHash };
      prevHash = leaf.chainHash;
      const there = await rows.at(seq);
      const isSame = there.length === 1 && there[0] === textOf(link);
      if (isSame) divergesFrom = null;
      else if (there.length === 0) missing.push(link);
      else {
        changed.push(link);
        divergesFrom ??= seq;
      }
      if (missing.length + changed.length > MAX_DIFFERENT)
        throw new VerifierError(
          "not_provable",
          `More than ${MAX_DIFFERENT} links are not what was published: restore a backup.`,
        );
      if (seq % 65_536n === 0n) onProgress?.(Number(seq));
    }
    if (!sameBytes(tree.root(), root)) throw cannot("its entries do not hash to the signed root");
  } finally {
    await rows.close();
  }
  onProgress?.(Number(size));
  const [next] = await sql<{ prev: Uint8Array }[]>`
    select c.prev_hash as prev from only public.audit_chain as c where c.seq > ${String(size)}::bigint order by c.seq limit 1`;
  return { size, missing, changed, divergesFrom, isFollowed: next === undefined || sameBytes(next.prev, prevHash) };
}

const cannot = (why: string): VerifierError =>
  new VerifierError("not_provable", `The tree cannot be believed: ${why} (audit-verify --bundle says more).`);

/** All of a link, for comparing. */
const textOf = (link: Link): string => {
  const hex = (bytes: Uint8Array | null): string => (bytes === null ? "" : Buffer.from(bytes).toString("hex"));
  const { eventKind, eventPk, payloadHash, eventHash: event, prevHash, chainHash, beforeHash, appendedAt } = link;
  const hashes = [payloadHash, event, prevHash, chainHash, beforeHash].map(hex);
  return JSON.stringify([eventKind, eventPk, ...hashes, appendedAt]);
};

const BATCH = 5_000;

/** The database's links up to a size, in the order of seq. */
class Rows {
  readonly #batches: AsyncIterator<LinkRow[]>;
  #rows: LinkRow[] = [];
  #at = 0;

  constructor(sql: Sql, size: bigint) {
    const statement = `select ${LINK_COLUMNS} from only public.audit_chain where public.audit_chain.seq <= $1 order by public.audit_chain.seq`;
    const cursor = sql.unsafe<LinkRow[]>(statement, [String(size)]).cursor(BATCH);
    this.#batches = cursor[Symbol.asyncIterator]();
  }

  /** What stands at a seq: more than one only where the key's constraint is gone. Asked for in ascending order. */
  async at(seq: Seq): Promise<string[]> {
    const found: string[] = [];
    for (let row = await this.#row(); row !== undefined && BigInt(row.seq) <= seq; row = await this.#row()) {
      if (BigInt(row.seq) === seq) found.push(textOf(toLink(row)));
      this.#at++;
    }
    return found;
  }

  async #row(): Promise<LinkRow | undefined> {
    if (this.#at === this.#rows.length) {
      const next = await this.#batches.next();
      this.#rows = next.done === true ? [] : next.value;
      this.#at = 0;
    }
    return this.#rows[this.#at];
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }
}
