import { describe, expect, it } from "vitest";
import { formatAddCheckpoint, parseCosignatures, parseVerifierKey, parseWitnessSize, sha256 } from "../../src/index.ts";
import { codeOf } from "../code-of.ts";
import { cosigned, newKey, TEXT, TIME } from "./cosigned.ts";

const [w1, w2, stranger] = [newKey("w.example/1", 4), newKey("w.example/2", 6), newKey("stranger.example", 4)];
const keys = [w1, w2].map(({ vkey }) => parseVerifierKey(vkey));
const checkpoint = cosigned([]);

/** The answer of a witness with these keys. */
const answer = (signers: Parameters<typeof cosigned>[0], time = TIME): string =>
  cosigned(signers, time).slice(checkpoint.length);

describe("add-checkpoint", () => {
  it("is the old size, the proof, an empty line and the checkpoint", () => {
    const hash = sha256("a");
    const base64 = Buffer.from(hash).toString("base64");
    expect(formatAddCheckpoint({ oldSize: 3n, proof: [hash, hash], checkpoint })).toBe(
      `old 3\n${base64}\n${base64}\n\n${checkpoint}`,
    );
    expect(formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint })).toBe(`old 0\n\n${checkpoint}`);
  });

  it("is refused with more hashes than any proof has, or what is no checkpoint", () => {
    const proof = Array.from({ length: 64 }, () => sha256(""));
    expect(codeOf(() => formatAddCheckpoint({ oldSize: 1n, proof, checkpoint }))).toBe("proof_malformed");
    expect(codeOf(() => formatAddCheckpoint({ oldSize: -1n, proof: [], checkpoint }))).toBe("tree_range");
    expect(codeOf(() => formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint: TEXT }))).toBe("note_malformed");
  });
});

describe("an answer", () => {
  it("has the cosignatures by the witness's keys; those of others are left out", () => {
    expect(parseCosignatures(answer([w1]), checkpoint, keys)).toEqual([answer([w1])]);
    const [one, two] = [answer([w1]), answer([w2])];
    expect(parseCosignatures(`${one}${answer([stranger])}${two}`, checkpoint, keys)).toEqual([one, two]);
  });

  it.each<[string, string, string]>([
    ["has none by a key of the witness", answer([stranger]), "signature_missing"],
    [
      "is of another checkpoint",
      cosigned([w1], TIME, TEXT.replace("\n7\n", "\n8\n")).split("\n\n")[1] ?? "",
      "signature_invalid",
    ],
    ["has a time of 0", answer([w1], 0n), "signature_invalid"],
    ["has one key twice", answer([w1]).repeat(2), "note_malformed"],
    ["is empty", "", "note_malformed"],
    ["is a page", "<html>200 OK</html>\n", "note_malformed"],
    ["does not end with a newline", answer([w1]).slice(0, -1), "note_malformed"],
    ["has an empty line, and a text of its own", `x\n\n${answer([w1])}`, "note_malformed"],
    ["begins with an empty line", `\n${answer([w1])}`, "note_malformed"],
    ["has too many lines", answer([stranger]).repeat(101), "note_malformed"],
  ])("that %s is refused", (_, body, code) => {
    expect(codeOf(() => parseCosignatures(body.replace("example.com/log\n", ""), checkpoint, keys))).toBe(code);
  });

  it("is refused with any bit of the cosignature flipped", () => {
    const [, name = "", base64 = ""] = answer([w1]).trimEnd().split(" ");
    const bytes = Buffer.from(base64, "base64");
    for (let at = 0; at < bytes.length; at++) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] ?? 0) ^ 1;
      const body = `— ${name} ${bad.toString("base64")}\n`;
      // With another key ID it is somebody else's.
      const code = at < 4 ? "signature_missing" : "signature_invalid";
      expect(
        codeOf(() => parseCosignatures(body, checkpoint, keys)),
        `byte ${at}`,
      ).toBe(code);
    }
  });

  it("of a conflict is a size in its one form", () => {
    expect(parseWitnessSize("0\n")).toBe(0n);
    expect(parseWitnessSize("20852163\n")).toBe(20_852_163n);
    for (const body of [
      "",
      "\n",
      "1",
      "01\n",
      "+1\n",
      "-1\n",
      "1\r\n",
      "1 \n",
      "1\n\n",
      "1e3\n",
      "9".repeat(19) + "\n",
      "9".repeat(30) + "\n",
    ])
      expect(parseWitnessSize(body), JSON.stringify(body)).toBe(undefined);
  });
});
