import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  parseHeadLine,
  parseKeyFile,
  parseStatementLine,
  parseVerifierKey,
  signStatement,
  TEXT_SETTINGS,
  toHex,
  verifyProof,
} from "../packages/core/src/index.ts";

const page = readFileSync(join(import.meta.dirname, "../docs/formats.md"), "utf8");
const origin = "scidex.ai/audit-chain";

/** The page's line that begins so. */
function lineOf(beginning: string): string {
  const line = page.split("\n").find((text) => text.startsWith(beginning));
  if (line === undefined) throw new Error(`docs/formats.md has no line that begins with ${beginning}`);
  return line;
}

const verifiers = [lineOf(`${origin}+`), lineOf(`${origin}/timestamp+`)].map(parseVerifierKey);

test("the head line that docs/formats.md makes by hand is one for the verifier's parser", () => {
  const head = parseHeadLine(lineOf('{"seq":2,"chain_hash":'), { origin, verifiers });
  expect(head).toMatchObject({ seq: 2n, publishedAt: "2026-04-28T13:00:00Z" });
  expect(head.leaf).toMatchObject({ eventKind: "orders:update", eventPk: "2@2" });
});

test("the proof that it makes by hand is one for the auditor's parser", () => {
  const from = page.indexOf("\nc2sp.org/tlog-proof@v1\n") + 1;
  const text = page.slice(from, page.indexOf("```", from));
  const { leaf, size } = verifyProof(text, { origin, verifiers }, { kind: "orders", pk: "2" });
  expect([leaf.seq, size]).toEqual([1n, 2n]);
});

test("the statement that it makes by hand is the publisher's, to the byte", () => {
  const line = lineOf('{"statement":');
  const { signedTime, hash, note: _, ...statement } = parseStatementLine(line, { origin, verifiers });
  expect(statement).toMatchObject({ kind: "orders", compared: 1, last: { seq: 2n } });
  expect(signStatement({ keys: parseKeyFile(keyFile()), statement, time: signedTime })).toBe(line);
  expect(page).toContain(`\n${toHex(hash)}\n`);
});

test("the key file of these keys is one for the publisher's parser", () => {
  expect(parseKeyFile(keyFile()).origin).toBe(origin);
});

/** The signer keys of the page's verifier keys. */
function keyFile(): string {
  const { keys } = JSON.parse(readFileSync(join(import.meta.dirname, "../vectors/notes.json"), "utf8")) as {
    keys: readonly { readonly signer: string; readonly vkey: string }[];
  };
  const lines = [lineOf(`${origin}+`), lineOf(`${origin}/timestamp+`)].map(
    (vkey) => keys.find((key) => key.vkey === vkey)?.signer,
  );
  return `${lines.join("\n")}\n`;
}

test("the settings under which rows are printed are those of the format", () => {
  const cells = page.matchAll(/\| `(\w+)` \| `([^`]*)` /g);
  const settings = [...cells].map(([, name = "", value = ""]) => `${name} = ${value}`);
  const expected = TEXT_SETTINGS.map((setting) => setting.replaceAll("'", ""));
  expect(settings.toSorted()).toEqual([...expected, "client_encoding = UTF8"].toSorted());
});
