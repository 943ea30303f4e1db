import { describe, expect, test } from "vitest";
import { TypeBoundError } from "../../../src/index.ts";
import {
  type DescribedType,
  describeColumnTypes,
  type TypeCatalog,
} from "../../../src/database/catalog/type-description.ts";

const INTEGER: DescribedType = {
  name: "int4",
  schema: "11",
  element: "0",
  array: "0",
  kind: "b",
  base: "0",
  baseModifier: -1,
  relation: "0",
};

/** A catalog as only an edit by hand or a very odd application makes it. Oids from 20,000 on are what `type` says. */
function catalogOf(type: (n: number) => Partial<DescribedType>, rest: Partial<TypeCatalog> = {}): TypeCatalog {
  return {
    type: (oid) => (oid === "23" ? INTEGER : { ...INTEGER, name: `t${oid}`, schema: "2200", ...type(Number(oid)) }),
    attributesOf: () => [],
    labelsOf: () => [],
    rangeSubtype: () => undefined,
    schemaName: (oid) => (oid === "11" ? "pg_catalog" : "public"),
    ...rest,
  };
}

const describeType = (catalog: TypeCatalog, type: string, modifier: number): string | undefined => {
  const attributesOf = (of: string) => (of === "t" ? [{ name: "c", type, modifier }] : catalog.attributesOf(of));
  return describeColumnTypes({ ...catalog, attributesOf }, "t").get("c");
};

describe("the bounds of a description", () => {
  test("10,000 domains over each other", () => {
    const catalog = catalogOf((n) => ({ kind: "d", base: n < 30_000 ? `${n + 1}` : "23" }));
    expect(() => describeType(catalog, "20000", -1)).toThrow(
      /^the type "public"."t20101" is nested deeper than 100 types$/u,
    );
    expect(describeType(catalog, "29950", -1)).toMatch(/^"public"\."t29950"=.*="public"\."t30000"=integer$/u);
  });

  test("arrays and ranges, made of themselves", () => {
    const array = catalogOf((n) => ({ element: `${n}`, array: `${n}` }));
    expect(describeType(array, "20000", -1)).toBe('"public"."t20000"[]');
    const range = catalogOf(() => ({ kind: "r" }), { rangeSubtype: (oid) => oid });
    expect(() => describeType(range, "20000", -1)).toThrow(TypeBoundError);
  });

  test("an enum of a million labels", () => {
    const labels = Array.from({ length: 1_000_000 }, (_, n) => `label ${n}`);
    expect(() =>
      describeType(
        catalogOf(() => ({ kind: "e" }), { labelsOf: () => labels }),
        "20000",
        -1,
      ),
    ).toThrow(/^the description of the type "public"."t20000" takes more than 2097152 characters$/u);
  });

  test("60 composites that hold the one below twice, over two columns and as a thousand columns", () => {
    const twice = catalogOf((n) => (n < 20_060 ? { kind: "c", relation: `${n}` } : {}), {
      attributesOf: (relation) =>
        Array.from({ length: relation === "1" ? 1000 : 2 }, (_, i) => ({
          name: `c${i}`,
          type: relation === "1" ? "20050" : `${Number(relation) + 1}`,
          modifier: -1,
        })),
    });
    expect(() => describeType(twice, "20000", -1)).toThrow(/takes more than/u);
    expect(() => describeColumnTypes(twice, "1")).toThrow(/takes more than/u);
    expect(describeType(twice, "20055", -1)?.length).toBeLessThan(5000);
  });

  test("a type that is gone is described as the server would", async () => {
    expect(describeType({ ...catalogOf(() => ({})), type: () => undefined }, "20000", 5)).toBe("???");
  });
});
