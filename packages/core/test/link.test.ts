import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  blindKey,
  canonicalJson,
  chainHash,
  checkKind,
  eventHash,
  eventPk,
  GENESIS_PREV_HASH,
  leafHash,
  leafText,
  type Link,
  MAX_SEQ,
  nextLink,
  parseLeaf,
  payloadHash,
  fromHex,
  hashFromHex,
  ROLES,
  sha256,
  splitKind,
  toHex,
} from "../src/index.ts";
import { codeOf } from "./code-of.ts";
import { type LinkVector, linkOf } from "./link-vector.ts";
import { type Negative, vectors } from "./vectors.ts";

const { links } = vectors("links") as { links: LinkVector[] };

const time = "2026-04-28T12:00:00.123456Z";
const event = { eventKind: "k", eventPk: "1", payloadHash: sha256(""), beforeHash: null, appendedAt: time };

describe("links", () => {
  it("agrees with Python on a chain of twenty links, built one after another", () => {
    let prev: Link | null = null;
    for (const vector of links) {
      const link: Link = nextLink(prev, linkOf(vector));
      expect(link).toEqual(linkOf(vector));
      prev = link;
    }
    expect(links).toHaveLength(20);
  });

  it("hashes the canonical JSON of the event, whatever is in its labels", () => {
    const label = fc.string({ unit: "binary", maxLength: 60 });
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(label, label, hash, fc.option(hash), (eventKind, eventPk, payloadHash, beforeHash) => {
        const before = beforeHash === null ? {} : { before_hash: toHex(beforeHash) };
        const text = canonicalJson({
          ...before,
          event_kind: eventKind,
          event_pk: eventPk,
          payload_hash: toHex(payloadHash),
          appended_at: time,
        });
        const link = { ...event, eventKind, eventPk, payloadHash, beforeHash };
        if (Buffer.byteLength(eventKind) > 209) return;
        expect(eventHash(link)).toEqual(sha256(text));
        const leaf = { ...link, seq: 7n, chainHash: payloadHash };
        const { appended_at, event_kind, event_pk, payload_hash } = JSON.parse(text) as Record<string, string>;
        expect(leafText(leaf)).toBe(
          canonicalJson({
            ...before,
            appended_at,
            chain_hash: toHex(payloadHash),
            event_kind,
            event_pk,
            payload_hash,
            seq: 7,
          }),
        );
        expect(parseLeaf(leafText(leaf))).toEqual(leaf);
      }),
    );
  });

  it("writes seq as eight bytes, the highest first", () => {
    const bytes = Buffer.concat([new Uint8Array(64), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]);
    expect(chainHash(GENESIS_PREV_HASH, new Uint8Array(32), 0x0102030405060708n)).toEqual(sha256(bytes));
  });

  it("gives another hash when any column of the event, or the seq, differs", () => {
    const base = nextLink(null, event);
    const others = [
      { ...event, eventKind: "K" },
      { ...event, eventPk: "" },
      { ...event, payloadHash: sha256("x") },
      { ...event, appendedAt: "2026-04-28T12:00:00.123457Z" },
      { ...event, beforeHash: sha256("") },
      { ...event, beforeHash: sha256("x") },
      { ...event, beforeHash: new Uint8Array(32) },
    ].map((other) => toHex(nextLink(null, other).chainHash));
    const all = [...others, toHex(base.chainHash), toHex(nextLink(base, event).chainHash)];
    expect(new Set(all).size).toBe(all.length);
    // The boundary between kind and key is bound, too.
    const [a, b] = [
      { ...event, eventKind: 'a","event_pk":"b' },
      { ...event, eventKind: "a", eventPk: "b" },
    ];
    expect(eventHash(a)).not.toEqual(eventHash(b));
  });

  it("bounds labels in bytes of UTF-8", () => {
    const kind = (eventKind: string) => codeOf(() => eventHash({ ...event, eventKind }));
    const pk = (eventPk: string) => codeOf(() => eventHash({ ...event, eventPk }));
    expect([kind("k".repeat(209)), kind("é".repeat(104)), kind("😀".repeat(52)), kind("")]).toEqual(
      Array(4).fill("none"),
    );
    expect([kind("k".repeat(210)), kind("é".repeat(105)), kind("\ud800")]).toEqual(Array(3).fill("kind_malformed"));
    expect([pk("k".repeat(2020)), pk("€".repeat(673)), pk("")]).toEqual(Array(3).fill("none"));
    expect([pk("k".repeat(2021)), pk("€".repeat(674)), pk("a\udc00")]).toEqual(Array(3).fill("pk_malformed"));
  });

  it("refuses hashes of another length, bad times and impossible seqs", () => {
    const hash = sha256("");
    for (const bad of [hash.subarray(1), new Uint8Array(33), new Uint8Array(0)]) {
      expect(codeOf(() => eventHash({ ...event, payloadHash: bad }))).toBe("hash_length");
      expect(codeOf(() => eventHash({ ...event, beforeHash: bad }))).toBe("hash_length");
      expect(codeOf(() => leafText({ ...nextLink(null, event), beforeHash: bad }))).toBe("hash_length");
      expect(codeOf(() => chainHash(bad, hash, 1n))).toBe("hash_length");
      expect(codeOf(() => chainHash(hash, bad, 1n))).toBe("hash_length");
    }
    expect(codeOf(() => eventHash({ ...event, appendedAt: "2026-04-28 12:00:00" }))).toBe("time_malformed");
    expect(codeOf(() => eventHash({ ...event, appendedAt: "1999-12-31T23:59:59.999999Z" }))).toBe("time_range");
    for (const seq of [0n, -1n, MAX_SEQ + 1n, 2n ** 64n]) {
      expect(codeOf(() => chainHash(hash, hash, seq))).toBe("seq_range");
    }
    expect(codeOf(() => nextLink({ seq: MAX_SEQ, chainHash: hash }, event))).toBe("seq_range");
  });
});

describe("eventPk", () => {
  it("is a single text as it is, and several as a JSON array", () => {
    expect(eventPk(["42"])).toBe("42");
    expect(eventPk([""])).toBe("");
    expect(eventPk(['["a"]'])).toBe('["a"]');
    expect(eventPk(["agent", 'a"b', "é\n"])).toBe('["agent","a\\"b","é\\n"]');
  });

  it("refuses no key, keys that are too long, and lone surrogates", () => {
    expect(codeOf(() => eventPk([]))).toBe("pk_malformed");
    expect(codeOf(() => eventPk(["p".repeat(2001)]))).toBe("pk_malformed");
    expect(codeOf(() => eventPk(["p".repeat(1995), ""]))).toBe("pk_malformed");
    expect(eventPk(["p".repeat(1993), ""])).toHaveLength(2000);
    expect(codeOf(() => eventPk(["\ud800", ""]))).toBe("pk_malformed");
  });
});

describe("kinds", () => {
  it("have no colon but the one before an event's role", () => {
    for (const kind of ["", "a:b", ":", "t:update", "t:record", "a\0b", "\ud800", "k".repeat(201)])
      expect(codeOf(() => checkKind(kind))).toBe("kind_malformed");
    expect(checkKind("é".repeat(100))).toHaveLength(100);
    expect(splitKind("t")).toEqual({ kind: "t", role: null });
    for (const role of ROLES) expect(splitKind(`t:${role}`)).toEqual({ kind: "t", role });
    for (const odd of ["t:", "t:updated", "t:update:delete", "t:constructor", "t:UPDATE"])
      expect(splitKind(odd)).toEqual({ kind: odd, role: null });
    for (const role of ROLES)
      expect(codeOf(() => eventHash({ ...event, eventKind: `${"k".repeat(200)}:${role}` }))).toBe("none");
  });
});

describe("payloadHash of a salted row", () => {
  it("is SHA-256 of 16 bytes and the canonical payload", () => {
    const { cases } = vectors("salted") as { cases: { salt: string; payload: unknown; hash: string }[] };
    for (const { salt, payload, hash } of cases) expect(toHex(payloadHash(payload, fromHex(salt)))).toBe(hash);
    expect(cases).toHaveLength(4);
  });

  it("takes no salt of another length, of which a payload's first bytes could be a part", () => {
    for (const length of [0, 15, 17, 32])
      expect(codeOf(() => payloadHash({}, new Uint8Array(length)))).toBe("salt_length");
  });
});

describe("blindKey", () => {
  it("agrees with Python", () => {
    const { cases } = vectors("blind-keys") as { cases: { secret: string; key: string; blinded: string }[] };
    for (const { secret, key, blinded } of cases) expect(blindKey(fromHex(secret), key)).toBe(blinded);
    expect(cases).toHaveLength(5);
  });

  it("refuses secrets of another length, and texts that are not keys", () => {
    expect(codeOf(() => blindKey(new Uint8Array(31), "1"))).toBe("hash_length");
    expect(codeOf(() => blindKey(new Uint8Array(64), "1"))).toBe("hash_length");
    expect(codeOf(() => blindKey(new Uint8Array(32), "\ud800"))).toBe("pk_malformed");
  });
});

describe("leaves", () => {
  it("agrees with Python", () => {
    for (const vector of links) {
      expect(leafText(linkOf(vector))).toBe(vector.leaf);
      expect(toHex(leafHash(vector.leaf))).toBe(vector.leaf_hash);
      const { seq, eventKind, eventPk, payloadHash, beforeHash, chainHash, appendedAt } = linkOf(vector);
      expect(parseLeaf(vector.leaf)).toEqual({
        seq,
        eventKind,
        eventPk,
        payloadHash,
        beforeHash,
        chainHash,
        appendedAt,
      });
    }
  });

  it.each((vectors("negative/leaf") as { cases: (Negative & { text: string })[] }).cases)(
    "refuses $name",
    ({ text, code }) => {
      expect(codeOf(() => parseLeaf(text))).toBe(code);
    },
  );

  it("has room for the longest labels in their longest form, and refuses longer text unread", () => {
    const leaf = {
      ...event,
      seq: 2n ** 53n - 1n,
      chainHash: sha256(""),
      beforeHash: sha256("x"),
      eventKind: "\u0001".repeat(209),
      eventPk: "\u0001".repeat(2020),
    };
    expect(parseLeaf(leafText(leaf))).toEqual(leaf);
    expect(codeOf(() => parseLeaf("[".repeat(20_000)))).toBe("leaf_malformed");
    expect(codeOf(() => leafText({ ...leaf, seq: 2n ** 53n }))).toBe("seq_range");
    expect(codeOf(() => leafText({ ...leaf, seq: 0n }))).toBe("seq_range");
  });
});

describe("hex", () => {
  it("has one text for each value", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
    for (const text of ["A0", "0", "0g", "a0 ", " a0", "0x00", "é0"]) {
      expect(codeOf(() => fromHex(text))).toBe("hex_malformed");
    }
    expect(codeOf(() => hashFromHex("00".repeat(31)))).toBe("hash_length");
    expect(codeOf(() => hashFromHex("0".repeat(1_000_000)))).toBe("hash_length");
    expect(codeOf(() => hashFromHex("G".repeat(64)))).toBe("hex_malformed");
  });
});
