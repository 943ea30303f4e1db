import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeTypeChange, type Reading, textsBefore, type TypeChange } from "../src/index.ts";
import { vectors } from "./vectors.ts";

interface ChangeVector {
  readonly name: string;
  readonly before: string;
  readonly now: string;
  readonly zone?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** 2026-01-01, when the changes of the vectors were made. */
const CHANGED_AT = 1_767_225_600_000_000n;

const changeOf = ({ before, now, zone, labels }: ChangeVector): TypeChange => ({
  before,
  now,
  ...(zone === undefined ? {} : { zone: { name: zone, changedAt: CHANGED_AT } }),
  ...(labels === undefined ? {} : { labels: new Map(Object.entries(labels)) }),
});

function readingOf(change: TypeChange): Reading {
  const reading = textsBefore(change);
  if (reading === null) throw new Error(`no reading of ${change.before} in ${change.now}`);
  return reading;
}

describe("the texts before a change of type", () => {
  const { cases } = vectors("type-changes") as {
    cases: (ChangeVector & { readonly live: string; readonly recorded: string })[];
  };
  const alike = Map.groupBy(cases, ({ before, now, zone, live }) => JSON.stringify([before, now, zone, live]));

  it.each([...alike.values()].map((same) => [same[0]?.name ?? "", same] as const))(
    "are those that PostgreSQL printed: %s",
    (_, same) => {
      const [first] = same;
      if (first === undefined) throw new Error("a group has a case");
      expect(readingOf(changeOf(first))(first.live)?.toSorted()).toEqual(
        same.map(({ recorded }) => recorded).toSorted(),
      );
    },
  );

  const negative = vectors("negative/type-change") as {
    cases: (ChangeVector & { readonly reading?: null; readonly live?: string; readonly texts?: [] | null })[];
  };
  it.each(negative.cases)("are not read: $name", (wanted) => {
    const reading = textsBefore(changeOf(wanted));
    const { live } = wanted;
    expect(live === undefined ? { reading } : { texts: reading?.(live) }).toEqual(
      live === undefined ? { reading: wanted.reading } : { texts: wanted.texts },
    );
  });

  it("are read from one live text only, whatever that is", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^-?\d{1,4}(?:\.\d{0,4})?(?:e[+-]\d\d)? {0,3}$/),
      fc.stringMatching(/^\d{4}-0[1-9]-[0-2][0-9] [012]\d:00:00(?:\.\d)?(?:\+00)?(?: BC)?$/),
      fc.stringMatching(/^\{[a-c0-9,"\\ ]{0,8}\}$/),
      fc.stringMatching(/^[0-9a-f:.]{1,8}(?:\/\d\d?)?$/),
    );
    const changes = [
      ...new Map(cases.map((one) => [JSON.stringify(changeOf(one).before + one.now + one.zone), one])).values(),
    ];
    const readings = changes.map((one) => readingOf(changeOf(one)));
    fc.assert(
      fc.property(fc.uniqueArray(hostile, { minLength: 2, maxLength: 12 }), (lives) => {
        for (const reading of readings) {
          const texts = lives.flatMap((live) => reading(live) ?? []);
          expect(new Set(texts).size).toBe(texts.length);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("stay where a domain is put over a type, or taken off", () => {
    const domain = '"public"."document"=jsonb';
    for (const [before, now] of [
      ["jsonb", domain],
      [domain, "jsonb"],
      [domain, '"other"."d"="public"."document"=jsonb'],
    ] as const) {
      expect(readingOf({ before, now })('{"a": 1}')).toEqual(['{"a": 1}']);
    }
    expect(readingOf({ before: '"public"."cents"[]=numeric(10,2)', now: "numeric(14,4)[]" })("{1.5000}")).toEqual([
      "{1.50}",
    ]);
  });

  it("are labels as they were called, also where two were swapped", () => {
    const reading = readingOf({
      before: `"public"."state"{'approved','it''s',E'a\\\\b'}`,
      now: `"public"."state"{'it''s','approved',E'a\\\\b'}`,
      labels: new Map([
        ["approved", "it's"],
        ["it's", "approved"],
      ]),
    });
    expect(["approved", "it's", "a\\b"].map(reading)).toEqual([["it's"], ["approved"], ["a\\b"]]);
  });

  it("take no time for descriptions and texts of any length", () => {
    const deep = `${'"a"."b"='.repeat(100_000)}integer`;
    expect(textsBefore({ before: deep, now: "bigint" })).toBeNull();
    expect(textsBefore({ before: `"a"."b"{${"'x',".repeat(100_000)}`, now: "text" })).toBeNull();
    const digits = "1".repeat(100_000);
    expect(readingOf({ before: "numeric(1000,2)", now: "numeric" })(`${digits}.00`)).toEqual([]);
    expect(readingOf({ before: "integer", now: "text" })(digits)).toEqual([]);
    expect(readingOf({ before: "character varying(9)[]", now: "text[]" })(`{"${"\\".repeat(100_000)}`)).toEqual([]);
  });
});

describe("a change of type in words", () => {
  const state = (labels: string) => `"public"."state"{${labels}}`;
  it.each<[string, Omit<TypeChange, "labels">, Record<string, string>]>([
    ["orders.total: numeric(10,2) is now numeric(14,4)", { before: "numeric(10,2)", now: "numeric(14,4)" }, {}],
    [
      "orders.total: timestamp without time zone is now timestamp with time zone, by the clock of Europe/Berlin",
      {
        before: "timestamp without time zone",
        now: "timestamp with time zone",
        zone: { name: "Europe/Berlin", changedAt: CHANGED_AT },
      },
      {},
    ],
    [
      "orders.total: integer is now bigint",
      { before: "integer", now: "bigint", zone: { name: "UTC", changedAt: 0n } },
      {},
    ],
    [
      'orders.total: the label "approved" is now called "rejected"; the label "rejected" is now called "approved"; the label "open" is new',
      { before: state("'approved','rejected'"), now: state("'rejected','approved','open'") },
      { approved: "rejected", rejected: "approved" },
    ],
    [
      'orders.total: "public"."state"[] is now "public"."other"[]; the label "b" is gone',
      { before: `"public"."state"[]{'a','b'}`, now: `"public"."other"[]{'a'}` },
      {},
    ],
    ['orders.total: "public"."state" is now text', { before: state("'a','b'"), now: "text" }, {}],
    ["orders.total: the labels have another order now", { before: state("'a','b'"), now: state("'b','a'") }, {}],
  ])("says %s", (sentence, change, labels) => {
    expect(describeTypeChange("orders.total", { ...change, labels: new Map(Object.entries(labels)) })).toBe(sentence);
  });
});
