import {
  appendLeaf,
  emptyFrontier,
  generateKeyFile,
  leafHash,
  leafText,
  type Link,
  nextLink,
  parseHeadLine,
  parseKeyFile,
  parseTime,
  parseVerifierKey,
  sha256,
  signHead,
} from "@scidex/audit-core";
import { expect, it } from "vitest";
import { type ChainRow, type Finding, HeadChecker, toPublished } from "../../src/index.ts";

const { text, vkeys } = generateKeyFile("example.org/log");
const keys = parseKeyFile(text);
const verifiers = vkeys.map(parseVerifierKey);

const LENGTH = 12;

/** The links of a chain, and its heads at some of them. */
function chainWithHeads(at: readonly bigint[]) {
  const links: Link[] = [];
  const heads = [];
  let tree = emptyFrontier;
  for (let n = 1; n <= LENGTH; n++) {
    const link = nextLink(links.at(-1) ?? null, {
      eventKind: "thing",
      eventPk: String(n),
      payloadHash: sha256(String(n)),
      beforeHash: n % 3 === 0 ? sha256(String(n - 1)) : null,
      appendedAt: `2026-04-28T12:00:${String(n).padStart(2, "0")}.000000Z`,
    });
    links.push(link);
    if (at.includes(link.seq))
      heads.push(
        toPublished(parseHeadLine(signHead({ keys, leaf: link, before: tree, time: 1_777_400_000n }), { verifiers })),
      );
    tree = appendLeaf(tree, leafHash(leafText(link)));
  }
  return { links, heads };
}

it("every change of a leaf is found in the interval of its head", () => {
  const { links, heads } = chainWithHeads([3n, 7n, 12n]);
  const rows: ChainRow[] = links.map((link) => ({ ...link, appendedAt: parseTime(link.appendedAt), isBroken: false }));
  const check = (changed: readonly ChainRow[], more = false) => {
    const found: Finding[] = [];
    const checker = new HeadChecker(heads, new Map(), emptyFrontier, (finding) => found.push(finding));
    for (const row of changed) checker.push(row);
    checker.finish(more);
    return { found, anchoredTo: checker.anchoredTo };
  };
  expect(check(rows)).toEqual({ found: [], anchoredTo: 12n });
  for (const [n, row] of rows.entries()) {
    const [from, to] = n < 3 ? [1n, 3n] : n < 7 ? [4n, 7n] : [8n, 12n];
    for (const change of [
      { eventPk: "x" },
      { eventKind: "x" },
      { payloadHash: sha256("x") },
      { chainHash: sha256("x") },
      { beforeHash: sha256("x") },
      { appendedAt: (row.appendedAt ?? 0n) + 1n },
    ]) {
      const { found } = check(rows.with(n, { ...row, ...change }));
      expect(found).toEqual([expect.objectContaining({ check: "head_mismatch", fromSeq: from, toSeq: to })]);
    }
    expect(check(rows.slice(0, n)).found).toContainEqual(
      expect.objectContaining({ check: "truncated", seq: BigInt(n + 1) }),
    );
    expect(check(rows.slice(0, n), true).found.map((f) => f.check)).not.toContain("truncated");
  }
});
