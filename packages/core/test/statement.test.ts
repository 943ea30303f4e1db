import { describe, expect, it } from "vitest";
import {
  canonicalJson,
  emptyFrontier,
  generateKeyFile,
  type HeadTrust,
  headTrust,
  isStatementLine,
  parseCheckpoint,
  parseHeadLine,
  parseHeadParts,
  parseKeyFile,
  parseNote,
  parseStatementLine,
  type RecordedAnew,
  sha256,
  signHead,
  signNote,
  signStatement,
} from "../src/index.ts";
import { codeOf } from "./code-of.ts";

const ORIGIN = "example.com/a";
const TIME = 1_777_381_200n;

const publisher = (origin: string) => {
  const { text, vkeys } = generateKeyFile(origin);
  return { keys: parseKeyFile(text), trust: headTrust(vkeys, origin) };
};
const { keys, trust } = publisher(ORIGIN);
const other = publisher(ORIGIN);
const elsewhere = publisher("example.com/b");

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const statement: RecordedAnew = {
  type: "recorded_anew",
  origin: ORIGIN,
  systemIdentifier: "7577064117291318723",
  database: 'app "ß"\u2028\n',
  kind: "orders",
  configuration: { seq: 1043n, chainHash: hash(1) },
  last: { seq: 2248n, chainHash: hash(2) },
  head: { seq: 1042n, chainHash: hash(3) },
  compared: 1204,
  notCompared: 2,
  changesNotCompared: 3,
};
const sign = (changed: Partial<RecordedAnew> = {}) =>
  signStatement({ keys, statement: { ...statement, ...changed }, time: TIME });
const line = sign();

/** The line of any text that these keys sign. */
const signed = (text: string, { signers = [keys.log, keys.timestamp], time = TIME } = {}): string =>
  JSON.stringify({ statement: signNote(text, signers, { time }) });
const noteOf = (of: string): string => (JSON.parse(of) as { statement: string }).statement;
const jsonOf = (of: string): { [name: string]: unknown } =>
  JSON.parse(parseNote(noteOf(of)).text.split("\n")[1] ?? "") as { [name: string]: unknown };
const textOf = (json: string): string => `audit-chain.statement/v1\n${json}\n`;
const code = (of: string, by: HeadTrust = trust) => codeOf(() => parseStatementLine(of, by));

const leaf = {
  seq: 1n,
  eventKind: "orders",
  eventPk: "1",
  payloadHash: hash(4),
  beforeHash: null,
  chainHash: hash(5),
  appendedAt: "2026-04-28T12:00:00.123456Z",
};
const head = signHead({ keys, leaf, before: emptyFrontier, time: TIME });

describe("statements", () => {
  it("are read as they were signed", () => {
    const { signedTime, signedBy, note, hash, ...read } = parseStatementLine(line, trust);
    expect(read).toEqual(statement);
    expect(signedTime).toBe(TIME);
    expect(signedBy).toEqual({ logKeys: [keys.log.vkey], timeKeys: [keys.timestamp.vkey], strongKeys: [] });
    expect(note).toBe(noteOf(line));
    expect(hash).toEqual(sha256(note));
    expect(signStatement({ keys, statement: read, time: signedTime })).toBe(line);
    expect(parseStatementLine(line, { verifiers: trust.verifiers })).toMatchObject(statement);
  });

  it("have one line of text behind their first, with these members in this order", () => {
    expect(parseNote(noteOf(sign({ database: "app" }))).text).toBe(
      textOf(
        `{"changes_not_compared":3,"compared":1204,"configuration":{"chain_hash":"${"01".repeat(32)}","seq":1043},"database":"app","head":{"chain_hash":"${"03".repeat(32)}","seq":1042},"kind":"orders","last":{"chain_hash":"${"02".repeat(32)}","seq":2248},"not_compared":2,"origin":"example.com/a","system_identifier":"7577064117291318723","type":"recorded_anew"}`,
      ),
    );
  });

  it.each<[string, Partial<RecordedAnew>]>([
    ["no head", { head: null }],
    ["no system identifier", { systemIdentifier: null }],
    ["no row", { compared: 0, notCompared: 0, changesNotCompared: 0 }],
    ["the configuration as the last link", { configuration: statement.last }],
    ["a head of all links", { head: statement.last }],
    ["the highest seq", { last: { seq: 2n ** 53n - 1n, chainHash: hash(2) } }],
    ["the longest kind", { kind: "k".repeat(200) }],
  ])("may have %s", (_, changed) => {
    expect(parseStatementLine(sign(changed), trust)).toMatchObject({ ...statement, ...changed });
  });

  it.each<[string, { readonly [name: string]: unknown }]>([
    ["an unknown type", { type: "begin" }],
    ["a member too many", { more: 1 }],
    ["a member less", { kind: undefined }],
    ["a seq of 0", { configuration: { chain_hash: "01".repeat(32), seq: 0 } }],
    ["a seq that is text", { last: { chain_hash: "01".repeat(32), seq: "2248" } }],
    ["a seq beyond 2^53", { last: { chain_hash: "01".repeat(32), seq: 2 ** 53 } }],
    ["a configuration above the last link", { configuration: { chain_hash: "01".repeat(32), seq: 2249 } }],
    ["a head above the last link", { head: { chain_hash: "01".repeat(32), seq: 2249 } }],
    ["a head that is left out", { head: undefined }],
    ["a link that is none", { last: null }],
    ["a link with a member too many", { last: { chain_hash: "01".repeat(32), seq: 2248, size: 1 } }],
    ["a hash in upper case", { last: { chain_hash: "AB".repeat(32), seq: 2248 } }],
    ["a short hash", { last: { chain_hash: "01", seq: 2248 } }],
    ["a negative count", { compared: -1 }],
    ["half a row", { not_compared: 0.5 }],
    ["a count that is text", { changes_not_compared: "0" }],
    ["the kind of an event with a role", { kind: "orders:record" }],
    ["an empty kind", { kind: "" }],
    ["an empty database", { database: "" }],
    ["a number for the system", { system_identifier: 7 }],
    ["a system identifier with a zero before it", { system_identifier: "07" }],
    ["a system identifier that is no number", { system_identifier: "-7" }],
    ["no origin", { origin: undefined }],
  ])("are refused with %s, whoever has signed it", (_, changed) => {
    expect(code(signed(textOf(canonicalJson({ ...jsonOf(line), ...changed }))))).toBe("statement_malformed");
  });

  it.each<[string, (json: string) => string]>([
    ["white space", (json) => textOf(json.replace(":", ": "))],
    [
      "another order",
      (json) => textOf(JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json) as object).toReversed()))),
    ],
    ["an escape too many", (json) => textOf(json.replace("orders", String.raw`\u006frders`))],
    ["a number written otherwise", (json) => textOf(json.replace("1204", "1204.0"))],
    ["a member twice", (json) => textOf(json.replace("{", '{"compared":1204,'))],
    ["another first line", (json) => textOf(json).replace("/v1", "/v2")],
    ["a line too many", (json) => `${textOf(json)}more\n`],
    ["an empty line too many", (json) => `${textOf(json)}\n`],
    ["a line less", () => "audit-chain.statement/v1\n"],
    ["nothing that is JSON", () => textOf("{")],
    ["an array", () => textOf("[]")],
    ["a billion digits", () => textOf(`{"compared":${"9".repeat(500_000)}}`)],
    ["brackets without end", () => textOf("[".repeat(500_000))],
  ])("are refused with %s in their text, whoever has signed it", (_, change) => {
    expect(code(signed(change(canonicalJson(jsonOf(line)))))).toBe("statement_malformed");
  });

  it.each([
    ["white space", line.replace(":", ": ")],
    ["a member too many", line.replace("{", '{"a":1,')],
    ["another escape", line.replace("audit", String.raw`\u0061udit`)],
    ["nothing", ""],
    ["no object", "[]"],
    ["null", "null"],
    ["no text", '{"statement":1}'],
    ["a line feed", `${line}\n`],
    ["a carriage return", `${line}\r`],
    ["a line of any length", "[".repeat(2_000_000)],
    ["a number of any length", `{"statement":${"9".repeat(1_000_000)}}`],
  ])("are refused as a line that has %s", (_, changed) => {
    expect(code(changed)).toBe("statement_malformed");
  });

  it("are refused with every member of another one", () => {
    const changes: Partial<RecordedAnew>[] = [
      { systemIdentifier: "1" },
      { systemIdentifier: null },
      { database: "another" },
      { kind: "other" },
      { configuration: { seq: 1044n, chainHash: hash(1) } },
      { configuration: { seq: 1043n, chainHash: hash(9) } },
      { last: { seq: 2249n, chainHash: hash(2) } },
      { last: { seq: 2248n, chainHash: hash(9) } },
      { head: null },
      { compared: 1205 },
      { notCompared: 0 },
      { changesNotCompared: 0 },
    ];
    const { text } = parseNote(noteOf(line));
    for (const changed of changes) {
      const { text: changedText } = parseNote(noteOf(sign(changed)));
      expect(changedText).not.toBe(text);
      expect(code(JSON.stringify({ statement: noteOf(line).replace(text, () => changedText) }))).toBe(
        "signature_invalid",
      );
    }
  });

  it("are refused with every single-bit change of every character", () => {
    const bytes = Buffer.from(line);
    const codes = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      codes.add(code(changed.toString()));
    }
    expect(codes).not.toContain("none");
    for (const barrier of [
      "statement_malformed",
      "note_malformed",
      "origin_mismatch",
      "signature_missing",
      "signature_invalid",
    ])
      expect(codes).toContain(barrier);
  });

  it("are refused with every character taken out or doubled", () => {
    const accepted: string[] = [];
    for (let at = 0; at < line.length; at++) {
      const [begin, end] = [line.slice(0, at), line.slice(at)];
      for (const changed of [begin + end.slice(1), begin + end.slice(0, 1) + end])
        if (code(changed) === "none") accepted.push(changed);
    }
    expect(accepted).toEqual([]);
  });

  it("are refused with the keys of another publisher, and of another log", () => {
    expect(code(line, other.trust)).toBe("signature_missing");
    expect(code(line, elsewhere.trust)).toBe("origin_mismatch");
    expect(code(line, { verifiers: elsewhere.trust.verifiers })).toBe("origin_mismatch");
    const [log, timestamp] = trust.verifiers;
    if (log === undefined || timestamp === undefined) throw new Error("two keys");
    expect(code(line, { origin: ORIGIN, verifiers: [log] })).toBe("signature_missing");
    expect(code(line, { origin: ORIGIN, verifiers: [timestamp] })).toBe("signature_missing");
    // Either key while keys are rotated.
    const both = { origin: ORIGIN, verifiers: [...other.trust.verifiers, ...trust.verifiers] };
    expect(code(line, both)).toBe("none");
  });

  it("are refused where the origin is not that of the log that has signed", () => {
    const text = textOf(canonicalJson({ ...jsonOf(line), origin: "example.com/b" }));
    expect(code(signed(text))).toBe("origin_mismatch");
    expect(code(signed(text), { verifiers: [...trust.verifiers, ...elsewhere.trust.verifiers] })).toBe(
      "signature_missing",
    );
  });

  it("have the signatures of the log and of its time, in this order, and no others", () => {
    const { text } = parseNote(noteOf(line));
    const by = (...signers: (typeof keys.log)[]) => code(signed(text, { signers }));
    expect(by(keys.log, keys.timestamp)).toBe("none");
    expect(by(keys.log)).toBe("signature_missing");
    expect(by(keys.timestamp)).toBe("signature_missing");
    expect(by(keys.timestamp, keys.log)).toBe("statement_malformed");
    expect(by(keys.log, keys.timestamp, elsewhere.keys.timestamp)).toBe("statement_malformed");
    expect(by(keys.log, keys.timestamp, other.keys.log)).toBe("statement_malformed");
    expect(by(keys.log, keys.timestamp, keys.timestamp)).toBe("note_malformed");
  });

  it("are refused at a time that has no text", () => {
    const { text } = parseNote(noteOf(line));
    for (const time of [0n, 253_402_300_800n, 2n ** 63n - 1n]) expect(code(signed(text, { time }))).toBe("time_range");
  });

  it("are not signed where nobody could read them", () => {
    const refused = (changed: Partial<RecordedAnew>) => codeOf(() => sign(changed));
    expect(refused({ configuration: { seq: 0n, chainHash: hash(1) } })).toBe("statement_malformed");
    expect(refused({ configuration: { seq: 2249n, chainHash: hash(1) } })).toBe("statement_malformed");
    expect(refused({ last: { seq: 2n ** 53n, chainHash: hash(1) } })).toBe("statement_malformed");
    expect(refused({ last: { seq: 2n ** 60n + 1n, chainHash: hash(1) } })).toBe("statement_malformed");
    expect(refused({ last: { seq: 2248n, chainHash: hash(1).slice(1) } })).toBe("statement_malformed");
    expect(refused({ compared: Number.NaN })).toBe("statement_malformed");
    expect(refused({ compared: -1 })).toBe("statement_malformed");
    expect(refused({ kind: "a:b" })).toBe("statement_malformed");
    expect(refused({ database: "\ud800" })).toBe("statement_malformed");
    expect(refused({ systemIdentifier: "" })).toBe("statement_malformed");
    expect(refused({ origin: "example.com/b" })).toBe("origin_mismatch");
    for (const time of [0n, 2n ** 60n])
      expect(codeOf(() => signStatement({ keys, statement, time }))).toBe("time_range");
  });

  it("are never heads, nor heads statements", () => {
    expect(codeOf(() => parseHeadLine(line, trust))).toBe("head_malformed");
    expect(codeOf(() => parseHeadParts(line))).toBe("head_malformed");
    expect(codeOf(() => parseCheckpoint(parseNote(noteOf(line)).text))).toBe("checkpoint_malformed");
    expect(code(head)).toBe("statement_malformed");
    // Each other's note, in the place of one's own.
    const { checkpoint } = parseHeadLine(head, trust);
    expect(code(JSON.stringify({ statement: checkpoint }))).toBe("statement_malformed");
    const swapped = head.replace(JSON.stringify(checkpoint), () => JSON.stringify(noteOf(line)));
    expect(swapped).not.toBe(head);
    expect(codeOf(() => parseHeadLine(swapped, trust))).toBe("checkpoint_malformed");
    expect([line, head, '{"statement":', '{"statemen', ""].map(isStatementLine)).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it("are told from the checkpoints of a log that is named like their first line", () => {
    const named = publisher("audit-chain.statement/v1");
    const its = parseHeadLine(signHead({ keys: named.keys, leaf, before: emptyFrontier, time: TIME }), named.trust);
    expect(code(JSON.stringify({ statement: its.checkpoint }), named.trust)).toBe("statement_malformed");
    const of = signStatement({ keys: named.keys, statement: { ...statement, origin: named.keys.origin }, time: TIME });
    expect(code(of, named.trust)).toBe("none");
    expect(codeOf(() => parseCheckpoint(parseNote(noteOf(of)).text))).toBe("checkpoint_malformed");
  });
});
