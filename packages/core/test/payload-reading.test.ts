import { describe, expect, it } from "vitest";
import { payloadHash, payloadReadings, readingOf } from "../src/index.ts";
import { codeOf } from "./code-of.ts";

const howOf = (brought: string, recorded: unknown): string | undefined =>
  readingOf(payloadReadings(brought), payloadHash(recorded))?.how;

describe("a payload that somebody brings", () => {
  it("is what was recorded as it stands, whatever its white space and order", () => {
    expect(howOf('{ "b": 1.0, "a": "x" }', { a: "x", b: 1 })).toBe("as it stands");
    expect(howOf('{"id":"42"}', { id: "42" })).toBe("as it stands");
    expect(howOf("[1,2]", [1, 2])).toBe("as it stands");
    expect(payloadReadings('{"id":"42"}')).toHaveLength(1);
  });

  it("is what was recorded as a row's texts, with every digit that it brings", () => {
    const brought =
      '{"id":42,"amount":120.00,"big":12345678901234567890.123456789,"done":true,"off":false,"note":null,"tags":{"a": [1, 2]}}';
    const row = {
      id: "42",
      amount: "120.00",
      big: "12345678901234567890.123456789",
      done: "t",
      off: "f",
      tags: '{"a": [1, 2]}',
    };
    expect(howOf(brought, row)).toBe("as a row: numbers, booleans and JSON as PostgreSQL's texts, nulls left out");
    expect(howOf(brought, { ...row, note: null })).toMatch(/nulls kept$/u);
  });

  it("is what was recorded with its times as PostgreSQL prints them", () => {
    const said = "as a row: numbers, booleans and JSON as PostgreSQL's texts, times as PostgreSQL prints them in UTC";
    expect(howOf('{"id":1,"at":"2026-04-28T12:00:00.120Z"}', { id: "1", at: "2026-04-28 12:00:00.12+00" })).toBe(said);
    expect(howOf('{"at":"2026-04-28T12:00:00.000+00:00"}', { at: "2026-04-28 12:00:00+00" })).toMatch(/in UTC$/u);
    expect(howOf('{"at":"2026-04-28T12:00:00"}', { at: "2026-04-28 12:00:00" })).toMatch(/in UTC$/u);
    expect(howOf('{"at":"2026-04-28T12:00:00+02:00"}', { at: "2026-04-28 10:00:00+00" })).toBeUndefined();
  });

  it("is nothing else than what was recorded", () => {
    expect(howOf('{"id":42,"done":true}', { id: "42", done: "f" })).toBeUndefined();
    expect(howOf('{"id":42}', { id: "42.0" })).toBeUndefined();
    expect(howOf("42", { id: "42" })).toBeUndefined();
  });

  it("is refused where readers could understand it differently", () => {
    expect(codeOf(() => payloadReadings('{"a":1,"\\u0061":2}'))).toBe("json_duplicate_name");
    expect(codeOf(() => payloadReadings("[9007199254740993]"))).toBe("json_lossy_number");
    expect(codeOf(() => payloadReadings('{"a":{"b":1,"b":2}}'))).toBe("json_duplicate_name");
    expect(codeOf(() => payloadReadings('{"a":'))).toBe("json_syntax");
    expect(codeOf(() => payloadReadings('{"a":9007199254740993}'))).toBe("none");
  });
});
