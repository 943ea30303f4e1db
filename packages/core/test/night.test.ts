import { describe, expect, it } from "vitest";
import {
  generateKeyFile,
  headTrust,
  type Night,
  NO_NIGHT,
  parseKeyFile,
  parseNightLine,
  parseNote,
  sha256,
  signNight,
  signNote,
} from "../src/index.ts";
import { codeOf } from "./code-of.ts";

const NAME = "auditor.example/nights";
const TIME = 1_777_381_200n;
const auditor = (name: string) => {
  const { text, vkeys } = generateKeyFile(name);
  return { keys: parseKeyFile(text), trust: headTrust(vkeys, name) };
};
const { keys, trust } = auditor(NAME);
const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const night: Night = {
  number: 1,
  previous: NO_NIGHT,
  status: "tampered",
  findings: 2,
  accepted: 3,
  head: { seq: 1042n, chainHash: hash(1) },
  anchoredTo: 1000n,
  origin: "example.com/a",
  database: 'app "ß"\u2028\n',
  policy: hash(2),
  approved: { seq: 900n, chainHash: hash(3) },
  report: hash(4),
  version: "0.1.0",
};
const sign = (changed: Partial<Night> = {}) => signNight({ keys, night: { ...night, ...changed }, time: TIME });
const line = sign();
const noteOf = (of: string): string => (JSON.parse(of) as { night: string }).night;
const code = (of: string, by = trust) => codeOf(() => parseNightLine(of, NAME, by));
const signed = (text: string, signers = [keys.log, keys.timestamp]): string =>
  JSON.stringify({ night: signNote(text, signers, { time: TIME }) });

describe("a night", () => {
  it("is read as it was signed, with its time and the hash that the next one names", () => {
    expect(parseNightLine(line, NAME, trust)).toEqual({
      ...night,
      verifier: NAME,
      signedTime: TIME,
      hash: sha256(noteOf(line)),
    });
    const bare = { head: null, policy: null, approved: null, origin: null, status: "unproven" } as const;
    expect(parseNightLine(sign(bare), NAME, trust)).toMatchObject(bare);
  });

  it("is refused with any character changed", () => {
    for (let at = 0; at < line.length; at += 3) {
      const other = line[at] === "0" ? "1" : "0";
      expect(code(line.slice(0, at) + other + line.slice(at + 1))).toMatch(/^[a-z_]+$/u);
    }
  });

  it("is refused from other keys, another verifier, or with a signature more or less", () => {
    expect(code(line, auditor(NAME).trust)).toBe("signature_missing");
    expect(code(line, auditor("other.example/nights").trust)).toBe("origin_mismatch");
    const { text } = parseNote(noteOf(line));
    expect(code(signed(text, [keys.log]))).toBe("signature_missing");
    expect(code(signed(text, [keys.timestamp, keys.log]))).toBe("night_malformed");
    expect(code(signed(text, [keys.log, keys.timestamp, auditor("x").keys.log]))).toBe("night_malformed");
  });

  it.each([
    ["another first line", (text: string) => text.replace("night/v1", "night/v2")],
    ["that of a statement", (text: string) => text.replace("audit-chain.night", "audit-chain.statement")],
    ["a member more", (text: string) => text.replace('"number"', '"more":1,"number"')],
    ["members in another order", (text: string) => text.replace(/\{("accepted":3),(.*)\}/u, "{$2,$1}")],
    ["a status of its own", (text: string) => text.replace('"tampered"', '"fine"')],
    ["the number 0", (text: string) => text.replace('"number":1', '"number":0')],
    ["a negative count", (text: string) => text.replace('"findings":2', '"findings":-2')],
    ["a third line", (text: string) => `${text}more\n`],
  ])("is refused with %s, whoever signs it", (_what, change) => {
    const { text } = parseNote(noteOf(line));
    expect(change(text)).not.toBe(text);
    expect(code(signed(change(text)))).toBe("night_malformed");
  });

  it("is not signed where nobody could read it", () => {
    expect(codeOf(() => sign({ number: 0 }))).toBe("night_malformed");
    expect(codeOf(() => sign({ findings: 1.5 }))).toBe("night_malformed");
    expect(codeOf(() => signNight({ keys, night, time: -1n }))).toBe("time_range");
  });
});
