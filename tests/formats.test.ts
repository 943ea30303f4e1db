import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseHeadLine, parseKeyFile, parseVerifierKey, TEXT_SETTINGS } from "../packages/core/src/index.ts";

const page = readFileSync(join(import.meta.dirname, "../docs/formats.md"), "utf8");
const origin = "scidex.ai/audit-chain";

/** The page's line that begins so. */
function lineOf(beginning: string): string {
  const line = page.split("\n").find((text) => text.startsWith(beginning));
  if (line === undefined) throw new Error(`docs/formats.md has no line that begins with ${beginning}`);
  return line;
}

test("the head line that docs/formats.md makes by hand is one for the verifier's parser", () => {
  const verifiers = [lineOf(`${origin}+`), lineOf(`${origin}/timestamp+`)].map(parseVerifierKey);
  const head = parseHeadLine(lineOf('{"seq":2,"chain_hash":'), { origin, verifiers });
  expect(head).toMatchObject({ seq: 2n, publishedAt: "2026-04-28T13:00:00Z" });
  expect(head.leaf).toMatchObject({ eventKind: "orders:update", eventPk: "2@2" });
});

test("the key file of these keys is one for the publisher's parser", () => {
  const { keys } = JSON.parse(readFileSync(join(import.meta.dirname, "../vectors/notes.json"), "utf8")) as {
    keys: readonly { readonly signer: string; readonly vkey: string }[];
  };
  const lines = [lineOf(`${origin}+`), lineOf(`${origin}/timestamp+`)].map(
    (vkey) => keys.find((key) => key.vkey === vkey)?.signer,
  );
  expect(parseKeyFile(`${lines.join("\n")}\n`).origin).toBe(origin);
});

test("the settings under which rows are printed are those of the format", () => {
  const cells = page.matchAll(/\| `(\w+)` \| `([^`]*)` /g);
  const settings = [...cells].map(([, name = "", value = ""]) => `${name} = ${value}`);
  const expected = TEXT_SETTINGS.map((setting) => setting.replaceAll("'", ""));
  expect(settings.toSorted()).toEqual([...expected, "client_encoding = UTF8"].toSorted());
});
