/// <reference lib="dom" />
/** As much of `node:crypto` as core uses to check a proof, by WebCrypto. */
import { ask } from "./ask.ts";
import { Buffer } from "./buffer.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A public key, which the browser knows how to use. */
interface PublicKey {
  readonly key: CryptoKey;
  readonly text: string;
}

/** Lengths of the DER of public keys: a prefix, and the raw key. */
const ALGORITHMS: ReadonlyMap<number, string> = new Map([
  [12 + 32, "Ed25519"],
  [22 + 1312, "ML-DSA-44"],
]);

/** WebCrypto itself. A page has it where it was opened from a file, or over https. */
function webCrypto(): SubtleCrypto {
  const found: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (found === undefined) throw new Error("This browser has no WebCrypto here: save the page, and open the file.");
  return found;
}

/** What no other key or proof would change: core has words for Node.js, and these are for whoever has opened the page. */
export class BrowserError extends Error {}

const bytesOf = (data: Uint8Array | string): Bytes =>
  typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);

const nameOf = (data: Uint8Array): string => Buffer.from(data).toString("base64");

export function hash(_algorithm: "sha256", data: Uint8Array | string, _encoding: "binary"): string {
  const bytes = bytesOf(data);
  return ask(`sha256 ${nameOf(bytes)}`, async () =>
    Buffer.from(await webCrypto().digest("SHA-256", bytes)).toString("latin1"),
  );
}

export function createPublicKey({ key: der }: { readonly key: Uint8Array }): PublicKey {
  const algorithm = ALGORITHMS.get(der.byteLength) ?? "";
  const text = nameOf(der);
  return ask(`key ${text}`, async () => {
    try {
      return { key: await webCrypto().importKey("spki", bytesOf(der), algorithm, false, ["verify"]), text };
    } catch (cause) {
      throw new BrowserError(
        `This browser cannot check ${algorithm} signatures: take a newer one, or audit-chain verify-proof.`,
        {
          cause,
        },
      );
    }
  });
}

export const verify = (_: null, message: Uint8Array, { key, text }: PublicKey, signature: Uint8Array): boolean =>
  ask(
    `verify ${text} ${nameOf(message)} ${nameOf(signature)}`,
    async () => await webCrypto().verify(key.algorithm, key, bytesOf(signature), bytesOf(message)),
  );

const absent = (): never => {
  throw new Error("not in a browser: nothing is signed here");
};

export const createPrivateKey = absent;
export const createHmac = absent;
export const randomBytes = absent;
export const sign = absent;
