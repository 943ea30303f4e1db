/** A checkpoint of a log with the keys that tests sign it with. */
import {
  formatCheckpoint,
  generateSigningKey,
  type NoteSigner,
  type NoteVerifier,
  parseSigner,
  parseTrustPolicy,
  parseVerifierKey,
  type SignatureType,
  sha256,
  signingKeyFromSeed,
  signNote,
  type TrustPolicy,
} from "../../src/index.ts";

export const ORIGIN = "example.com/log";
export const TIME = 1_777_381_200n;

export const newKey = (name: string, type: SignatureType): NoteSigner =>
  parseSigner(generateSigningKey(name, type).signer);

const secret = sha256("the log's");

/** A key that cosigns with the log's own secret, by another name. */
export const sameSecretAsLog = (name: string): NoteSigner => parseSigner(signingKeyFromSeed(name, 4, secret).signer);

export const logKey: NoteSigner = parseSigner(signingKeyFromSeed(ORIGIN, 1, secret).signer);
export const timeKey: NoteSigner = newKey(`${ORIGIN}/timestamp`, 4);

export const own: NoteVerifier[] = [logKey, timeKey].map(({ vkey }) => parseVerifierKey(vkey));

export const TEXT: string = formatCheckpoint({ origin: ORIGIN, size: 7n, root: sha256("root") });

/** The log's checkpoint, cosigned by these at a time. */
export const cosigned = (witnesses: readonly NoteSigner[], time = TIME, text = TEXT): string =>
  signNote(text, [logKey, ...witnesses], { time });

/** A policy with these lines. */
export const policyOf = (...lines: string[]): TrustPolicy => parseTrustPolicy(Buffer.from(`${lines.join("\n")}\n`));
