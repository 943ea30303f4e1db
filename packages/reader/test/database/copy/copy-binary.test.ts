import { describe, expect, it } from "vitest";
import { BinaryCopyDecoder, type Field } from "../../../src/index.ts";

describe("binary COPY", () => {
  const tuple = (...fields: (Buffer | null)[]) =>
    Buffer.concat([
      Buffer.from([0, fields.length]),
      ...fields.flatMap((field) => {
        const length = Buffer.alloc(4);
        length.writeInt32BE(field === null ? -1 : field.length);
        return field === null ? [length] : [length, field];
      }),
    ]);
  const header = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)]);
  const rows = [
    [Buffer.from("a"), null],
    [Buffer.alloc(0), Buffer.alloc(300, 7)],
    [null, null],
  ];
  const bytes = Buffer.concat([header, ...rows.map((row) => tuple(...row)), Buffer.from([0xff, 0xff])]);

  it("gives the same rows wherever it is cut", () => {
    for (let a = 0; a <= bytes.length; a++) {
      for (const b of [a, Math.min(a + 1, bytes.length), Math.min(a + 7, bytes.length)]) {
        const decoder = new BinaryCopyDecoder(2);
        const got: (Field | string)[][] = [];
        for (const part of [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)])
          decoder.push(part, (fields) => got.push(fields.map((f) => (f === null ? null : f.toString("hex")))));
        expect(got).toEqual(rows.map((row) => row.map((f) => (f === null ? null : f.toString("hex")))));
        expect(decoder.ended).toBe(true);
      }
    }
  });

  it("knows a COPY that breaks off, and refuses what is none", () => {
    for (let length = 0; length < bytes.length; length++) {
      const decoder = new BinaryCopyDecoder(2);
      decoder.push(bytes.subarray(0, length), () => {});
      expect(decoder.ended).toBe(false);
    }
    const refuses = (data: Buffer, fields: number) =>
      expect(() => new BinaryCopyDecoder(fields).push(data, () => {})).toThrow(
        expect.objectContaining({ code: "protocol" }),
      );
    refuses(bytes, 3);
    refuses(Buffer.alloc(30), 2);
    refuses(Buffer.concat([header, Buffer.from([0, 1, 0xff, 0xff, 0xff, 0xfe])]), 1);
  });
});
