/// <reference lib="dom" />
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeText, headTrust, parseRetiredKeys, parseTrustPolicy, payloadReadings } from "@scidex/audit-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerProof, proofPage, saltOf } from "../../src/index.ts";
import { proofSample, ROW, SALT } from "./proof-sample.ts";
import { type Asked, askPage } from "./proof-tab.ts";
import { Reader } from "./reader.ts";
import { danglingOf, faintOf, overflowOf } from "./visible.ts";

let reader: Reader;
beforeAll(async () => {
  reader = await Reader.start();
});
afterAll(async () => {
  await reader.close();
});

const open = async (options = {}) => await reader.open(proofPage(), options);

/** What `verify-proof` says of the same, under Node.js. */
function said({ proof, keys, kind, pk, payload, salt, witnesses, policy }: Asked): readonly string[] {
  const trust = {
    ...headTrust(
      keys.split("\n").filter((line) => line !== ""),
      undefined,
    ),
    witnesses: witnesses === undefined ? undefined : parseTrustPolicy(Buffer.from(witnesses)),
    retired:
      policy === undefined
        ? undefined
        : parseRetiredKeys(JSON.parse(String(policy)).retired_keys, (what) => new Error(what)),
  };
  const text = typeof proof === "string" ? proof : Buffer.from(proof).toString("utf8");
  const readings = payload === undefined ? undefined : payloadReadings(Buffer.from(payload).toString("utf8"));
  return answerProof({
    proof: text,
    trust,
    kind,
    pk,
    readings,
    salt: salt === undefined ? undefined : saltOf(salt),
  }).lines.map(escapeText);
}

interface Vector {
  readonly kind: string;
  readonly pk: string;
  readonly text: string;
}

const vectors = (name: string): readonly Vector[] => {
  const file = join(import.meta.dirname, "../../../../vectors", `${name}.json`);
  const { proofs, cases } = JSON.parse(readFileSync(file, "utf8")) as Record<string, Vector[]>;
  return proofs ?? cases ?? [];
};

describe("the page that checks proofs", () => {
  it("says what verify-proof says, in its words", async () => {
    const { page: tab, requests, complaints } = await open();
    const plain = proofSample();
    const salted = proofSample("orders", true);
    const payload = JSON.stringify(ROW);
    const both = { ...plain, payload };
    const retyped = JSON.stringify({ ...ROW, id: 42, more: null });
    const questions: readonly (readonly [Asked, status: string, title: string])[] = [
      [plain, "intact", "It was recorded"],
      [both, "intact", "This was recorded"],
      [{ ...plain, payload: retyped }, "intact", "This was recorded"],
      [{ ...plain, payload: payload.replace("120", "121") }, "tampered", "NOT what was recorded"],
      [{ ...salted, payload }, "tampered", "NOT what was recorded"],
      [{ ...salted, payload, salt: SALT }, "intact", "This was recorded"],
      [{ ...salted, payload, salt: SALT.replace("0", "1") }, "tampered", "NOT what was recorded"],
      [{ ...plain, pk: "43" }, "unproven", "Refused"],
      [{ ...plain, keys: proofSample().keys }, "unproven", "Refused"],
      [{ ...plain, proof: plain.cosigned, witnesses: plain.trustPolicy }, "intact", "It was recorded"],
      [{ ...plain, witnesses: plain.trustPolicy }, "unproven", "Refused"],
      [{ ...plain, witnesses: "quorum none\n" }, "intact", "It was recorded"],
      [{ ...plain, policy: plain.replaced(36) }, "unproven", "Refused"],
      [{ ...plain, policy: plain.replaced(37) }, "intact", "It was recorded"],
      ...["erase", "retire", "restore", "record", "update", "delete"].map(
        (role) => [proofSample(`orders:${role}`), "intact", "It was recorded"] as const,
      ),
    ];
    const answers = await askPage(
      tab,
      questions.map(([question]) => question),
    );
    expect(answers).toEqual(questions.map(([question, status, title]) => ({ status, title, lines: said(question) })));
    expect(answers[0]?.lines[0]).toMatch(/^orders 42 was recorded at .*Z as link 12 of example\.org\/log/u);
    expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
  });

  it("checks proofs that another program made, and refuses what it made wrong", async () => {
    const { page: tab } = await open();
    const heads = JSON.parse(readFileSync(join(import.meta.dirname, "../../../../vectors/heads.json"), "utf8")) as {
      vkeys: string[];
    };
    const keys = heads.vkeys.join("\n");
    for (const [name, status] of [
      ["tlog-proofs", "intact"],
      ["negative/tlog-proof", "unproven"],
    ] as const) {
      // As files: a text area would change line ends.
      const questions = vectors(name)
        .filter(({ text }) => text !== "")
        .map(({ kind, pk, text }) => ({ proof: Buffer.from(text), keys, kind, pk }));
      const answers = await askPage(tab, questions);
      expect(answers.map(({ lines }) => lines)).toEqual(questions.map(said));
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([status]));
    }
  });

  it("refuses a proof with any byte changed, and a payload, in verify-proof's words", async () => {
    const { page: tab } = await open();
    const sample = proofSample();
    const flipped = (text: string, bit: number): Uint8Array[] =>
      Array.from(Buffer.from(text), (_, at) => Buffer.from(text).map((byte, i) => (i === at ? byte ^ bit : byte)));
    const proofs = [...flipped(sample.proof, 1), ...flipped(sample.proof, 0x80).filter((_, at) => at % 16 === 0)].map(
      (proof) => ({ ...sample, proof }),
    );
    const refused = await askPage(tab, proofs);
    expect(new Set(refused.map(({ title }) => title))).toEqual(new Set(["Refused"]));
    expect(refused.map(({ lines }) => lines)).toEqual(proofs.map(said));
    const payloads = flipped(JSON.stringify(ROW), 1).map((payload) => ({ ...sample, payload }));
    const different = await askPage(tab, payloads);
    // What is no JSON any more, or no text, is compared with nothing.
    const unread = /^(?:The record cannot be taken: |dropped is not UTF-8)/u;
    const judged = different.map(({ lines }) => (unread.test(lines[0] ?? "") ? null : lines));
    expect(judged).toEqual(payloads.map((payload, i) => (judged[i] === null ? null : said(payload))));
    expect(new Set(different.map(({ title }) => title))).toEqual(new Set(["Not checked", "NOT what was recorded"]));
    expect(different.filter(({ status }) => status === "tampered").length).toBeGreaterThan(20);
  });

  it("holds ML-DSA-44 signatures to be checked where the browser can, and else checks nothing", async () => {
    const { page: tab } = await open();
    const { strong, kind, pk } = proofSample();
    const [answer] = await askPage(tab, [{ ...strong, kind, pk }]);
    const without = "This browser cannot check ML-DSA-44 signatures: take a newer one, or audit-chain verify-proof.";
    const refusal = { status: "unproven", title: "Not checked", lines: [without] };
    // Some can, and some cannot yet.
    expect([
      refusal,
      { status: "intact", title: "It was recorded", lines: said({ ...strong, kind, pk }) },
    ]).toContainEqual(answer);
    await tab.evaluate(() => {
      const importKey = crypto.subtle.importKey.bind(crypto.subtle);
      crypto.subtle.importKey = (async (...args: Parameters<typeof importKey>) =>
        args[2] === "Ed25519"
          ? await importKey(...args)
          : await Promise.reject(new Error("no such"))) as typeof importKey;
    });
    expect(await askPage(tab, [{ ...strong, kind, pk }])).toEqual([refusal]);
  });

  it("takes no empty file for a field that was left out", async () => {
    const { page: tab } = await open();
    const sample = proofSample();
    for (const empty of [{ payload: Buffer.of() }, { witnesses: Buffer.of() }, { policy: Buffer.of() }]) {
      const [answer] = await askPage(tab, [{ ...sample, ...empty }]);
      expect(answer).toEqual({ status: "unproven", title: "Not checked", lines: ["dropped is empty."] });
    }
  });

  it("says which field something is wrong with, and goes there", async () => {
    const { page: tab } = await open();
    const sample = proofSample();
    for (const [question, field, words] of [
      [{ ...sample, keys: "" }, "keys", "keys are missing"],
      [{ ...sample, keys: "PRIVATE+KEY+x" }, "keys", "a secret signer key"],
      [{ ...sample, proof: "" }, "proof", "missing"],
      [{ ...sample, kind: "" }, "kind", "by its kind and key"],
      [{ ...sample, payload: "{" }, "payload", "expected one JSON value"],
      [{ ...sample, payload: "{}", salt: "12" }, "salt", "32 digits"],
      [{ ...sample, salt: SALT }, "payload", "A salt is for a record"],
      [{ ...sample, witnesses: "quorum W\n" }, "witnesses", "line 1"],
      [{ ...sample, policy: '{"retired_keys":7}' }, "policy", "must be a list"],
      [{ ...sample, policy: '{"tables":{},"id":"42"}' }, "policy", 'unknown member "id"'],
    ] as const) {
      const [answer] = await askPage(tab, [question]);
      expect(answer).toMatchObject({ status: "unproven", title: "Not checked" });
      expect(answer?.lines.join()).toContain(words);
      expect(await tab.locator("[aria-invalid=true]").getAttribute("id")).toBe(field);
    }
  });

  it("takes files dropped all at once, each to where it belongs, and by the keyboard alone", async () => {
    const { page: tab } = await open();
    const sample = proofSample();
    await tab.evaluate(
      (files) => {
        const dataTransfer = new DataTransfer();
        for (const [name, text] of files) dataTransfer.items.add(new File([text ?? ""], name ?? ""));
        document.querySelector("h1")?.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
      },
      [
        ["row.json", JSON.stringify(ROW)],
        ["a", sample.cosigned],
        ["b", sample.keys],
        ["c", sample.trustPolicy],
        ["d", sample.replaced(40)],
      ],
    );
    await tab.locator("#policy-from", { hasText: "bytes" }).waitFor({ state: "attached" });
    await tab.keyboard.press("Tab");
    expect(await tab.evaluate(() => document.activeElement?.className)).toBe("skip");
    const seen: string[] = [];
    for (let presses = 0; presses < 30 && seen.at(-1) !== "BUTTON"; presses++) {
      await tab.keyboard.press("Tab");
      const id = await tab.evaluate(() => document.activeElement?.id || (document.activeElement?.tagName ?? ""));
      if (id === "kind") await tab.keyboard.type("orders");
      if (id === "pk") await tab.keyboard.type("42");
      seen.push(id);
    }
    expect(seen).toEqual("proof proof-file keys keys-file kind pk payload payload-file salt SUMMARY BUTTON".split(" "));
    await tab.keyboard.press("Enter");
    await tab.locator("#result").waitFor();
    expect(await tab.evaluate(() => document.activeElement?.id)).toBe("result");
    expect(await tab.locator("#verdict-text").textContent()).toBe("This was recorded");
    expect(await tab.title()).toContain("This was recorded");
    const lines = await tab.locator("#lines li").allTextContents();
    expect(lines.join()).toContain("cosigned by W");
    // The answer is of what was asked: it goes when something else is.
    await tab.locator("#pk").press("3");
    expect(await tab.locator("#result").isVisible()).toBe(false);
  });

  it("stops what is not its own, and keeps text of an attacker to be text", async () => {
    const hostile = proofSample(`<img src=x onerror="globalThis.pwned=1">\u202e`);
    const attacked = proofPage().replace("</main>", "<script>globalThis.pwned=1</script></main>");
    const { page: tab, requests, complaints } = await reader.open(attacked);
    const [answer] = await askPage(tab, [hostile]);
    expect(answer?.lines[0]).toContain('<img src=x onerror="globalThis.pwned=1">\\u202e 42 was recorded at');
    expect(await tab.locator("#lines *:not(li)").count()).toBe(0);
    const tried = await tab.evaluate(async () => {
      const fetched = await fetch("http://127.0.0.1:9/").then(String, String);
      let marked = "set";
      try {
        document.body.innerHTML = "<p>x";
      } catch (error) {
        marked = String(error);
      }
      return [fetched, marked, "pwned" in globalThis];
    });
    expect(tried).toEqual([expect.stringContaining("Failed to fetch"), expect.stringContaining("TrustedHTML"), false]);
    expect(requests).toEqual([]);
    expect(
      complaints.filter((one) => !one.includes("Content Security Policy") && !one.includes("TrustedHTML")),
    ).toEqual([]);
  });

  describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
    it.each([360, 380, 1_280])("can be read by everyone at %i pixels", async (width) => {
      const { page: tab } = await open({ colorScheme, viewport: { width, height: 800 } });
      await tab.evaluate(() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
      });
      const sample = proofSample();
      const shots = process.env["AUDIT_TEST_SHOTS"];
      for (const [name, question] of [
        ["recorded", { ...sample, payload: JSON.stringify(ROW) }],
        ["different", { ...sample, payload: "{}" }],
        ["refused", { ...sample, pk: "4".repeat(900) }],
        ["wrong", { ...sample, keys: "W".repeat(900) }],
      ] as const) {
        await askPage(tab, [question]);
        expect([await overflowOf(tab), await faintOf(tab), await danglingOf(tab)]).toEqual([[], [], []]);
        if (shots !== undefined)
          await tab.screenshot({ path: join(shots, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
    });
  });
});
