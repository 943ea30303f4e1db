import type { Frontier, Head, Seconds, Seq } from "@scidex/audit-core";

/**
 * What is kept of a published head. A log can have a hundred thousand lines, and a whole head, with its note and its
 * proof, takes several times as much memory.
 */
export interface PublishedHead {
  readonly seq: Seq;
  /** 32 bytes. */
  readonly chainHash: Uint8Array;
  /** Root of the tree of `seq` leaves. 32 bytes. */
  readonly root: Uint8Array;
  readonly appendedAt: string;
  readonly publishedAt: string;
  readonly signedTime: Seconds;
  /** The tree's frontier (`Frontier.hashes`), one hash after another. */
  readonly subtrees: Uint8Array;
  /** Keys of the log that have signed it, as vkeys. */
  readonly logKeys: readonly string[];
}

export function toPublished(head: Head): PublishedHead {
  const { seq, chainHash, root, appendedAt, publishedAt, signedTime, frontier, signedBy } = head;
  return {
    seq,
    chainHash,
    root,
    appendedAt,
    publishedAt,
    signedTime,
    subtrees: Buffer.concat(frontier.hashes),
    logKeys: signedBy.logKeys,
  };
}

/** The tree that the head signs, to be appended to. */
export function frontierOf(head: PublishedHead): Frontier {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < head.subtrees.length; at += 32) hashes.push(head.subtrees.subarray(at, at + 32));
  return { size: head.seq, hashes };
}
