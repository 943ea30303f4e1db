import { describe, expect, it } from "vitest";
import { formatCheckpoint, requireWitnessed, sha256, signNote, witnessedBy } from "../../src/index.ts";
import { codeOf } from "../code-of.ts";
import { cosigned, logKey, newKey, ORIGIN, own, policyOf, sameSecretAsLog, TEXT, TIME, timeKey } from "./cosigned.ts";

const [a, b, c, pq] = [newKey("a.example", 4), newKey("b.example", 4), newKey("c.example", 4), newKey("pq.example", 6)];
const log = `log ${logKey.vkey}`;
const lines = [log, `witness A ${a.vkey}`, `witness B ${b.vkey}`, `witness C ${c.vkey}`];
const twoOfThree = policyOf(...lines, "group G 2 A B C", "quorum G");

/** The line that one signer has in a note. */
const lineOf = (note: string, name: string): string =>
  note.split("\n").find((line) => line.startsWith(`— ${name} `)) ?? "";

describe("a quorum", () => {
  it.each([
    [[a, b], true, ["A", "B"]],
    [[c, a, b], true, ["A", "B", "C"]],
    [[b], false, ["B"]],
    [[], false, []],
    [[newKey("b.example", 4), newKey("c.example", 4), a], false, ["A"]],
  ])("of two among three is met by who has cosigned (case %#)", (signers, isMet, names) => {
    const witnessed = witnessedBy(cosigned(signers), twoOfThree, own);
    expect(witnessed).toMatchObject({ isMet, quorum: "G", isSigned: true, miscounted: [] });
    expect(witnessed.cosigned.map(({ witness, time }) => [witness.name, time])).toEqual(names.map((n) => [n, TIME]));
  });

  it("is met by groups of groups, as by their witnesses", () => {
    const policy = policyOf(...lines, "group AB all A B", "group G all AB C", "quorum G");
    expect(witnessedBy(cosigned([a, b, c]), policy, own).isMet).toBe(true);
    expect(witnessedBy(cosigned([a, c]), policy, own).isMet).toBe(false);
  });

  it("of nobody is always met, where the log has signed", () => {
    const policy = policyOf(log, "quorum none");
    expect(witnessedBy(cosigned([]), policy, own)).toMatchObject({ isMet: true, quorum: "none" });
    expect(witnessedBy(signNote(TEXT, [newKey(ORIGIN, 1)], { time: TIME }), policy, own)).toMatchObject({
      isMet: false,
      isSigned: false,
    });
  });

  it("counts an ML-DSA-44 cosignature like another", () => {
    const policy = policyOf(log, `witness PQ ${pq.vkey}`, "quorum PQ");
    expect(witnessedBy(cosigned([pq]), policy, own)).toMatchObject({ isMet: true, cosigned: [{ time: TIME }] });
    const bytes = Buffer.from(lineOf(cosigned([pq]), "pq.example").split(" ")[2] ?? "", "base64");
    // The key ID, the time, the signature's first and last byte.
    for (const at of [0, 4, 11, 12, bytes.length - 1]) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] ?? 0) ^ 1;
      const note = `${cosigned([])}— pq.example ${bad.toString("base64")}\n`;
      expect(witnessedBy(note, policy, own).isMet, `byte ${at}`).toBe(false);
    }
    const short = `${cosigned([])}— pq.example ${bytes.subarray(0, -1).toString("base64")}\n`;
    expect(witnessedBy(short, policy, own).isMet).toBe(false);
  });

  it("binds an ML-DSA-44 cosignature to the name of the signer", () => {
    const other = signNote(TEXT, [newKey("pq.example", 6)], { time: TIME });
    const policy = policyOf(`witness PQ ${pq.vkey}`, "quorum PQ");
    expect(witnessedBy(other, policy, own).isMet).toBe(false);
  });
});

describe("what counts for nothing", () => {
  const one = policyOf(log, `witness A ${a.vkey}`, "quorum A");

  it("a time of 0", () => {
    expect(witnessedBy(cosigned([a], 0n), one, own)).toMatchObject({
      isMet: false,
      miscounted: [{ witness: { name: "A" }, reason: "time_zero" }],
    });
    const policy = policyOf(`witness PQ ${pq.vkey}`, "quorum PQ");
    expect(witnessedBy(cosigned([pq], 0n), policy, own).miscounted).toMatchObject([{ reason: "time_zero" }]);
  });

  it("two cosignatures by one key, also the same one twice", () => {
    for (const second of [cosigned([a], TIME + 1n), cosigned([a])]) {
      const twice = `${cosigned([a])}${lineOf(second, "a.example")}\n`;
      expect(witnessedBy(twice, one, own)).toMatchObject({ isMet: false, miscounted: [{ reason: "twice" }] });
    }
  });

  it("a cosignature of another checkpoint, with any bit flipped, or taken away", () => {
    const elsewhere = formatCheckpoint({ origin: ORIGIN, size: 8n, root: sha256("root") });
    const pasted = `${cosigned([])}${lineOf(cosigned([a], TIME, elsewhere), "a.example")}\n`;
    expect(witnessedBy(pasted, one, own)).toMatchObject({ isMet: false, miscounted: [{ reason: "invalid" }] });
    const bytes = Buffer.from(lineOf(cosigned([a]), "a.example").split(" ")[2] ?? "", "base64");
    for (let at = 0; at < bytes.length; at++) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] ?? 0) ^ 4;
      expect(witnessedBy(`${cosigned([])}— a.example ${bad.toString("base64")}\n`, one, own).isMet).toBe(false);
    }
    expect(witnessedBy(cosigned([]), one, own)).toMatchObject({ isMet: false, miscounted: [] });
  });

  it("the log's own keys, by whatever name and type they are in the policy", () => {
    const seed = sameSecretAsLog("elsewhere.example");
    const policy = policyOf(`witness T ${timeKey.vkey}`, `witness L ${seed.vkey}`, "group G any T L", "quorum G");
    expect(witnessedBy(cosigned([timeKey, seed]), policy, own)).toMatchObject({
      isMet: false,
      miscounted: [{ reason: "own_key" }, { reason: "own_key" }],
    });
    // Not even where the reader does not know that key otherwise.
    const named = policyOf(log, `witness L ${seed.vkey}`, "quorum L");
    expect(witnessedBy(cosigned([seed]), named, [])).toMatchObject({ isMet: false });
  });

  it("a cosignature that is older than asked for", () => {
    expect(witnessedBy(cosigned([a]), one, own, { since: TIME }).isMet).toBe(true);
    expect(witnessedBy(cosigned([a]), one, own, { since: TIME + 1n })).toMatchObject({
      isMet: false,
      miscounted: [{ reason: "too_old" }],
    });
  });

  it("anything, where it is required: the message says who has not cosigned and why", () => {
    expect(codeOf(() => requireWitnessed(cosigned([b]), twoOfThree, own))).toBe("witness_missing");
    expect(() => requireWitnessed(cosigned([b, a], 0n), twoOfThree, own)).toThrow(
      'the quorum "G" of the trust policy has not cosigned it, no witness; "A" counts for nothing: its cosignature has no time; "B" counts',
    );
    expect(requireWitnessed(cosigned([a, b]), twoOfThree, own).isMet).toBe(true);
  });
});
