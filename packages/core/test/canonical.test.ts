import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, MAX_JSON_DEPTH, payloadHash, toHex } from "../src/index.ts";
import { codeOf } from "./code-of.ts";
import { vectors } from "./vectors.ts";

interface Cases<T> {
  readonly cases: readonly (T & { name: string; canonical: string; sha256: string })[];
}

describe("canonicalJson", () => {
  const rfc = vectors("rfc8785") as {
    samples: { name: string; input: string; canonical: string }[];
    numbers: { bits: string; text: string }[];
    not_numbers: string[];
  };
  const double = (bits: string): number => Buffer.from(bits, "hex").readDoubleBE();

  it.each(rfc.samples)("writes the sample of RFC 8785, $name", ({ input, canonical }) => {
    expect(canonicalJson(JSON.parse(input))).toBe(canonical);
  });

  it.each(rfc.numbers)("writes the double $bits of RFC 8785, appendix B, as $text", ({ bits, text }) => {
    expect(canonicalJson(double(bits))).toBe(text);
  });

  it.each(rfc.not_numbers)("refuses the double %s of RFC 8785, appendix B", (bits) => {
    expect(codeOf(() => canonicalJson([double(bits)]))).toBe("json_number");
  });

  it.each((vectors("canonical") as Cases<{ value: unknown }>).cases)("agrees with Python on $name", (sample) => {
    expect(canonicalJson(sample.value)).toBe(sample.canonical);
    expect(toHex(payloadHash(sample.value))).toBe(sample.sha256);
  });

  it.each((vectors("payloads") as Cases<{ payload: unknown }>).cases)(
    "agrees with Python on payload $name",
    (sample) => {
      expect(canonicalJson(sample.payload)).toBe(sample.canonical);
      expect(toHex(payloadHash(sample.payload))).toBe(sample.sha256);
    },
  );

  it("does not depend on the order of members, and says what JSON.stringify says once they are sorted", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it("sorts names by UTF-16 code units, not by code points", () => {
    expect(canonicalJson({ "\uffff": 1, "\u{1f600}": 2, a: 3, B: 4 })).toBe('{"B":4,"a":3,"\u{1f600}":2,"\uffff":1}');
  });

  it("writes bytes as PostgreSQL does, also where Buffer has a toJSON of its own", () => {
    const bytes = Uint8Array.of(0, 1, 254, 255, 16).subarray(1, 4);
    const text = String.raw`"\\x01feff"`;
    for (const form of [
      bytes,
      Buffer.from(bytes),
      new Uint8ClampedArray(bytes),
      new DataView(bytes.buffer, 1, 3),
      bytes.slice().buffer,
    ]) {
      expect(canonicalJson(form)).toBe(text);
      expect(canonicalJson({ a: [form] })).toBe(`{"a":[${text}]}`);
    }
    expect(canonicalJson(new SharedArrayBuffer(1))).toBe(String.raw`"\\x00"`);
    expect(canonicalJson(new Uint8Array(0))).toBe(String.raw`"\\x"`);
  });

  it("writes dates, bigints, boxed primitives and minus zero", () => {
    expect(canonicalJson(new Date("2026-04-28T12:00:00.123Z"))).toBe('"2026-04-28T12:00:00.123Z"');
    expect(canonicalJson(2n ** 70n)).toBe('"1180591620717411303424"');
    expect(canonicalJson([Object(1), Object("a"), Object(true), Object(5n), -0])).toBe('[1,"a",true,"5",0]');
  });

  it("leaves out members without a value, but refuses undefined elsewhere", () => {
    expect(canonicalJson({ a: undefined, b: null })).toBe('{"b":null}');
    expect(canonicalJson({ a: { toJSON: () => undefined } })).toBe("{}");
    expect(codeOf(() => canonicalJson(undefined))).toBe("json_unsupported");
    expect(codeOf(() => canonicalJson([undefined]))).toBe("json_unsupported");
    expect(codeOf(() => canonicalJson([{ toJSON: () => undefined }]))).toBe("json_unsupported");
  });

  it("calls toJSON once, with the member's name, and canonicalises what it returns", () => {
    const names: string[] = [];
    const value = {
      toJSON(name: string) {
        names.push(name);
        return { z: 1, a: new Uint8Array(1), toJSON: undefined };
      },
    };
    expect(canonicalJson({ b: value, a: [0, value] })).toBe(
      String.raw`{"a":[0,{"a":"\\x00","z":1}],"b":{"a":"\\x00","z":1}}`,
    );
    expect(names).toEqual(["1", "b"]);
    expect(canonicalJson(new URL("https://example.com/a"))).toBe('"https://example.com/a"');
  });

  it("keeps a member named __proto__", () => {
    expect(canonicalJson(JSON.parse('{"__proto__":{"a":1},"b":2}'))).toBe('{"__proto__":{"a":1},"b":2}');
  });

  it("takes values of another realm for what they are", () => {
    const value: unknown = runInNewContext("({ d: new Date(0), b: new Uint8Array([1]), a: [1], o: { x: null } })");
    expect(canonicalJson(value)).toBe(String.raw`{"a":[1],"b":"\\x01","d":"1970-01-01T00:00:00.000Z","o":{"x":null}}`);
  });

  class Account {
    readonly id = 1;
    readonly #secret = 2;
    sum(): number {
      return this.id + this.#secret;
    }
  }

  it.each([
    ["a function", () => () => 1],
    ["a symbol", () => Symbol("s")],
    ["a symbol as a member's name", () => ({ [Symbol("s")]: 1 })],
    ["a Map", () => new Map([[1, 2]])],
    ["a Set", () => new Set([1])],
    ["a WeakMap", () => new WeakMap()],
    ["a RegExp", () => /a/u],
    ["a Promise", () => Promise.resolve(1)],
    ["an Error", () => new Error("lost")],
    ["an instance of a class", () => new Account()],
    ["an object with an inherited member", () => Object.create({ inherited: 1 })],
    ["a Float64Array", () => new Float64Array(1)],
    ["an Int8Array", () => new Int8Array(1)],
    ["a BigInt64Array", () => new BigInt64Array(1)],
    ["an array with a hole", () => Object.assign([1], { 2: 3 })],
    ["a huge empty array", () => Object.assign([], { length: 2 ** 32 - 1 })],
    ["an array with a named member", () => /a/u.exec("a")],
  ])("refuses %s instead of losing it", (_, make) => {
    expect(codeOf(() => canonicalJson(make()))).toBe("json_unsupported");
    expect(codeOf(() => canonicalJson({ member: [make()] }))).toBe("json_unsupported");
  });

  it("refuses NaN, infinities and invalid dates", () => {
    for (const value of [Number.NaN, Infinity, -Infinity, Object(Number.NaN), new Date(Number.NaN)]) {
      expect(codeOf(() => canonicalJson({ value }))).toBe("json_number");
    }
  });

  it("refuses lone surrogates in text and in names", () => {
    for (const text of ["\ud800", "a\udc00", "\ude00\ud83d", "\ud83d\ud83d\ude00"]) {
      expect(codeOf(() => canonicalJson(text))).toBe("json_surrogate");
      expect(codeOf(() => canonicalJson({ [text]: 1 }))).toBe("json_surrogate");
    }
  });

  it("refuses cycles, also through toJSON, but not the same object twice", () => {
    const shared = { a: 1 };
    expect(canonicalJson([shared, shared, { shared }])).toBe('[{"a":1},{"a":1},{"shared":{"a":1}}]');
    const cycle: Record<string, unknown> = {};
    cycle["a"] = [{ cycle }];
    expect(codeOf(() => canonicalJson(cycle))).toBe("json_cycle");
    const replaced: Record<string, unknown> = { toJSON: () => ({ inner: replaced }) };
    expect(codeOf(() => canonicalJson(replaced))).toBe("json_cycle");
  });

  it("bounds depth and length with codes", () => {
    const nested = (depth: number, wrap: (value: unknown) => unknown): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < depth; i++) value = wrap(value);
      return value;
    };
    for (const wrap of [(v: unknown) => [v], (v: unknown) => ({ v }), (v: unknown) => ({ toJSON: () => ({ v }) })]) {
      expect(codeOf(() => canonicalJson(nested(100_000, wrap)))).toBe("json_too_deep");
    }
    expect(canonicalJson(nested(MAX_JSON_DEPTH, (v) => [v]))).toHaveLength(2 * MAX_JSON_DEPTH + 1);
    expect(codeOf(() => canonicalJson(nested(MAX_JSON_DEPTH + 1, (v) => [v])))).toBe("json_too_deep");
    expect(canonicalJson("x".repeat(70_000_000))).toHaveLength(70_000_002);
    const half = "x".repeat(2 ** 28);
    expect(codeOf(() => canonicalJson([half, half]))).toBe("json_too_long");
    // 2^40 characters from forty small arrays.
    expect(codeOf(() => canonicalJson(nested(40, (v) => [v, v])))).toBe("json_too_long");
  });

  it("passes on what a getter or a toJSON throws", () => {
    const error = new RangeError("mine");
    const fail = (): never => {
      throw error;
    };
    expect(() => canonicalJson(Object.defineProperty({}, "a", { enumerable: true, get: fail }))).toThrow(error);
    expect(() => canonicalJson({ toJSON: fail })).toThrow(error);
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
