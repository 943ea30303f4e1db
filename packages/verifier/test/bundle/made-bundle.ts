// A log in files, as its publisher would write it, of whatever leaves one likes.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chainHash,
  eventHash,
  FrontierBuilder,
  formatTime,
  generateKeyFile,
  GENESIS_PREV_HASH,
  type Leaf,
  leafHash,
  leafText,
  parseKeyFile,
  parseLeaf,
  sha256,
  signHead,
} from "@scidex/audit-core";
import { openSink, type Sink } from "@scidex/audit-sinks";
import { onTestFinished } from "vitest";

const ORIGIN = "example.org/bundle";
const { text, vkeys } = generateKeyFile(ORIGIN);
const keys = parseKeyFile(text);

/** What one trusts who reads it. */
export const trust = { origin: ORIGIN, keys: vkeys };

/** Seconds since the Unix epoch: of the first link, and one more for each. */
const BEGIN = 1_790_000_000n;

/** Keys with and without what JSON escapes, changes, and events of several tables. */
function eventOf(seq: number): Pick<Leaf, "eventKind" | "eventPk" | "beforeHash"> {
  if (seq % 7 === 0)
    return { eventKind: "orders:update", eventPk: `${seq - 1}@${seq}`, beforeHash: sha256(`before ${seq}`) };
  if (seq % 5 === 0) return { eventKind: "größen", eventPk: `"${seq}" \\ ü`, beforeHash: null };
  return { eventKind: "orders", eventPk: String(seq), beforeHash: null };
}

/**
 * The leaves of a chain in which each link follows from the one before.
 *
 * @param options.late how many seconds later than it should be a link claims to be
 * @param options.payload what its payload is
 */
export function honestLeaves(
  size: number,
  {
    late = () => 0,
    payload = (seq) => `payload ${seq}`,
  }: { late?: (seq: number) => number; payload?: (seq: number) => string } = {},
): string[] {
  let prev = GENESIS_PREV_HASH;
  return Array.from({ length: size }, (_, i) => {
    const seq = BigInt(i + 1);
    const appendedAt = formatTime((BEGIN + seq + BigInt(late(i + 1))) * 1_000_000n);
    const event = { ...eventOf(i + 1), payloadHash: sha256(payload(i + 1)), appendedAt };
    prev = chainHash(prev, eventHash(event), seq);
    return leafText({ ...event, seq, chainHash: prev });
  });
}

/** @param heads the sizes at which it was published. Returns the folder, and a sink on it */
export async function makeBundle(
  leaves: readonly string[],
  heads: readonly number[],
): Promise<{ readonly folder: string; readonly sink: Sink }> {
  const folder = mkdtempSync(join(tmpdir(), "audit-made-bundle-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const sink = openSink({ kind: "tiles", name: "bundle", path: folder });
  const tree = new FrontierBuilder();
  const lines: string[] = [];
  for (const [i, leaf] of leaves.entries()) {
    if (heads.includes(i + 1))
      lines.push(signHead({ keys, leaf: parseLeaf(leaf), before: tree.frontier(), time: BEGIN + BigInt(i) + 60n }));
    tree.append(leafHash(leaf));
  }
  await sink.append(lines, {
    leaves: async function* (from, to) {
      yield* leaves.slice(Number(from) - 1, Number(to));
    },
  });
  return { folder, sink };
}
