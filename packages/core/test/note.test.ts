import { describe, expect, it } from "vitest";
import {
  CoreError,
  formatCheckpoint,
  fromHex,
  generateKeyFile,
  generateSigningKey,
  MAX_NOTE_SIGNATURES,
  openNote,
  parseCheckpoint,
  parseKeyFile,
  parseNote,
  parseSigner,
  parseVerifierKey,
  type SignatureType,
  signingKeyFromSeed,
  signNote,
  toHex,
  vkeysOf,
} from "../src/index.ts";
import { cosignatureMessage, encodeCosignature } from "../src/cosignature.ts";
import { keyPair, signEd25519 } from "../src/ed25519.ts";
import { codeOf } from "./code-of.ts";
import { type Negative, vectors } from "./vectors.ts";

const { keys, notes } = vectors("notes") as {
  keys: { name: string; type: SignatureType; seed: string; signer: string; vkey: string }[];
  notes: {
    name: string;
    text: string;
    time: number;
    keys: string[];
    signers: string[];
    note: string;
    size?: number;
    root?: string;
  }[];
};
const signerOf = (name: string) => parseSigner(keys.find((key) => key.name === name)?.signer ?? "");

describe("note keys", () => {
  it.each(keys)("agree with Go on the key of $name", ({ name, type, seed, signer, vkey }) => {
    expect(signingKeyFromSeed(name, type, fromHex(seed))).toEqual({ signer, vkey });
    const [secret, verifier] = [parseSigner(signer), parseVerifierKey(vkey)];
    for (const key of [secret, verifier]) {
      expect(key).toMatchObject({ name, type, vkey });
      expect(key.keyId.toString(16).padStart(8, "0")).toBe(vkey.slice(name.length + 1, name.length + 9));
    }
  });

  it.each((vectors("negative/verifier-key") as { cases: (Negative & { text: string })[] }).cases)(
    "refuse the verifier key $name",
    ({ text, code }) => {
      expect(codeOf(() => parseVerifierKey(text))).toBe(code);
    },
  );

  it("are new each time, and refuse names that a note cannot hold", () => {
    expect(generateSigningKey("a", 1).signer).not.toBe(generateSigningKey("a", 1).signer);
    for (const name of [
      "",
      "a b",
      "a+b",
      "a\u00a0b",
      "a\nb",
      "a\u0000",
      "a\u001b[m",
      "\ud800",
      "n".repeat(256),
      "é".repeat(128),
    ]) {
      expect(codeOf(() => generateSigningKey(name, 1))).toBe("name_malformed");
    }
    expect(generateSigningKey("é".repeat(127), 4).vkey).toContain("é");
    expect(codeOf(() => signingKeyFromSeed("a", 1, new Uint8Array(31)))).toBe("key_malformed");
  });

  it("never repeat a secret in an error", () => {
    const { signer } = generateSigningKey("example.com/log", 1);
    const secret = signer.slice(-44);
    const attempts = [
      () => parseVerifierKey(signer),
      () => parseVerifierKey(signer.replace("PRIVATE+KEY+", "")),
      () => parseSigner(`${signer}x`),
      () => parseSigner(signer.replace("example", "Example")),
      () => parseSigner(` ${signer}`),
      () => parseKeyFile(`${signer}\n${signer}x\n`),
      () => parseKeyFile(signer),
    ];
    for (const attempt of attempts) {
      let error: unknown;
      try {
        attempt();
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(CoreError);
      for (let at: unknown = error; at instanceof Error; at = at.cause) {
        expect(at.message).not.toContain(secret.slice(4, 20));
      }
    }
  });
});

describe("signed notes", () => {
  it("verifies the examples of the specifications", () => {
    const signed = openNote(
      "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
      [parseVerifierKey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")],
    );
    expect(signed.text).toBe("This is an example message.\n");
  });

  it.each(notes)("agree with Go on $name, byte for byte", ({ text, time, keys, signers, note }) => {
    expect(signNote(text, signers.map(signerOf), { time: BigInt(time) })).toBe(note);
    const opened = openNote(note, keys.map(parseVerifierKey));
    expect(opened.text).toBe(text);
    expect(opened.signatures.map(({ name }) => name)).toEqual(signers);
    for (const { type, time: signed } of opened.signatures) {
      expect(signed).toBe(type === 4 ? BigInt(time) : undefined);
    }
    // Each key alone is enough, and sees only its own signature.
    for (const key of keys) expect(openNote(note, [parseVerifierKey(key)]).signatures).toHaveLength(1);
  });

  it.each((vectors("negative/note") as { cases: (Negative & { note: string; vkeys: string[] })[] }).cases)(
    "refuses $name with $code",
    ({ note, vkeys, code }) => {
      expect(codeOf(() => openNote(note, vkeys.map(parseVerifierKey)))).toBe(code);
    },
  );

  it("refuses any change of a bit of any signature", () => {
    const { note, keys } = notes.at(-1) ?? { note: "", keys: [] };
    const verifiers = keys.map(parseVerifierKey);
    const lines = note.split("\n");
    for (const at of [4, 5, 6]) {
      const [dash, name, base64 = ""] = (lines[at] ?? "").split(" ");
      const blob = Buffer.from(base64, "base64");
      // Past the key ID, a change of which makes it the signature of an unknown key.
      for (let bit = 32; bit < blob.length * 8; bit++) {
        const changed = Buffer.from(blob);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const line = [dash, name, changed.toString("base64")].join(" ");
        expect(codeOf(() => openNote(lines.with(at, line).join("\n"), verifiers))).toBe("signature_invalid");
      }
    }
  });

  it("takes 100 signatures and a witness's long one, and refuses to read a note without bounds", () => {
    const signer = signerOf("example.com/log");
    const verifier = parseVerifierKey(signer.vkey);
    const note = signNote("text\n", [signer], { time: 0n });
    const witness = (i: number): string => `— w${i} ${Buffer.alloc(4 + 2428).toString("base64")}\n`;
    const lines = Array.from({ length: MAX_NOTE_SIGNATURES - 1 }, (_, i) => witness(i)).join("");
    expect(openNote(note + lines, [verifier]).signatures).toHaveLength(1);
    expect(codeOf(() => openNote(note + lines + witness(100), [verifier]))).toBe("note_malformed");
    expect(codeOf(() => parseNote(note + witness(1).repeat(10_000)))).toBe("note_malformed");
    expect(codeOf(() => parseNote(`${"a\n".repeat(1_000_000)}${note}`))).toBe("note_malformed");
  });

  it("does not sign what could not be opened again", () => {
    const signer = signerOf("example.com/log");
    const sign = (text: string) => codeOf(() => signNote(text, [signer], { time: 0n }));
    for (const text of ["", "no newline", "a\rb\n", "a\u0000b\n", "\ud800\n"])
      expect(sign(text)).toBe("note_malformed");
    expect(codeOf(() => signNote("text\n", [], { time: 0n }))).toBe("note_malformed");
    const cosigner = signerOf("witness.example/w1");
    for (const time of [-1n, 2n ** 63n, 2n ** 64n]) {
      expect(codeOf(() => signNote("text\n", [cosigner], { time }))).toBe("time_range");
    }
  });

  it("refuses a genuine cosignature of a time that the format does not have", () => {
    const seed = new Uint8Array(32).fill(9);
    const verifier = parseVerifierKey(signingKeyFromSeed("a", 4, seed).vkey);
    const sign = (time: bigint) => signEd25519(keyPair(seed).privateKey, cosignatureMessage("text\n", time));
    const last = 2n ** 63n - 1n;
    expect(verifier.verify("text\n", encodeCosignature(last, sign(last)))).toBe(true);
    expect(verifier.verify("text\n", encodeCosignature(last + 1n, sign(last + 1n)))).toBe(false);
  });

  it("does not take a log's signature for a cosignature, nor the other way round, with one seed for both", () => {
    const seed = new Uint8Array(32);
    const [one, four] = [signingKeyFromSeed("a", 1, seed), signingKeyFromSeed("a", 4, seed)];
    const note = signNote("text\n", [parseSigner(one.signer)], { time: 0n });
    expect(codeOf(() => openNote(note, [parseVerifierKey(four.vkey)]))).toBe("signature_missing");
    expect(parseVerifierKey(four.vkey).verify("text\n", parseNote(note).lines[0]?.signature ?? seed)).toBe(false);
  });
});

describe("checkpoints", () => {
  it.each(notes.filter(({ size }) => size !== undefined))("agree with Go on $name", ({ text, root = "" }) => {
    const checkpoint = parseCheckpoint(text);
    expect(toHex(checkpoint.root)).toBe(root);
    expect(formatCheckpoint(checkpoint)).toBe(text);
  });

  it.each((vectors("negative/checkpoint") as { cases: (Negative & { text: string })[] }).cases)(
    "refuses $name",
    ({ text, code }) => {
      expect(codeOf(() => parseCheckpoint(text))).toBe(code);
    },
  );

  it("has room for the largest tree", () => {
    const text = formatCheckpoint({ origin: "a", size: 2n ** 63n - 1n, root: new Uint8Array(32) });
    expect(parseCheckpoint(text).size).toBe(9223372036854775807n);
    expect(codeOf(() => formatCheckpoint({ origin: "a", size: 2n ** 63n, root: new Uint8Array(32) }))).toBe(
      "tree_range",
    );
    expect(codeOf(() => formatCheckpoint({ origin: "a", size: 1n, root: new Uint8Array(31) }))).toBe("hash_length");
    expect(codeOf(() => formatCheckpoint({ origin: "a b", size: 1n, root: new Uint8Array(32) }))).toBe(
      "name_malformed",
    );
  });
});

describe("key files", () => {
  it("hold a log's key and its time-stamping key", () => {
    const { text, vkeys } = generateKeyFile("scidex.ai/audit-chain");
    const parsed = parseKeyFile(text);
    expect(parsed.origin).toBe("scidex.ai/audit-chain");
    expect(parsed.log).toMatchObject({ name: "scidex.ai/audit-chain", type: 1, vkey: vkeys[0] });
    expect(parsed.timestamp).toMatchObject({ name: "scidex.ai/audit-chain/timestamp", type: 4, vkey: vkeys[1] });
    expect(codeOf(() => generateKeyFile("scidex ai"))).toBe("name_malformed");
    expect(codeOf(() => generateKeyFile("n".repeat(250)))).toBe("name_malformed");
  });

  it("hold an ML-DSA-44 key of the log, too, where it is asked for, and nothing else in its place", () => {
    const { text, vkeys } = generateKeyFile("a", { postQuantum: true });
    const parsed = parseKeyFile(text);
    expect(parsed.postQuantum).toMatchObject({ name: "a", type: 6, vkey: vkeys[2] });
    expect(vkeysOf(parsed)).toEqual(vkeys);
    expect(vkeysOf(parseKeyFile(generateKeyFile("a").text))).toHaveLength(2);
    const [log = "", timestamp = "", third = ""] = text.split("\n");
    for (const lines of [
      [log, timestamp, log],
      [log, timestamp, generateSigningKey("b", 6).signer],
      [log, timestamp, ""],
      [log, timestamp, third, third],
      [log, third, timestamp],
      [log, third],
    ])
      expect(codeOf(() => parseKeyFile(lines.map((line) => `${line}\n`).join("")))).toBe("key_file_malformed");
    expect(codeOf(() => parseKeyFile(text.trimEnd()))).toBe("key_file_malformed");
  });

  it("refuse one seed for both keys", () => {
    const seed = new Uint8Array(32).fill(7);
    const [log, timestamp] = [signingKeyFromSeed("a", 1, seed), signingKeyFromSeed("a/timestamp", 4, seed)];
    expect(codeOf(() => parseKeyFile(`${log.signer}\n${timestamp.signer}\n`))).toBe("key_file_malformed");
  });

  it.each((vectors("negative/key-file") as { cases: (Negative & { text: string })[] }).cases)(
    "refuse $name",
    ({ text, code }) => {
      expect(codeOf(() => parseKeyFile(text))).toBe(code);
    },
  );
});
