import { describe, expect, it } from "vitest";
import {
  emptyFrontier,
  keyFileElsewhere,
  leafText,
  nextLink,
  type NoteKey,
  parseKeyFile,
  payloadHash,
  type Signer,
  signHead,
  signingKeyFromSeed,
  signNote,
  timestampName,
  vkeyOf,
  withSignatures,
} from "../src/index.ts";
import { keyPair, signEd25519 } from "../src/ed25519.ts";
import { codeOf } from "./code-of.ts";

const ORIGIN = "example.org/log";
const SEEDS = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
const [LOG, TIMESTAMP] = [
  signingKeyFromSeed(ORIGIN, 1, SEEDS[0]),
  signingKeyFromSeed(timestampName(ORIGIN), 4, SEEDS[1]),
];
const local = parseKeyFile(`${LOG.signer}\n${TIMESTAMP.signer}\n`);
const FILE = keyFileElsewhere([LOG.vkey, TIMESTAMP.vkey]);
const TIME = 1_777_381_200n;

const leaf = nextLink(null, {
  eventKind: "orders",
  eventPk: "42",
  payloadHash: payloadHash({ id: "42" }),
  beforeHash: null,
  appendedAt: "2026-04-28T12:00:00.123456Z",
});

/** A token with both keys, that answers later, and what it was asked. */
function token(wrong?: (signature: Uint8Array) => Uint8Array) {
  const asked: string[] = [];
  const elsewhere = ({ name, type }: NoteKey): Signer => ({
    sign: async (message) => {
      await Promise.resolve();
      asked.push(name);
      const signature = signEd25519(keyPair(SEEDS[type === 1 ? 0 : 1]).privateKey, message);
      return wrong?.(signature) ?? signature;
    },
  });
  return { keys: parseKeyFile(FILE, elsewhere), asked };
}

describe("a key that lies elsewhere", () => {
  it("signs what the same key signs here, and is asked once for each note", async () => {
    const { keys, asked } = token();
    const head = { leaf, before: emptyFrontier, time: TIME };
    const line = await withSignatures(() => signHead({ keys, ...head }));
    expect(line).toBe(signHead({ keys: local, ...head }));
    expect(asked).toEqual([ORIGIN, timestampName(ORIGIN)]);
  });

  it("is named in a key file, which has nothing secret and is refused where nobody knows it", () => {
    expect(FILE).toBe(`AGENT+KEY+${LOG.vkey}\nAGENT+KEY+${TIMESTAMP.vkey}\n`);
    expect(codeOf(() => parseKeyFile(FILE))).toBe("key_file_malformed");
    const { keys } = token();
    expect([keys.origin, keys.log.isElsewhere, local.log.isElsewhere]).toEqual([ORIGIN, true, false]);
    expect(vkeyOf(ORIGIN, 1, keyPair(SEEDS[0]).publicBytes)).toBe(LOG.vkey);
    for (const changed of [
      FILE.replace(ORIGIN, "example.org/other"),
      FILE.replace("+A", "+B"),
      FILE.replace("KEY+", ""),
    ])
      expect(codeOf(() => parseKeyFile(changed, () => ({ sign: async (bytes) => bytes })))).toBe("key_file_malformed");
  });

  it.each([
    ["a bit that is another", (signature: Uint8Array) => signature.map((byte, at) => (at === 9 ? byte ^ 1 : byte))],
    ["a byte too few", (signature: Uint8Array) => signature.subarray(1)],
    ["nothing", () => new Uint8Array()],
  ])("signs nothing with %s", async (_, wrong) => {
    const { keys } = token(wrong);
    const signed = withSignatures(() => signNote(leafText(leaf), [keys.log], { time: TIME }));
    await expect(signed).rejects.toMatchObject({ code: "signature_invalid" });
  });

  it("is not asked for ever where the text is another each time, nor outside", async () => {
    const { keys, asked } = token();
    let count = 0;
    const signed = withSignatures(() => signNote(`${count++}\n`, [keys.log], { time: TIME }));
    await expect(signed).rejects.toThrow("another text each time");
    expect(asked.length).toBeLessThan(20);
    expect(() => signNote("text\n", [keys.timestamp], { time: TIME })).toThrow("sign with withSignatures");
  });
});
