import { describe, expect, it } from "vitest";
import {
  type Begun,
  generateKeyFile,
  headTrust,
  isBeginningLine,
  isSignedByEnded,
  isStatementLine,
  isSuccessor,
  parseBeginningLine,
  parseKeyFile,
  parseNote,
  parseStatementLine,
  sha256,
  signBeginning,
  signNote,
  successorOf,
} from "../src/index.ts";
import { codeOf } from "./code-of.ts";

const TIME = 1_777_381_200n;
const publisher = (origin: string) => {
  const { text, vkeys } = generateKeyFile(origin);
  return { keys: parseKeyFile(text), vkeys, trust: headTrust(vkeys, origin) };
};
const first = publisher("example.com/a");
const second = publisher("example.com/a/2");
const other = publisher("example.com/a/2");

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const begun: Begun = {
  type: "begun",
  origin: "example.com/a/2",
  systemIdentifier: "7577064117291318723",
  database: 'app "ß"\u2028\n',
  reason: 'restored "type":"begun"}\n\n',
  keys: second.vkeys,
  ended: { origin: "example.com/a", head: { seq: 1042n, chainHash: hash(1) }, lines: 12, digest: "ab".repeat(32) },
  fits: { seq: 1000n, chainHash: hash(2) },
  misdated: [
    { from: 17n, to: 17n },
    { from: 20n, to: 30n },
  ],
};
const sign = (changed: Partial<Begun> = {}, { isLost = false } = {}): string =>
  signBeginning({
    keys: second.keys,
    earlier: isLost ? undefined : first.keys,
    begun: { ...begun, ...changed },
    time: TIME,
  });
const line = sign();
const noteOf = (of: string): string => (JSON.parse(of) as { statement: string }).statement;

/** The same text, signed by whom it is signed. */
const signedBy = (...keys: readonly (typeof first.keys)[]): string => {
  const signers = keys.flatMap(({ log, timestamp }) => [log, timestamp]);
  return JSON.stringify({ statement: signNote(parseNote(noteOf(line)).text, signers, { time: TIME }) });
};

describe("the beginning of a log", () => {
  it("says what was signed, by the new log's keys and the ended one's", () => {
    const read = parseBeginningLine(line);
    expect(read).toMatchObject({ ...begun, signedTime: TIME, hash: sha256(noteOf(line)) });
    expect(isSignedByEnded(read, first.trust)).toBe(true);
    expect(isSignedByEnded(read, publisher("example.com/a").trust)).toBe(false);
    const alone = parseBeginningLine(sign({}, { isLost: true }));
    expect(isSignedByEnded(alone, first.trust)).toBe(false);
  });

  it("is told from a statement about a table by its line, whatever it has for a reason", () => {
    expect([isStatementLine(line), isBeginningLine(line)]).toEqual([true, true]);
    expect(isBeginningLine(line.replace("audit-chain.statement", "other"))).toBe(true);
    expect(codeOf(() => parseStatementLine(line, second.trust))).toBe("statement_malformed");
    expect(isBeginningLine(`{"statement":${JSON.stringify(JSON.stringify(begun.reason))}}`)).toBe(false);
  });

  it("is refused where a bit, a member, or a signature is another", () => {
    const code = (of: string) => codeOf(() => parseBeginningLine(of));
    expect(code(line.replace("restored", "Restored"))).toBe("signature_invalid");
    expect(code(line.replace(String.raw`\"fits\"`, String.raw`\"fit\"`))).toBe("statement_malformed");
    expect(code(`${line} `)).toBe("statement_malformed");
    expect(code(signedBy(first.keys))).toBe("signature_missing");
    expect(code(signedBy(other.keys, first.keys))).toBe("signature_missing");
    expect(code(signedBy(first.keys, second.keys))).toBe("statement_malformed");
    expect(code(signedBy(second.keys, first.keys, publisher("example.com/c").keys))).toBe("statement_malformed");
    expect(code(signedBy(second.keys, first.keys))).toBe("none");
  });

  it("names the new log's ML-DSA-44 key, too, where it has one, and no key more", () => {
    const { text, vkeys } = generateKeyFile("example.com/a/2", { postQuantum: true });
    const keys = parseKeyFile(text);
    const signedFor = (named: readonly unknown[]): string =>
      signBeginning({ keys, earlier: first.keys, begun: { ...begun, keys: named as Begun["keys"] }, time: TIME });
    expect(parseBeginningLine(signedFor(vkeys)).keys).toEqual(vkeys);
    for (const named of [vkeys.slice(0, 1), [...vkeys, vkeys[2]], [vkeys[0], vkeys[1], null], [vkeys[0], vkeys[1], 7]])
      expect(codeOf(() => signedFor(named))).toBe("statement_malformed");
  });

  it("is not signed outside its bounds", () => {
    const code = (changed: Partial<Begun>) => codeOf(() => sign(changed));
    expect(code({ origin: "example.com/a/3" })).toBe("statement_malformed");
    expect(code({ reason: " " })).toBe("statement_malformed");
    expect(code({ reason: "x".repeat(2001) })).toBe("statement_malformed");
    expect(code({ fits: { seq: 1043n, chainHash: hash(2) } })).toBe("statement_malformed");
    expect(code({ misdated: [{ from: 3n, to: 2n }] })).toBe("statement_malformed");
    expect(
      code({
        misdated: [
          { from: 3n, to: 4n },
          { from: 4n, to: 5n },
        ],
      }),
    ).toBe("statement_malformed");
    expect(code({ ended: { ...begun.ended, digest: "AB".repeat(32) } })).toBe("statement_malformed");
    expect(code({ keys: other.vkeys })).toBe("signature_missing");
    expect(code({ fits: null, misdated: [] })).toBe("none");
  });
});

describe("names of logs that follow each other", () => {
  it("have a number after them", () => {
    expect([successorOf("a"), successorOf("a/b/2"), successorOf("a/9"), successorOf("a/b/1")]).toEqual([
      "a/2",
      "a/b/3",
      "a/10",
      "a/b/1/2",
    ]);
    expect(isSuccessor("a/12", "a")).toBe(true);
    expect(isSuccessor("a", "a")).toBe(true);
    expect(isSuccessor("a", "a/2")).toBe(false);
    expect(isSuccessor("a/b/2", "a")).toBe(false);
  });
});
