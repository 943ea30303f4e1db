import { emptyFrontier, type Link, nextLink, parseHeadLine, parseVerifierKey, sha256 } from "@scidex/audit-core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BinaryCopyDecoder,
  type ChainRow,
  decodeChainRow,
  type Field,
  type Finding,
  Findings,
  HeadChecker,
  MAX_LISTED_PER_CHECK,
  parseArrayText,
  type PublishedHead,
  resolveRange,
  TextCopyDecoder,
} from "@scidex/audit-reader";
import { compareBytes } from "../src/rows/byte-order.ts";
import { splitRelation } from "../src/coverage/config.ts";
import { CHAIN_START, LinkChecker } from "../../reader/src/chain/link-checker.ts";
import { toPublished } from "../../reader/src/head-log/published-head.ts";
import { formatState, parsePolicy, formatPolicy, parseState } from "../src/index.ts";
import { append, openChain, signedHead } from "./chain-database.ts";

const LENGTH = 20;
const EPOCH = 946_684_800_000_000n;

/** A row as the server sends it. */
function fieldsOf(link: Link): (Buffer | null)[] {
  const seq = Buffer.alloc(8);
  seq.writeBigInt64BE(link.seq);
  const time = Buffer.alloc(8);
  time.writeBigInt64BE(BigInt(Date.parse(link.appendedAt)) * 1000n - EPOCH);
  return [
    seq,
    Buffer.from(link.eventKind),
    Buffer.from(link.eventPk),
    Buffer.from(link.payloadHash),
    Buffer.from(link.eventHash),
    Buffer.from(link.prevHash),
    Buffer.from(link.chainHash),
    link.beforeHash === null ? null : Buffer.from(link.beforeHash),
    time,
  ];
}

function chainOf20(): (Buffer | null)[][] {
  const rows: (Buffer | null)[][] = [];
  let before: Link | null = null;
  for (let n = 1; n <= LENGTH; n++) {
    before = nextLink(before, {
      eventKind: n % 2 === 0 ? "task_events" : "é",
      eventPk: `key ${n}`,
      payloadHash: sha256(String(n)),
      beforeHash: n % 3 === 0 ? sha256(String(n - 1)) : null,
      appendedAt: `2026-04-28T12:00:${String(n).padStart(2, "0")}.000000Z`,
    });
    rows.push(fieldsOf(before));
  }
  return rows;
}

function findLinks(rows: readonly ChainRow[]): Finding[] {
  const found: Finding[] = [];
  const checker = new LinkChecker(CHAIN_START, (finding) => found.push(finding));
  // As the database would send them: in the order of seq.
  for (const row of rows.toSorted((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0))) checker.push(row);
  return found;
}

describe("a chain of 20, every bit of it", () => {
  it("finds every single-bit change of every column of every row at its seq", () => {
    const rows = chainOf20();
    expect(findLinks(rows.map(decodeChainRow))).toEqual([]);
    let changes = 0;
    for (const [n, row] of rows.entries()) {
      for (const [column, field] of row.entries()) {
        if (field === null) continue;
        for (let bit = 0; bit < field.length * 8; bit++) {
          const changed = Buffer.from(field);
          changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          // What is not UTF-8 cannot stand in a text column.
          if ((column === 1 || column === 2) && !Buffer.from(changed.toString("utf8")).equals(changed)) continue;
          const all = rows.map((other, i) => decodeChainRow(i === n ? row.with(column, changed) : other));
          const found = findLinks(all);
          changes++;
          const isLast = n === LENGTH - 1;
          const seqs = found.map(({ seq }) => seq);
          // A last row with a higher seq leaves a gap; one with seq 0 or less is named without one.
          if (!seqs.includes(BigInt(n + 1)) && !(isLast && column === 0 && found.length > 0))
            throw new Error(`bit ${bit} of column ${column} of row ${n + 1}: ${seqs.join()}`);
        }
      }
    }
    expect(changes).toBeGreaterThan(20_000);
  });

  it("finds a hash of the row before that is taken away, put where none was, or of another length", () => {
    const rows = chainOf20();
    for (const [n, row] of rows.entries()) {
      for (const before of [null, sha256("x"), new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)]) {
        if (before === null && row[7] === null) continue;
        const changed = rows.with(n, row.with(7, before === null ? null : Buffer.from(before)));
        expect(findLinks(changed.map(decodeChainRow))).toEqual([
          expect.objectContaining({ check: "event_hash", seq: BigInt(n + 1) }),
        ]);
      }
      // No other column may be NULL.
      for (const column of [0, 1, 2, 3, 4, 5, 6, 8])
        expect(findLinks(rows.with(n, row.with(column, null)).map(decodeChainRow))).not.toEqual([]);
    }
  });

  it("finds every row that is left out, and every pair that is swapped", () => {
    const rows = chainOf20().map(decodeChainRow);
    for (let n = 0; n < LENGTH - 1; n++)
      expect(findLinks(rows.toSpliced(n, 1))[0]).toMatchObject({ check: "gap", seq: BigInt(n + 1) });
    for (let a = 0; a < LENGTH; a++) {
      for (let b = a + 1; b < LENGTH; b++) {
        const [x, y] = [rows[a], rows[b]];
        if (x === undefined || y === undefined) throw new Error("no such row");
        const swapped = rows.with(a, { ...y, seq: x.seq }).with(b, { ...x, seq: y.seq });
        expect(findLinks(swapped)[0]?.seq).toBe(BigInt(a + 1));
      }
    }
  });

  it("finds every change of a leaf in the interval of its head, with every bit recomputed", async () => {
    const chain = await openChain();
    await append(chain.sql, "thing", ...Array.from({ length: 12 }, (_, n) => String(n)));
    const verifiers = chain.vkeys.map(parseVerifierKey);
    const heads: PublishedHead[] = [];
    for (const seq of [3n, 7n, 12n])
      heads.push(toPublished(parseHeadLine(await signedHead(chain.sql, { seq }), { verifiers })));
    const raw = await chain.sql<
      { s: string; k: string; p: string; h: Buffer; e: Buffer; v: Buffer; c: Buffer; b: Buffer | null; t: string }[]
    >`
      select seq::text as s, event_kind as k, event_pk as p, payload_hash as h, event_hash as e, prev_hash as v, chain_hash as c, before_hash as b,
             (extract(epoch from appended_at) * 1000000)::bigint::text as t from public.audit_chain order by seq`;
    const rows: ChainRow[] = raw.map((r) => ({
      seq: BigInt(r.s),
      eventKind: r.k,
      eventPk: r.p,
      payloadHash: r.h,
      eventHash: r.e,
      prevHash: r.v,
      chainHash: r.c,
      beforeHash: r.b,
      appendedAt: BigInt(r.t),
      isBroken: false,
    }));
    const check = (changed: readonly ChainRow[], more = false) => {
      const found: Finding[] = [];
      const checker = new HeadChecker(heads, new Map(), emptyFrontier, (finding) => found.push(finding));
      for (const row of changed) checker.push(row);
      checker.finish(more);
      return { found, anchoredTo: checker.anchoredTo };
    };
    expect(check(rows)).toEqual({ found: [], anchoredTo: 12n });
    for (const [n, row] of rows.entries()) {
      const [from, to] = n < 3 ? [1n, 3n] : n < 7 ? [4n, 7n] : [8n, 12n];
      for (const change of [
        { eventPk: "x" },
        { eventKind: "x" },
        { payloadHash: sha256("x") },
        { chainHash: sha256("x") },
        { beforeHash: sha256("x") },
        { appendedAt: (row.appendedAt ?? 0n) + 1n },
      ]) {
        const { found } = check(rows.with(n, { ...row, ...change }));
        expect(found).toEqual([expect.objectContaining({ check: "head_mismatch", fromSeq: from, toSeq: to })]);
      }
      expect(check(rows.slice(0, n)).found).toContainEqual(
        expect.objectContaining({ check: "truncated", seq: BigInt(n + 1) }),
      );
      expect(check(rows.slice(0, n), true).found.map((f) => f.check)).not.toContain("truncated");
    }
  });
});

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

describe("text COPY", () => {
  it("gives the same rows wherever it is cut", () => {
    const bytes = Buffer.from("a\\tb\té𝄞\t\\N\n\\\\N\t\t\\b\\f\\n\\r\\v\n");
    const rows = [
      ["a\tb", "é𝄞", null],
      ["\\N", "", "\b\f\n\r\v"],
    ];
    for (let a = 0; a <= bytes.length; a++) {
      for (let b = a; b <= bytes.length; b++) {
        const decoder = new TextCopyDecoder();
        const got: (string | null)[][] = [];
        for (const part of [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)])
          decoder.push(part, (row) => got.push(row));
        expect(got).toEqual(rows);
        expect(decoder.ended).toBe(true);
      }
    }
  });
});

describe("texts", () => {
  it("compare as their UTF-8 bytes do", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    expect(compareBytes("\uffff", "\u{10000}")).toBeLessThan(0);
  });

  it("are read from arrays as the server writes them", async () => {
    const { sql } = await openChain();
    const texts = fc.array(
      fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(texts, async (array) => {
        const [row] = await sql<{ text: string }[]>`
          select (array(select jsonb_array_elements_text(${JSON.stringify(array)}::text::jsonb)))::text as text`;
        expect(parseArrayText(row?.text ?? "")).toEqual(array);
      }),
      // White space that only Unicode knows is not quoted.
      {
        numRuns: 60,
        examples: [[["\u2028", "a\u00a0", "\ufeff", "\u0085", "\u3000b"]], [[" ", "\t", "\n", "\v", "\f", "\r"]]],
      },
    );
    for (const odd of ["", "{", "{a", "{{a},{b}}", "{NULL}", "{a,}", "{,a}", '{"a}', "[0:1]={a,b}", "{a}}", '{"a"b}'])
      expect(() => parseArrayText(odd)).toThrow(expect.objectContaining({ code: "protocol" }));
  });

  it("name relations as quote_ident does", async () => {
    const { sql } = await openChain();
    for (const [schema, name] of [
      ["public", "a"],
      ["A b", 'x"y'],
      [".", '"'],
      ["é", "a.b"],
      ["select", "from"],
    ] as const) {
      const [row] = await sql<
        { relation: string }[]
      >`select quote_ident(${schema}) || '.' || quote_ident(${name}) as relation`;
      expect(splitRelation(row?.relation ?? "")).toEqual({ schema, name });
    }
    for (const odd of ["", "a", ".a", "a.", "a.b.c", '"a.b', '"a"b.c']) expect(splitRelation(odd)).toBeNull();
  });
});

describe("findings", () => {
  const twice = (list: readonly Finding[]): Findings => {
    const first = new Findings();
    list.forEach(first.add);
    const second = new Findings(first);
    list.forEach(second.add);
    return second;
  };

  it("are listed by seq, a thousand of each check, and all counted once", () => {
    const list: Finding[] = Array.from({ length: 3000 }, (_, n) => ({
      check: "gap",
      seq: BigInt(3000 - n),
      message: "m",
    }));
    const found = twice([
      ...list,
      ...list,
      { check: "head_mismatch", fromSeq: 1n, toSeq: 2n, message: "" },
      { check: "chain_hash", seq: 2n, message: "" },
      { check: "publisher_silent", message: "" },
    ]);
    expect(found.count).toBe(3003);
    const listed = found.list();
    expect(listed).toHaveLength(MAX_LISTED_PER_CHECK + 3);
    expect(listed.slice(0, 3).map(({ check, seq }) => [check, seq])).toEqual([
      ["gap", 1n],
      ["gap", 2n],
      ["chain_hash", 2n],
    ]);
    expect(listed.slice(-2).map(({ check }) => check)).toEqual(["head_mismatch", "publisher_silent"]);
  });

  it("are reported when two looks agree, and counted when they do not", () => {
    const first = new Findings();
    first.add({ check: "gap", seq: 1n, message: "" });
    expect([first.count, first.unconfirmed]).toEqual([0, 1]);
    const second = new Findings(first);
    second.add({ check: "gap", seq: 2n, message: "" });
    expect([second.count, second.unconfirmed]).toEqual([0, 1]);
    const third = new Findings(second);
    third.add({ check: "gap", seq: 2n, message: "" });
    expect([third.count, third.unconfirmed]).toEqual([1, 0]);
  });

  it("take a chain that ends somewhere else for the same cut", () => {
    const first = new Findings();
    first.add({ check: "truncated", seq: 5n, message: "" });
    const second = new Findings(first);
    second.add({ check: "truncated", seq: 9n, message: "" });
    expect(second.list()).toMatchObject([{ check: "truncated", seq: 9n }]);
  });
});

describe("ranges", () => {
  const heads = [5n, 5n, 9n, 20n, 33n].map((seq) => ({
    seq,
    chainHash: new Uint8Array(),
    root: new Uint8Array(),
    appendedAt: "",
    publishedAt: "",
    signedTime: 0n,
    subtrees: new Uint8Array(),
  }));
  it("are moved outwards to heads, and shards lie side by side", () => {
    expect(resolveRange({ startSeq: 7n, endSeq: 10n }, heads, 0n)).toMatchObject({
      from: 6n,
      to: 20n,
      unchained: false,
    });
    for (let of = 1; of <= 12; of++) {
      for (const request of [{}, { startSeq: 7n }, { endSeq: 25n }]) {
        const whole = resolveRange(request, heads, 0n);
        const shards = Array.from({ length: of }, (_, k) =>
          resolveRange({ ...request, shard: { number: k + 1, of } }, heads, 0n),
        );
        expect(shards[0]?.from).toBe(whole.from);
        expect(shards.at(-1)?.to).toBe(whole.to);
        const ends = shards.slice(0, -1).map(({ to }) => (to ?? 0n) + 1n);
        expect(shards.slice(1).map(({ from }) => from)).toEqual(ends);
        expect(shards.filter(({ unchained }) => unchained)).toHaveLength(whole.unchained ? 1 : 0);
      }
    }
  });
  it("are refused where there is none", () => {
    for (const request of [
      { startSeq: 0n },
      { startSeq: 5n, endSeq: 4n },
      { shard: { number: 3, of: 2 } },
      { shard: { number: 0, of: 2 } },
    ])
      expect(() => resolveRange(request, [], 0n)).toThrow(expect.objectContaining({ code: "range_invalid" }));
  });
});

describe("files", () => {
  it("of policy and state are read as they are written, and refused where they are not ones", () => {
    const policy = parsePolicy(
      '{"origin":"o","tables":{"public.t":{"kind":"t","key":["id"],"exclude":[],"changes":"refuse"}},"detached":{"public.u":true}}',
    );
    expect(parsePolicy(formatPolicy(policy))).toEqual(policy);
    for (const text of [
      "",
      "[]",
      "{}",
      '{"tables":[]}',
      '{"tables":{"a":{}}}',
      '{"tables":{},"other":1}',
      '{"tables":{},"tables":{}}',
    ])
      expect(() => parsePolicy(text)).toThrow(expect.objectContaining({ code: "policy_malformed" }));
    const state = { sinks: new Map([["file:/a", { lines: 3, digest: "00" }]]) };
    expect(parseState(formatState(state))).toEqual({ ...state, server: null, awaitedSince: null });
    const whole = { ...state, server: { systemIdentifier: "7", database: "d" }, awaitedSince: 1_790_000_000_000 };
    expect(parseState(formatState(whole))).toEqual(whole);
    for (const text of [
      "",
      "{}",
      '{"version":2,"sinks":{}}',
      '{"version":1,"sinks":{"a":{"lines":-1,"digest":""}}}',
      '{"version":1,"sinks":{},"server":{"database":1}}',
      '{"version":1,"sinks":{},"awaited_since":"soon"}',
      '{"version":1,"sinks":{},"other":1}',
    ])
      expect(() => parseState(text)).toThrow(expect.objectContaining({ code: "state_malformed" }));
  });
});
