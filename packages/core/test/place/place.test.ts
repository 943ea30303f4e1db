import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { atPlace, clientAt, DEFAULT_PLACE, placeOf, placeOfClient, shippedForm } from "../../src/index.ts";

const PLACE = placeOf({ schema: "audit", rolePrefix: "acme_audit_" });
const MIGRATIONS = new URL("../../../../migrations/", import.meta.url);
const SHIPPED = readdirSync(MIGRATIONS)
  .filter((name) => name.endsWith(".sql"))
  .map((name) => readFileSync(new URL(name, MIGRATIONS), "utf8"))
  .join("\n");

describe("a place", () => {
  test.each([
    [{ schema: "Audit" }, 'the schema of the audit chain is "Audit"; expected at most 63 of a-z'],
    [{ schema: "pg_audit" }, "pg_audit"],
    [{ schema: "information_schema" }, "information_schema"],
    [{ schema: 'a"; drop' }, String.raw`a\"; drop`],
    [{ schema: "" }, '""'],
    [{ rolePrefix: "pg_" }, 'the prefix of the audit chain\'s roles is "pg_"'],
    [{ rolePrefix: "audit_chain_" }, "audit_chain_"],
    [{ rolePrefix: "a" }, '"a"'],
  ])("%j is none", (names, message) => {
    expect(() => placeOf(names)).toThrow(message);
  });

  test("is the default one where nothing is said", () => {
    expect(placeOf({})).toEqual(DEFAULT_PLACE);
  });
});

describe("SQL of ours at another place", () => {
  test("names nothing of the default place any more, in all migrations", () => {
    const there = atPlace(SHIPPED, PLACE);
    expect(there).not.toMatch(/\bpublic\.|'public'::|schema public|scidex_audit_/u);
    expect(there.match(/\baudit\.audit_chain/gu)?.length).toBe(SHIPPED.match(/\bpublic\.audit_chain/gu)?.length);
  });

  test("is what is shipped again, wherever it was read", () => {
    for (const place of [PLACE, placeOf({ schema: "c" }), placeOf({ rolePrefix: "x_y" }), DEFAULT_PLACE])
      expect(shippedForm(atPlace(SHIPPED, place), place)).toBe(SHIPPED);
  });

  test.each([
    ["insert into public.audit_chain_pending values (1)"],
    ["perform audit.audit_chain_link_all(); perform public.audit_chain_link_all()"],
    ["grant select on audit.audit_chain to scidex_audit_ro"],
    ["execute 'select public.%I()'"],
  ])("%s is none of ours there: two texts never come to the same", (text) => {
    expect(shippedForm(text, PLACE)).toBeNull();
  });
});

/** A client that keeps what it is asked, in the form of the driver's: a tag, `unsafe`, transactions. */
function recorder() {
  const asked: string[] = [];
  const tag = (strings: TemplateStringsArray, ...values: unknown[]): unknown[] => {
    asked.push(strings.raw.map((text, i) => `${text}${i < values.length ? `<${String(values[i])}>` : ""}`).join(""));
    return [];
  };
  const client = Object.assign(tag, {
    options: { database: "app" },
    unsafe: (text: string, values: unknown[] = []) => asked.push(`${text} ${values.map(String).join(" ")}`.trim()),
    begin: (how: string, work: (tx: typeof client) => void) => {
      asked.push(how);
      work(client);
    },
  });
  return { asked, client };
}

describe("a client for a chain in another place", () => {
  test("sends our statements there, in transactions too, and leaves values and quoted names alone", () => {
    const { asked, client } = recorder();
    const sql = clientAt(client, PLACE);
    expect(sql`select from public.audit_chain where event_kind = ${"public.audit_chain"}`).toEqual([]);
    sql.begin("read only", (tx) => {
      tx.unsafe(
        'select public.audit_chain_seal($1) from "public.audit_x"."a ""scidex_audit_ro"" b" as scidex_audit_ro',
        ["public.audit_chain"],
      );
    });
    sql.unsafe('grant select on "public"."audit_chain", public."Odd", public.orders to "scidex_audit_ro"');
    expect(asked).toEqual([
      "select from audit.audit_chain where event_kind = <public.audit_chain>",
      "read only",
      'select audit.audit_chain_seal($1) from "public.audit_x"."a ""scidex_audit_ro"" b" as acme_audit_ro public.audit_chain',
      'grant select on "audit"."audit_chain", public."Odd", public.orders to "acme_audit_ro"',
    ]);
  });

  test("is known by its place, and two places do not mix", () => {
    const [one, other] = [recorder(), recorder()];
    const here = clientAt(one.client, PLACE);
    const there = clientAt(other.client, placeOf({ schema: "log" }));
    for (const sql of [here, there, here]) expect(sql`select from public.audit_chain`).toEqual([]);
    expect(one.asked).toEqual(["select from audit.audit_chain", "select from audit.audit_chain"]);
    expect(other.asked).toEqual(["select from log.audit_chain"]);
    expect([placeOfClient(here), placeOfClient(there).schema, placeOfClient(recorder().client)]).toEqual([
      PLACE,
      "log",
      DEFAULT_PLACE,
    ]);
  });
});
