import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { emptyFrontier, eventPk, sha256 } from "@scidex/audit-core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileKernel, KERNEL_FILE } from "../../make/compile-kernel.ts";
import {
  BinaryCopyDecoder,
  CHAIN_COLUMNS,
  type ChainRow,
  decodeChainRow,
  type Finding,
  HeadChecker,
  TimeChecker,
} from "@scidex/audit-reader";
import { Crew } from "../../src/bulk/crew.ts";
import { Kernel } from "../../src/bulk/kernel.ts";
import { type LinksTask } from "../../src/bulk/link-voucher.ts";
import { Recount, Repeats } from "../../src/bulk/repeats.ts";
import { RowVoucher } from "../../src/bulk/row-voucher.ts";
import { CHAIN_START, LinkChecker } from "../../../reader/src/chain/link-checker.ts";
import { rowPayloadHash } from "../../src/rows/payload.ts";
import { chainOf, copyOf, headsOf, HEADER, POSTGRES_EPOCH, TAG_KEY, taskOf, vouch } from "./links.ts";

/** Any characters but NUL, which PostgreSQL has not: with escapes, control characters, all planes. */ /** Any characters but NUL, which PostgreSQL has not: with escapes, control characters, all planes. */
const label = (maxLength: number) =>
  fc.oneof(
    fc.string({ maxLength }),
    fc.string({ unit: "binary", maxLength: Math.floor(maxLength / 4) }).map((text) => text.replaceAll("\0", "")),
    fc.string({
      unit: fc.constantFrom("\\", '"', "\t", "\n", "\v", "\u0001", "\u007f", "\u2028", "é", "€", "𝄞", "a"),
      maxLength: Math.floor(maxLength / 4),
    }),
  );
const time = fc.bigInt({ min: POSTGRES_EPOCH, max: 253_402_300_799_999_999n });

const events = fc.array(fc.record({ kind: label(60), pk: label(120), micros: time, isChange: fc.boolean() }), {
  maxLength: 40,
});

/** With bytes as bytes: a Buffer is another type. */
const plain = (row: ChainRow | null | undefined) =>
  row && Object.fromEntries(Object.entries(row).map(([k, v]) => [k, v instanceof Uint8Array ? new Uint8Array(v) : v]));

/** What the plain way finds. */
function walk(copy: Buffer, { heads, lastSigned, now }: LinksTask): { findings: Finding[]; rows: ChainRow[] } {
  const findings: Finding[] = [];
  const report = (finding: Finding) => findings.push(finding);
  const links = new LinkChecker(CHAIN_START, report);
  const tree = new HeadChecker(heads ?? [], new Map(), emptyFrontier, report);
  const times = new TimeChecker(heads ?? [], lastSigned, now, undefined, report);
  const rows: ChainRow[] = [];
  const decoder = new BinaryCopyDecoder(CHAIN_COLUMNS.length);
  decoder.push(copy, (fields) => rows.push(decodeChainRow(fields)));
  for (const row of rows) {
    links.push(row);
    if (heads === null) continue;
    tree.push(row);
    times.push(row);
  }
  if (heads !== null) tree.finish(false);
  if (!decoder.ended) findings.push({ check: "gap", message: "the COPY is not whole" });
  return { findings, rows };
}

describe("the kernel", () => {
  test("is what its source compiles to", async () => {
    expect(readFileSync(join(import.meta.dirname, "../..", KERNEL_FILE), "utf8")).toBe(await compileKernel());
  });

  test("hashes four messages of any lengths as SHA-256 does", () => {
    const kernel = new Kernel(TAG_KEY);
    const { raw } = kernel;
    const at = [0, 1, 2, 3].map((i) => raw.INPUT.value + i * 4096);
    fc.assert(
      fc.property(fc.tuple(...at.map(() => fc.uint8Array({ maxLength: 400 }))), (messages) => {
        const [a, b, c, d] = messages.map((message, i) => {
          kernel.bytes.set(message, at[i]);
          return [at[i] ?? 0, raw.pad(at[i] ?? 0, message.length)] as const;
        });
        if (a === undefined || b === undefined || c === undefined || d === undefined) return;
        raw.hashLanes(...a, ...b, ...c, ...d);
        for (const [i, message] of messages.entries())
          expect(kernel.slice(raw.DIGESTS.value + 32 * i, 32)).toEqual(sha256(message));
      }),
    );
  });

  test("tags a key with the SipHash-2-4 of its kind and key", () => {
    const kernel = new Kernel(TAG_KEY);
    const at = kernel.raw.INPUT.value;
    fc.assert(
      fc.property(label(50), label(300), (kind, key) => {
        const [name, pk] = [Buffer.from(kind), Buffer.from(key)];
        kernel.bytes.set(name, at);
        kernel.bytes.set(pk, at + 4096);
        const tag = kernel.raw.tagKey(at, name.length, at + 4096, pk.length);
        expect(BigInt.asUintN(64, tag)).toBe(sipHash(Buffer.concat([name, Buffer.from([0]), pk])));
      }),
    );
    // The first half of the authors' vector for 128 bits: no bytes, the key 00 … 0f.
    expect(sipHash(Buffer.alloc(0))).toBe(Buffer.from("a3817f04ba25a8e6", "hex").readBigUInt64LE());
  });
});

describe("vouching for links", () => {
  test("accepts every honest chain, however the stream is cut, and says what the plain walk says", () => {
    fc.assert(
      fc.property(
        events,
        fc.array(fc.integer({ min: 1, max: 40 })),
        fc.integer({ min: 1, max: 3000 }),
        (list, seqs, piece) => {
          const rows = chainOf(list);
          const heads = headsOf(rows, new Set(seqs));
          for (const task of [taskOf(null), taskOf(heads)]) {
            const copy = copyOf(rows);
            expect(walk(copy, task).findings).toEqual([]);
            const vouched = vouch(copy, task, piece);
            expect(vouched?.rows).toBe(rows.length);
            expect(plain(vouched?.last)).toEqual(plain(rows.at(-1) ?? null));
            expect(vouched?.anchoredTo).toBe(task.heads?.at(-1)?.seq ?? 0n);
            const counts = new Map<string, bigint>();
            for (const { eventKind } of rows) counts.set(eventKind, (counts.get(eventKind) ?? 0n) + 1n);
            expect(new Map(vouched?.sums.map(({ kind, count }) => [kind, count]))).toEqual(counts);
          }
        },
      ),
    );
  });

  test("never accepts a stream in which the plain walk finds anything, whichever bytes are changed", () => {
    fc.assert(
      fc.property(
        events.filter((list) => list.length > 0),
        fc.array(fc.integer({ min: 1, max: 40 })),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        (list, seqs, changes) => {
          const rows = chainOf(list);
          const task = taskOf(headsOf(rows, new Set(seqs)));
          const copy = copyOf(rows);
          for (const [place, bits] of changes) {
            const at = HEADER.length + (place % (copy.length - HEADER.length));
            copy[at] = (copy[at] ?? 0) ^ bits;
          }
          if (vouch(copy, task, 4096) === null) return;
          expect(walk(copy, task).findings).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("never accepts rows that were dropped, repeated, swapped or cut off", () => {
    fc.assert(
      fc.property(
        events.filter((list) => list.length > 2),
        fc.nat(),
        fc.constantFrom("drop", "repeat", "swap", "break"),
        (list, place, what) => {
          const rows = chainOf(list);
          const i = place % (rows.length - 1);
          const [a, b] = [rows[i], rows[i + 1]];
          if (a === undefined || b === undefined) return;
          const task = taskOf(headsOf(rows, new Set([rows.length])));
          const changed = { drop: [b], repeat: [a, a, b], swap: [b, a], break: [a, b] }[what];
          const copy = copyOf(rows.toSpliced(i, 2, ...changed));
          const sent = what === "break" ? copy.subarray(0, copy.length - 2 - (place % 300)) : copy;
          expect(vouch(sent, task, 4096)).toBeNull();
        },
      ),
    );
  });

  test("does not accept a chain that was recomputed after a head was published, nor one that lost its end", () => {
    const list = Array.from({ length: 30 }, (_, i) => ({
      kind: "k",
      pk: `${i}`,
      micros: POSTGRES_EPOCH + 1n,
      isChange: i % 4 === 1,
    }));
    const honest = chainOf(list);
    const task = taskOf(headsOf(honest, new Set([10, 20])));
    expect(vouch(copyOf(honest), task, 4096)).not.toBeNull();
    const forged = chainOf(list.map((event, i) => (i === 15 ? { ...event, pk: "forged" } : event)));
    expect(vouch(copyOf(forged), task, 4096)).toBeNull();
    const stripped = chainOf(list.map((event, i) => (i === 13 ? { ...event, isChange: false } : event)));
    expect(vouch(copyOf(stripped), task, 4096)).toBeNull();
    for (const beforeHash of [null, sha256("x"), new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)])
      expect(vouch(copyOf(honest.map((row, i) => (i === 13 ? { ...row, beforeHash } : row))), task, 4096)).toBeNull();
    expect(vouch(copyOf(honest.slice(0, 15)), task, 4096)).toBeNull();
    const late = chainOf(
      list.map((event, i) => (i === 15 ? { ...event, micros: POSTGRES_EPOCH + 301_000_000n } : event)),
    );
    expect(vouch(copyOf(late), { ...taskOf([]), now: POSTGRES_EPOCH }, 4096)).toBeNull();
  });
});

/** A field as the server's text COPY writes it. */
function copyText(text: string | null): string {
  if (text === null) return "\\N";
  const escapes: Record<string, string> = {
    "\b": "b",
    "\f": "f",
    "\n": "n",
    "\r": "r",
    "\t": "t",
    "\v": "v",
    "\\": "\\",
  };
  return text.replaceAll(/[\b\f\n\r\t\v\\]/gu, (character) => `\\${escapes[character]}`);
}

describe("adding up rows", () => {
  const columns = ["a", 'b"\\', "ü\u0001"];
  const shape = (names: readonly string[]) => ({ columns: names, members: names, absent: new Map<string, string>() });
  const hashOf = (names: readonly string[], texts: readonly (string | null)[]) =>
    rowPayloadHash(shape(names), new Map(names.map((column, i) => [column, texts[i] ?? null])));

  test.each([1, 2, 3])(
    "of a key with %i columns gives the sum of the events that capture makes of them, however the stream is cut",
    (keyColumns) => {
      const row = fc.tuple(
        fc.array(label(80), { minLength: keyColumns, maxLength: keyColumns }),
        ...columns.map(() => fc.option(label(600))),
      );
      fc.assert(
        fc.property(fc.array(row, { maxLength: 30 }), fc.integer({ min: 1, max: 3000 }), (rows, piece) => {
          const voucher = new RowVoucher({ kind: "k", keyColumns, ...shape(columns), secret: null, tagKey: TAG_KEY });
          const line = ([key, ...texts]: (typeof rows)[number]) => `${[...key, ...texts].map(copyText).join("\t")}\n`;
          const copy = Buffer.from(rows.map(line).join(""));
          for (let at = 0; at < copy.length; at += piece) voucher.push(copy.subarray(at, at + piece));
          const kernel = new Kernel(TAG_KEY);
          kernel.kind("k");
          for (const [key, ...texts] of rows) expect(kernel.add("k", eventPk(key), hashOf(columns, texts))).toBe(true);
          expect(voucher.finish()).toEqual(kernel.sums()?.[0]);
        }),
      );
    },
  );

  const sumOf = (copy: string, keyColumns = 1) => {
    const voucher = new RowVoucher({ kind: "k", keyColumns, ...shape(["a"]), secret: null, tagKey: TAG_KEY });
    voucher.push(Buffer.from(copy));
    return voucher.finish();
  };

  test("takes very long rows too, and no row without a key, none that breaks off", () => {
    const long = "x\u0001".repeat(500_000);
    const kernel = new Kernel(TAG_KEY);
    kernel.add("k", "1", hashOf(["a"], [long]));
    expect(sumOf(`1\t${long}\n`)).toEqual(kernel.sums()?.[0]);
    expect(sumOf("1\tx\n")?.count).toBe(1n);
    for (const broken of ["\\N\tx\n", "1\tx", "1\n", "1\tx\ty\n", `${"k".repeat(3000)}\tx\n`])
      expect(sumOf(broken)).toBeNull();
  });

  test("takes no row that lacks a part of its key, or whose key is longer than one can be", () => {
    expect(sumOf("1\t2\tx\n", 2)?.count).toBe(1n);
    const [half, escaped] = ["k".repeat(1500), "\u0001".repeat(400)];
    for (const broken of ["\\N\t2\tx\n", "1\t\\N\tx\n", "1\t2\n", `${half}\t${half}\tx\n`, `1\t${escaped}\tx\n`])
      expect(sumOf(broken, 2)).toBeNull();
  });
});

test("a crew that was sent home hires nobody who stays", async () => {
  const crew = new Crew(2);
  const sum = async () =>
    await crew.run(
      {
        what: "rows",
        kind: "k",
        keyColumns: 1,
        columns: ["a"],
        members: ["a"],
        absent: new Map(),
        secret: null,
        tagKey: TAG_KEY,
      },
      Readable.from([Buffer.from("1\tx\n")]).iterator(),
      () => {},
    );
  expect((await sum())?.count).toBe(1n);
  await crew.close();
  expect(await sum()).toBeNull();
});

describe("events that are there twice", () => {
  const tagsOf = (numbers: readonly number[]) =>
    new Uint8Array(Buffer.concat(numbers.map((n) => Buffer.from(sha256(`${n}`)).subarray(0, 8))));

  test("are always suspected, and confirmed by a second reading", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 500 }), fc.nat(), (numbers, place) => {
        const repeats = new Repeats(numbers.length);
        const tags = tagsOf([...numbers, numbers[place % numbers.length] ?? 0]);
        repeats.add(tags);
        const recount = new Recount(repeats.suspects ?? new Set());
        recount.add(tags);
        expect(recount.areSingle).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  test("are not seen where there are none, also in a filter that is far too small", () => {
    const repeats = new Repeats(0);
    const tags = tagsOf(Array.from({ length: 300_000 }, (_, n) => n));
    repeats.add(tags);
    const recount = new Recount(repeats.suspects ?? new Set());
    recount.add(tags);
    expect(repeats.suspects?.size).toBeGreaterThan(0);
    expect(recount.areSingle).toBe(true);
  });

  test("are not suspected where there are as few as expected: a second reading would cost as much as the first", () => {
    const repeats = new Repeats(200_000);
    repeats.add(tagsOf(Array.from({ length: 200_000 }, (_, n) => n)));
    expect(repeats.suspects?.size).toBe(0);
  });
});

/** SipHash-2-4, first half of 128 bits, with the key 00 … 0f; written plainly. */
function sipHash(message: Uint8Array): bigint {
  const u64 = (value: bigint) => BigInt.asUintN(64, value);
  const turn = (value: bigint, n: bigint) => u64((value << n) | (value >> (64n - n)));
  const [k0, k1] = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n];
  let a = k0 ^ 0x736f6d6570736575n;
  let b = k1 ^ 0x646f72616e646f6dn ^ 0xeen;
  let c = k0 ^ 0x6c7967656e657261n;
  let d = k1 ^ 0x7465646279746573n;
  const round = () => {
    a = u64(a + b);
    c = u64(c + d);
    b = turn(b, 13n) ^ a;
    d = turn(d, 16n) ^ c;
    a = turn(a, 32n);
    c = u64(c + b);
    a = u64(a + d);
    b = turn(b, 17n) ^ c;
    d = turn(d, 21n) ^ a;
    c = turn(c, 32n);
  };
  const padded = Buffer.alloc(8 * (Math.floor(message.length / 8) + 1));
  padded.set(message);
  padded[padded.length - 1] = message.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    d ^= word;
    round();
    round();
    a ^= word;
  }
  c ^= 0xeen;
  for (let i = 0; i < 4; i++) round();
  return a ^ b ^ c ^ d;
}
