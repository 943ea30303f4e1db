import { readFileSync } from "node:fs";
import { CONFIG_MEMBERS, DATABASE_MEMBERS, nearestName, SETTINGS } from "@scidex/audit-command";
import { describe, expect, it } from "vitest";
import { ENTRY_MEMBERS, parseAuditConfig } from "../../src/config/audit-config.ts";
import { checkKinds, kindFor } from "../../src/config/kinds.ts";
import { namingOf } from "../../src/config/name-tables.ts";
import { parseTablePattern } from "../../src/config/table-pattern.ts";

const config = (tables: object) => parseAuditConfig(JSON.stringify({ tables }));
const entry = (members: object) => config({ "public.*": members });
const table = (text: string) => ({ schema: text.split(".")[0] ?? "", name: text.split(".")[1] ?? "" });

/** The name of the entry that decides about a table; null for none. */
function decides(tables: object, name: string): string | null {
  const naming = namingOf(table(name), config(tables));
  return naming.is === "named" ? naming.entry.pattern.text : null;
}

describe("a pattern", () => {
  it.each([
    ["public.orders", "public.orders", "public.orders2"],
    ["public.*", "public.orders", "publi.orders"],
    ["tenant_*.*", "tenant_7.orders", "tenant.orders"],
    ["*.order*s", "app.orders", "app.order"],
    ["public.a+b", "public.a+b", "public.aab"],
    ["public.Order", "public.Order", "public.order"],
    ['public."a*"', "public.a*", "public.ab"],
  ])("%s names %s, and not %s", (pattern, right, wrong) => {
    const parsed = parseTablePattern(pattern);
    expect(parsed?.matches(table(right))).toBe(true);
    expect(parsed?.matches(table(wrong))).toBe(false);
  });

  it("takes what stands in double quotes as it is", () => {
    const parsed = parseTablePattern('"a.b"."say ""hi""*"');
    expect(parsed).toMatchObject({ isExact: true, relation: '"a.b"."say ""hi""*"' });
    expect(parsed?.matches({ schema: "a.b", name: 'say "hi"*' })).toBe(true);
  });

  it.each(["orders", "", ".", "public.", ".orders", "a.b.c", 'public."', 'public.""', 'public."a"b'])(
    "%j is none",
    (text) => expect(parseTablePattern(text)).toBeUndefined(),
  );
});

describe("which entry decides", () => {
  it("is the exact name, then the pattern with fewer wildcards, then the longer one", () => {
    const tables = { "*.*": {}, "public.*": {}, "public.order*": {}, "public.orders": {} };
    expect(decides(tables, "public.orders")).toBe("public.orders");
    expect(decides(tables, "public.orders_old")).toBe("public.order*");
    expect(decides(tables, "public.users")).toBe("public.*");
    expect(decides(tables, "app.users")).toBe("*.*");
    expect(decides({ "public.*": {} }, "app.users")).toBeNull();
  });

  it("is the next one where an exception takes the table out of the first", () => {
    const tables = { "public.*": { except: ["public.tmp_*"] }, "*.*": {} };
    expect(decides(tables, "public.tmp_1")).toBe("*.*");
    expect(namingOf(table("public.tmp_1"), config({ "public.*": { except: ["public.tmp_*"] } }))).toMatchObject({
      is: "excepted",
    });
  });

  it("is an error where two are equally specific", () => {
    expect(() => decides({ "public.a*": {}, "public.*z": {} }, "public.az")).toThrow(
      'public.az is named by "public.a*" and by "public.*z", and neither is more specific',
    );
  });
});

describe("a kind", () => {
  it("is made of the table's schema and name", () => {
    expect(kindFor("{schema}.{table}", { schema: "one", name: "{schema}" })).toBe("one.{schema}");
  });

  it("of two tables is an error that says what to write", () => {
    const claim = (name: string, isAttached: boolean) => ({ table: name, kind: "log", isAttached });
    expect(() => checkKinds([claim("a.log", true), claim("b.log", false)])).toThrow(
      'a.log, b.log would have the one kind "log"; add "kind": "{schema}.{table}"',
    );
    expect(() => checkKinds([claim("a.log", true), claim("b.log", true)])).not.toThrow();
  });
});

describe("a configuration that is wrong", () => {
  it.each([
    ['{"tables":{"public.*":{"mode":"strict","mode":"sealed"}}}', 'the member "mode" stands twice'],
    ["tables: {}", "it is not JSON"],
    ["[]", "it must be an object"],
    ['{"tables":[]}', "tables must be an object"],
    ['{"tabels":{}}', "tabels is not known; did you mean tables?"],
    ['{"keys":[],"tables":{}}', "keys is not known; expected $schema, database, password_file, schema,"],
    ['{"schedules":{"publish":"hourly"}}', "schedules.publish must be a whole number and one of s, m, h, d, w"],
    ['{"tables":{"public.*":{"mod":"sealed"}}}', 'tables["public.*"].mod is not known; did you mean mode?'],
    ['{"tables":{"public.*":{"blindKey":true}}}', 'tables["public.*"].blindKey is not known; did you mean blind_key?'],
    ['{"tables":{"public.*":{"retained":"P1D"}}}', 'tables["public.*"].retained is not known; expected mode,'],
    ['{"tables":{"public.*":[]}}', 'tables["public.*"] must be an object, {} for the defaults'],
    ['{"tables":{"orders":{}}}', '"orders" names no table; expected schema.table'],
    ['{"tables":{"public.*":{"mode":"lazy"}}}', 'tables["public.*"].mode must be "sealed" or "strict" or "stream"'],
    ['{"tables":{"public.*":{"salt":1}}}', 'tables["public.*"].salt must be true or false'],
    ['{"tables":{"public.*":{"kind":"{tabel}"}}}', 'tables["public.*"].kind: {tabel} stands for nothing'],
    ['{"tables":{"public.*":{"except":["x"]}}}', 'tables["public.*"].except[0]: "x" names no table'],
    ['{"tables":{"public.a":{"except":["a.b"]}}}', 'tables["public.a"].except: the entry names one table'],
  ])("%s: %s", (text, message) => {
    expect(() => parseAuditConfig(text)).toThrow(
      expect.objectContaining({ code: "configuration", message: expect.stringContaining(message) as string }),
    );
  });

  it("is told the name that was meant, and none where nothing is near", () => {
    const names = Object.keys(ENTRY_MEMBERS);
    expect(nearestName("exculde", names)).toBe("exclude");
    expect(nearestName("kye", names)).toBe("key");
    expect(nearestName("Changes", names)).toBe("changes");
    expect(nearestName("owner", names)).toBeUndefined();
  });
});

describe("the schema for editors", () => {
  interface Schema {
    readonly enum?: readonly string[];
    readonly const?: boolean;
    readonly type?: string;
    readonly minItems?: number;
    readonly minLength?: number;
    readonly pattern?: string;
    readonly $ref?: string;
    readonly items?: Schema;
    readonly uniqueItems?: boolean;
    readonly additionalProperties?: boolean;
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly $defs?: Readonly<Record<string, Schema>>;
  }
  const schema = JSON.parse(readFileSync(new URL("../../audit.config.schema.json", import.meta.url), "utf8")) as Schema;
  const definition = ({ $ref = "" }: Schema): Schema => schema.$defs?.[$ref.replace("#/$defs/", "")] ?? {};
  const whole = (part: Schema): Schema => ({ ...definition(part), ...part });
  const members = schema.$defs?.["entry"]?.properties ?? {};
  const accepts = (member: string, value: unknown): boolean => {
    try {
      entry({ [member]: value });
      return true;
    } catch {
      return false;
    }
  };

  it("has the members that the reader knows, and no others", () => {
    expect(Object.keys(members).toSorted()).toEqual(Object.keys(ENTRY_MEMBERS).toSorted());
    expect(Object.keys(schema.properties ?? {}).toSorted()).toEqual(CONFIG_MEMBERS.toSorted());
    expect(Object.keys(schema.$defs?.["database"]?.properties ?? {}).toSorted()).toEqual(DATABASE_MEMBERS.toSorted());
    const { schedules = {}, alerts = {} } = schema.properties ?? {};
    const inner = Object.entries({ schedules, alerts }).flatMap(([group, { properties, additionalProperties }]) => {
      expect(additionalProperties).toBe(false);
      return Object.keys(properties ?? {}).map((name) => `${group}.${name}`);
    });
    expect(inner.toSorted()).toEqual(SETTINGS.filter((path) => path.includes(".")).toSorted());
    expect([schema.additionalProperties, schema.$defs?.["entry"]?.additionalProperties]).toEqual([false, false]);
  });

  it.each(Object.keys(ENTRY_MEMBERS))("allows in %s what the reader takes", (member) => {
    const part = whole(members[member] ?? {});
    // What of these a member may be, by the few words that the schema has.
    const values = [
      "strict",
      "sealed",
      "stream",
      "refuse",
      "track",
      "pending",
      "fail",
      "x",
      "",
      true,
      false,
      1,
      null,
      {},
      [],
      ["x.y"],
      [""],
      ["x.y", "x.y"],
      [1],
    ];
    const isAllowed = (value: unknown, by: Schema): boolean => {
      if (by.enum !== undefined) return by.enum.some((choice) => choice === value);
      if (by.const !== undefined) return value === by.const;
      if (by.type === "boolean") return typeof value === "boolean";
      if (by.type === "string")
        return (
          typeof value === "string" &&
          value.length >= (by.minLength ?? 0) &&
          new RegExp(by.pattern ?? "", "u").test(value)
        );
      if (by.type !== "array" || !Array.isArray(value) || value.length < (by.minItems ?? 0)) return false;
      const isUnique = by.uniqueItems !== true || new Set(value).size === value.length;
      return isUnique && value.every((item) => isAllowed(item, whole(by.items ?? {})));
    };
    for (const value of values) expect([value, accepts(member, value)]).toEqual([value, isAllowed(value, part)]);
  });

  it("calls the same texts patterns as the reader", () => {
    const form = new RegExp(schema.$defs?.["tables"]?.pattern ?? "", "u");
    for (const text of ["a.b", "*.*", 'a."b.c"', '"""".x', "a", "a.b.c", 'a."', 'a.""', "", ".", 'a"b.c'])
      expect([text, form.test(text)]).toEqual([text, parseTablePattern(text) !== undefined]);
  });
});
