/**
 * Keys that lie elsewhere: in an ssh-agent, a token, a key service. Such a key is asked for each signature, and answers
 * later; what is signed is computed at once, by pure functions. So these are run until each signature that they want is
 * there: a key that lacks one stops the run, is asked, and the run begins again, with the same text.
 *
 *     const line = await withSignatures(() => signHead({ keys, leaf, before, time }));
 *
 * In a key file such a key is `AGENT+KEY+` and its verifier key: there is nothing secret in it.
 */
import { CoreError, quoted } from "./errors.ts";
import { sameBytes } from "./hash.ts";
import { type NoteKey, type NoteSigner, parseVerifierKey } from "./note-key.ts";
import { algorithmOf } from "./signature-type.ts";

/** Something that signs, and may take its time. */
export interface Signer {
  /** The signature of a message, by one key: 64 bytes for Ed25519. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** What knows the keys that lie elsewhere: the signer of a key. */
export type KeyElsewhere = (key: NoteKey) => Signer;

const ELSEWHERE = "AGENT+KEY+";

/** More keys never sign one note. */
const MAX_KEYS = 16;

/** A signature is wanted, and not there yet. Whoever sees this outside `withSignatures` has forgotten that. */
class SignatureWanted extends Error {
  readonly askKey: () => Promise<void>;

  constructor(askKey: () => Promise<void>) {
    super("this key lies elsewhere: sign with withSignatures");
    this.askKey = askKey;
  }
}

/**
 * What `make` returns, once all that lies elsewhere has signed.
 *
 * @param make signs the same text whenever it is run
 * @throws what `make` or a signer throws; {CoreError} `signature_invalid` where a signer has returned none of its key
 */
export async function withSignatures<T>(make: () => T): Promise<T> {
  for (let asked = 0; asked <= MAX_KEYS; asked++) {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof SignatureWanted)) throw error;
      await error.askKey();
    }
  }
  throw new Error("what is to be signed is another text each time");
}

/** The line of a key file for a key that lies elsewhere. */
export const elsewhereLine = (vkey: string): string => `${ELSEWHERE}${vkey}`;

/** Whether a line of a key file is of a key that lies elsewhere. */
export const isElsewhere = (line: string): boolean => line.startsWith(ELSEWHERE);

/**
 * The signer of such a line.
 *
 * @throws {CoreError} `key_malformed`
 */
export function parseElsewhere(line: string, elsewhere: KeyElsewhere): NoteSigner {
  const key = parseVerifierKey(line.slice(ELSEWHERE.length));
  const { name, keyId, type, vkey, publicBytes } = key;
  const algorithm = algorithmOf(type);
  const signer = elsewhere(key);
  let last: { readonly message: Uint8Array; readonly signature: Uint8Array } | undefined;
  const sign = (text: string, time: bigint): Uint8Array => {
    const message = algorithm.message(name, text, time);
    if (last !== undefined && sameBytes(last.message, message)) return last.signature;
    throw new SignatureWanted(async () => {
      const signature = algorithm.inNote(await signer.sign(message), time);
      // A faulty token must not be found out by whoever verifies.
      if (!key.verify(text, signature))
        throw new CoreError("signature_invalid", `what signs for ${quoted(name)} has returned no signature of its key`);
      last = { message, signature };
    });
  };
  return { name, keyId, type, vkey, publicBytes, isElsewhere: true, sign };
}
