import { describe, expect, it } from "vitest";
import {
  formatEventProof,
  formatTlogProof,
  headTrust,
  leafText,
  MAX_TLOG_PROOF_CHARS,
  parseTlogProof,
  verifyProof,
} from "../../src/index.ts";
import { codeOf } from "../code-of.ts";
import { type Negative, vectors } from "../vectors.ts";

const { origin, vkeys } = vectors("heads") as { origin: string; vkeys: string[] };
const { proofs } = vectors("tlog-proofs") as {
  proofs: { name: string; kind: string; pk: string; seq: number; text: string }[];
};
const trust = headTrust(vkeys, origin);

describe("tlog-proofs", () => {
  it.each(proofs)("that Go wrote of $name are read, written again and believed", ({ kind, pk, seq, text }) => {
    const parts = parseTlogProof(text);
    expect(formatTlogProof(parts)).toBe(text);
    const { leaf, size, origin: log } = verifyProof(text, trust, { kind, pk });
    expect([leaf.seq, leaf.eventKind, leaf.eventPk, size, log]).toEqual([BigInt(seq), kind, pk, 20n, origin]);
    const again = formatEventProof({ leaf: leafText(leaf), seq: leaf.seq, ...parts });
    expect(again).toBe(text);
  });

  it.each((vectors("negative/tlog-proof") as { cases: (Negative & (typeof proofs)[number])[] }).cases)(
    "refuse $name with $code",
    ({ kind, pk, text, code }) => {
      expect(codeOf(() => verifyProof(text, trust, { kind, pk }))).toBe(code);
    },
  );

  it("are refused with any character changed, but in what others have signed", () => {
    const { kind, pk, text } = proofs[12] ?? { kind: "", pk: "", text: "" };
    // The last line is a witness's, which this reader does not know.
    const end = text.indexOf("— witness.example/w1");
    const passed: number[] = [];
    for (let at = 0; at < end; at++) {
      const changed = `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
      if (codeOf(() => verifyProof(changed, trust, { kind, pk })) === "none") passed.push(at);
    }
    expect(passed).toEqual([]);
  });

  it("are refused for another kind or key, and with other keys", () => {
    const { kind, pk, text } = proofs[0] ?? { kind: "", pk: "", text: "" };
    expect(codeOf(() => verifyProof(text, trust, { kind, pk: `${pk}x` }))).toBe("event_mismatch");
    expect(codeOf(() => verifyProof(text, trust, { kind: `${kind}:update`, pk }))).toBe("event_mismatch");
    expect(codeOf(() => verifyProof(text, headTrust(vkeys, "example.com/other"), { kind, pk }))).toBe(
      "origin_mismatch",
    );
    expect(codeOf(() => verifyProof(text, headTrust(vkeys.slice(0, 1), origin), { kind, pk }))).toBe(
      "signature_missing",
    );
    expect(codeOf(() => verifyProof(text, headTrust([], undefined), { kind, pk }))).toBe("origin_mismatch");
  });

  it("are held to the last head of keys that have been replaced", () => {
    const { kind, pk, text } = proofs[0] ?? { kind: "", pk: "", text: "" };
    const [log = "", time = ""] = vkeys;
    const { size: last, signedTime: at } = verifyProof(text, trust, { kind, pk });
    const by = (...retired: { key: string; last: bigint; at: bigint }[]) => {
      const verify = () => verifyProof(text, { ...trust, retired }, { kind, pk });
      const code = codeOf(verify);
      return code === "none" ? verify().retiredKey : code;
    };
    expect(by()).toBeNull();
    const end = { key: log, last, at };
    expect(by(end, { ...end, key: time })).toEqual(end);
    expect(by({ ...end, key: time })).toMatchObject({ key: time });
    expect(by({ ...end, key: `${log}x`, last: 1n, at: 0n })).toBeNull();
    // Either key is one too many, of a larger tree or at a later time.
    for (const key of [log, time]) {
      expect(by({ key, last: last - 1n, at })).toBe("retired_key");
      expect(by({ key, last, at: at - 1n })).toBe("retired_key");
      expect(by({ ...end, key: key === log ? time : log }, { key, last, at: at - 1n })).toBe("retired_key");
    }
  });

  it("may have no extra data, and have bounds", () => {
    const parts = parseTlogProof(proofs[0]?.text ?? "");
    const bare = formatTlogProof({ ...parts, extra: null });
    expect(parseTlogProof(bare).extra).toBeNull();
    expect(codeOf(() => verifyProof(bare, trust, { kind: "", pk: "" }))).toBe("proof_malformed");
    expect(codeOf(() => parseTlogProof(bare + "x".repeat(MAX_TLOG_PROOF_CHARS)))).toBe("proof_malformed");
    expect(codeOf(() => parseTlogProof(`${bare.split("\n\n")[0]}\n\n${"x".repeat(1_000)}`))).toBe("note_malformed");
  });
});
