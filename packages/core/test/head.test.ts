import { describe, expect, it } from "vitest";
import {
  appendLeaf,
  emptyFrontier,
  formatCheckpoint,
  formatHeadLine,
  type Frontier,
  frontierRoot,
  generateKeyFile,
  type HeadParts,
  lastLeafProof,
  leafHash,
  type Link,
  nextLink,
  openNote,
  headTrust,
  parseHeadLine,
  parseKeyFile,
  parseSeconds,
  parseVerifierKey,
  payloadHash,
  signHead,
  signNote,
  toHex,
} from "../src/index.ts";
import { codeOf } from "./code-of.ts";
import { type LinkVector, linkOf } from "./link-vector.ts";
import { type Negative, vectors } from "./vectors.ts";

const go = vectors("heads") as {
  origin: string;
  vkeys: string[];
  heads: { name: string; line: string; valid: boolean }[];
};
const { links } = vectors("links") as { links: LinkVector[] };
const trust = headTrust(go.vkeys, go.origin);
const valid = go.heads.filter((head) => head.valid);
const line = go.heads.find(({ name }) => name === "seq-20")?.line ?? "";

describe("heads", () => {
  it.each(valid)("agree with Go on $name", ({ line }) => {
    const head = parseHeadLine(line, trust);
    const vector = links[Number(head.seq) - 1];
    if (vector === undefined) throw new Error("no such link");
    const link = linkOf(vector);
    expect(formatHeadLine(head)).toBe(line);
    expect(head.origin).toBe(go.origin);
    expect(head.chainHash).toEqual(link.chainHash);
    expect(head.appendedAt).toBe(link.appendedAt);
    expect(head.entry).toBe(vector.leaf);
    expect(head.leaf).toMatchObject({ eventKind: link.eventKind, eventPk: link.eventPk });
    expect(toHex(head.root)).toBe(vector.root);
    expect(toHex(frontierRoot(head.frontier))).toBe(vector.root);
    expect(head.frontier.size).toBe(head.seq);
    expect(head.signedTime).toBe(parseSeconds(head.publishedAt));
  });

  it.each((vectors("negative/head") as { cases: (Negative & { text: string })[] }).cases)(
    "refuses $name with $code",
    ({ text, code }) => {
      expect(codeOf(() => parseHeadLine(text, trust))).toBe(code);
    },
  );

  it("goes on from a head's frontier to the next heads' roots without the rows before", () => {
    let frontier: Frontier = parseHeadLine(valid[0]?.line ?? "", trust).frontier;
    for (const { leaf, root } of links.slice(1)) {
      frontier = appendLeaf(frontier, leafHash(leaf));
      expect(toHex(frontierRoot(frontier))).toBe(root);
    }
  });

  it("refuses every single-bit change of every character of a line", () => {
    const bytes = Buffer.from(line);
    const codes = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      codes.add(codeOf(() => parseHeadLine(changed.toString(), trust)));
    }
    expect(codes).not.toContain("none");
    // Each of the barriers was hit.
    for (const code of [
      "head_malformed",
      "note_malformed",
      "origin_mismatch",
      "signature_missing",
      "signature_invalid",
      "head_member_mismatch",
      "leaf_malformed",
      "proof_mismatch",
    ]) {
      expect(codes).toContain(code);
    }
  });

  it("refuses every character taken out, doubled or replaced", () => {
    const accepted: string[] = [];
    for (let at = 0; at <= line.length; at++) {
      const [head, tail] = [line.slice(0, at), line.slice(at)];
      const changes = [
        head + tail.slice(1),
        head + tail.slice(0, 1) + tail,
        `${head}\u0000${tail}`,
        `${head} ${tail.slice(1)}`,
      ];
      // A space may be put where one stood, and nothing can be taken out at the end.
      accepted.push(
        ...changes.filter((changed) => changed !== line && codeOf(() => parseHeadLine(changed, trust)) === "none"),
      );
    }
    expect(accepted).toEqual([]);
  });

  it("refuses every member taken from every other head", () => {
    const heads = valid.map(({ line }) => parseHeadLine(line, trust));
    const members = ["seq", "chainHash", "appendedAt", "publishedAt", "checkpoint", "entry", "proof"] as const;
    for (const head of heads.filter(({ seq }) => seq % 5n === 0n)) {
      for (const other of heads) {
        for (const member of members) {
          const changed: HeadParts = { ...head, [member]: other[member] };
          const changedLine = formatHeadLine(changed);
          if (changedLine === formatHeadLine(head)) continue;
          const code = codeOf(() => parseHeadLine(changedLine, trust));
          // The same tree signed at the same time, with a witness more or in another order, is as good.
          const same = other.seq === head.seq && other.signedTime === head.signedTime && member === "checkpoint";
          expect(code === "none").toBe(same);
        }
      }
    }
  });

  it("tells another log from a missing signature", () => {
    const [log, timestamp] = trust.verifiers;
    if (log === undefined || timestamp === undefined) throw new Error("two keys");
    const code = (origin: string | undefined, verifiers: (typeof log)[]) =>
      codeOf(() => parseHeadLine(line, { origin, verifiers }));
    expect(code(undefined, [log, timestamp])).toBe("none");
    expect(code(undefined, [timestamp])).toBe("origin_mismatch");
    expect(code(undefined, [])).toBe("origin_mismatch");
    expect(code("example.com/log", [log, timestamp])).toBe("origin_mismatch");
    expect(code(go.origin, [])).toBe("signature_missing");
    expect(code(go.origin, [timestamp])).toBe("signature_missing");
    expect(code(go.origin, [log])).toBe("signature_missing");
  });

  const publisher = (origin: string) => {
    const { text, vkeys } = generateKeyFile(origin);
    return { keys: parseKeyFile(text), verifiers: vkeys.map(parseVerifierKey) };
  };
  const chain = (length: number): { leaf: Link; before: Frontier } => {
    let before = emptyFrontier;
    let leaf: Link | null = null;
    for (let i = 0; i < length; i++) {
      if (leaf !== null) before = appendLeaf(before, leafHash(links[i - 1]?.leaf ?? ""));
      leaf = nextLink(leaf, {
        ...linkOf(links[i] ?? ({} as LinkVector)),
        payloadHash: payloadHash({ id: links[i]?.event_pk }),
      });
    }
    if (leaf === null) throw new Error("an empty chain has no head");
    return { leaf, before };
  };

  it("signs heads that it reads, of every length", () => {
    const { keys, verifiers } = publisher("example.com/a");
    for (let length = 1; length <= links.length; length++) {
      const signed = signHead({ keys, ...chain(length), time: 1_777_381_200n });
      const head = parseHeadLine(signed, { origin: "example.com/a", verifiers });
      expect(head.seq).toBe(BigInt(length));
      expect(toHex(head.root)).toBe(links[length - 1]?.root);
      expect(head.publishedAt).toBe("2026-04-28T13:00:00Z");
      expect(openNote(head.checkpoint, verifiers).signatures).toHaveLength(2);
    }
  });

  it("does not sign a frontier that the leaf does not follow, nor a time without a text", () => {
    const { keys } = publisher("example.com/a");
    const { leaf, before } = chain(5);
    expect(codeOf(() => signHead({ keys, leaf, before: emptyFrontier, time: 1_777_381_200n }))).toBe("tree_range");
    expect(codeOf(() => signHead({ keys, leaf, before, time: 0n }))).toBe("time_range");
    expect(codeOf(() => signHead({ keys, leaf, before, time: 2n ** 60n }))).toBe("time_range");
  });

  it("accepts either key while keys are rotated, and both if they say the same time", () => {
    const [old, fresh] = [publisher("example.com/a"), publisher("example.com/a")];
    const both = { origin: "example.com/a", verifiers: [...old.verifiers, ...fresh.verifiers] };
    const head = (keys: typeof old.keys) => signHead({ keys, ...chain(7), time: 1_777_381_200n });
    for (const { keys } of [old, fresh]) expect(parseHeadLine(head(keys), both).seq).toBe(7n);
    const parts = parseHeadLine(head(old.keys), both);
    const { text } = openNote(parts.checkpoint, old.verifiers);
    const signers = [old.keys.log, fresh.keys.log, old.keys.timestamp];
    const twice = (time: bigint) => {
      const other = signNote(text, [fresh.keys.timestamp], { time }).split("\n\n")[1] ?? "";
      return formatHeadLine({ ...parts, checkpoint: signNote(text, signers, { time: 1_777_381_200n }) + other });
    };
    expect(parseHeadLine(twice(1_777_381_200n), both).signedTime).toBe(1_777_381_200n);
    expect(codeOf(() => parseHeadLine(twice(1_777_381_201n), both))).toBe("head_member_mismatch");
    // Who knows the new keys only ignores the old ones' signatures.
    expect(codeOf(() => parseHeadLine(head(old.keys), { ...both, verifiers: fresh.verifiers }))).toBe(
      "signature_missing",
    );
  });

  it("are signed by the log's ML-DSA-44 key too, without which who trusts it takes none", () => {
    const { text, vkeys } = generateKeyFile("example.com/a", { postQuantum: true });
    const keys = parseKeyFile(text);
    const strong = headTrust(vkeys, "example.com/a");
    const signed = signHead({ keys, ...chain(7), time: 1_777_381_200n });
    expect(parseHeadLine(signed, strong).signedBy).toEqual({
      logKeys: [vkeys[0]],
      timeKeys: [vkeys[1]],
      strongKeys: [vkeys[2]],
    });
    const weak = headTrust(vkeys.slice(0, 2), "example.com/a");
    expect(parseHeadLine(signed, weak).signedBy.strongKeys).toEqual([]);
    const parts = parseHeadLine(signed, strong);
    const lines = parts.checkpoint.split("\n");
    const changed = (checkpoint: string) => formatHeadLine({ ...parts, checkpoint });
    const without = changed(lines.toSpliced(-2, 1).join("\n"));
    expect(codeOf(() => parseHeadLine(without, weak))).toBe("none");
    expect(codeOf(() => parseHeadLine(without, strong))).toBe("signature_missing");
    const flipped = changed(parts.checkpoint.replace(/.(?=.{20}\n$)/u, (one) => (one === "A" ? "B" : "A")));
    expect(codeOf(() => parseHeadLine(flipped, strong))).toBe("signature_invalid");
    // By the right key, of another time.
    const { text: body } = openNote(parts.checkpoint, weak.verifiers);
    const [, late = ""] = keys.postQuantum
      ? signNote(body, [keys.postQuantum], { time: 1_777_381_201n }).split("\n\n")
      : [];
    expect(codeOf(() => parseHeadLine(changed(`${lines.slice(0, -2).join("\n")}\n${late}`), strong))).toBe(
      "head_member_mismatch",
    );
  });

  it("refuses a genuine signature of a time that has no text", () => {
    const { keys, verifiers } = publisher("example.com/a");
    const parts = parseHeadLine(signHead({ keys, ...chain(3), time: 1_777_381_200n }), { verifiers });
    const { text } = openNote(parts.checkpoint, verifiers);
    for (const time of [0n, 253_402_300_800n, 2n ** 63n - 1n]) {
      const checkpoint = signNote(text, [keys.log, keys.timestamp], { time });
      const changed = formatHeadLine({ ...parts, checkpoint });
      expect(codeOf(() => parseHeadLine(changed, { verifiers }))).toBe("head_member_mismatch");
    }
  });

  it("refuses a signed tree whose last leaf has another seq", () => {
    const { keys, verifiers } = publisher("example.com/a");
    const parts = parseHeadLine(signHead({ keys, ...chain(3), time: 1_777_381_200n }), { verifiers });
    // A publisher's mistake, genuinely signed: the leaf of seq 3 as the fourth of the tree.
    const { before } = chain(4);
    const root = frontierRoot(appendLeaf(before, leafHash(parts.entry)));
    const text = formatCheckpoint({ origin: "example.com/a", size: 4n, root });
    const checkpoint = signNote(text, [keys.log, keys.timestamp], { time: 1_777_381_200n });
    const wrong = formatHeadLine({ ...parts, seq: 4n, checkpoint, proof: lastLeafProof(before) });
    expect(codeOf(() => parseHeadLine(wrong, { verifiers }))).toBe("head_member_mismatch");
  });

  it("takes no other trusted key for the log's or for its time-stamping key", () => {
    const { keys } = vectors("notes") as { keys: { vkey: string }[] };
    const verifiers = keys.map(({ vkey }) => parseVerifierKey(vkey));
    const code = (wanted: string, origin?: string) =>
      codeOf(() => parseHeadLine(go.heads.find(({ name }) => name === wanted)?.line ?? "", { origin, verifiers }));
    for (const origin of [go.origin, undefined]) {
      expect(code("with-a-witness", origin)).toBe("none");
      expect(code("cosigned-by-a-witness-only", origin)).toBe("signature_missing");
      expect(code("our-origin-signed-by-another-log", origin)).toBe("signature_missing");
    }
    // Its own log's key has signed it, but our time-stamping key is not that log's.
    expect(code("another-log")).toBe("signature_missing");
    expect(code("another-log", go.origin)).toBe("origin_mismatch");
  });

  it("refuses lines of any length without reading them", () => {
    expect(codeOf(() => parseHeadLine("[".repeat(2_000_000), trust))).toBe("head_malformed");
    expect(codeOf(() => parseHeadLine(`{"seq":${"9".repeat(1_000_000)}}`, trust))).toBe("head_malformed");
  });
});
