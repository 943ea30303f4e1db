import {
  formatCheckpoint,
  formatEventProof,
  generateSigningKey,
  inclusionProof,
  leafHash,
  leafText,
  type Link,
  nextLink,
  type NoteSigner,
  parseSigner,
  payloadHash,
  signNote,
  treeRoot,
} from "@scidex/audit-core";

const ORIGIN = "example.org/log";
const SIGNED_AT = 1_777_381_200n;
const LINKS = 37;

/** What was recorded of the event. */
export const ROW = { id: "42", amount: "120.00", note: "é, a \u{1F511}, \\ and a\nline" };
export const SALT = "000102030405060708090a0b0c0d0e0f";

const signer = (name: string, type: 1 | 4 | 6): NoteSigner => parseSigner(generateSigningKey(name, type).signer);

/** A log, and proofs of its events: of the row 42, salted or not, or of what happened to it. */
export function proofSample(kind = "orders", isSalted = false) {
  const keys = [signer(ORIGIN, 1), signer(`${ORIGIN}/timestamp`, 4)];
  const strong = signer(ORIGIN, 6);
  const witness = signer("w.example", 4);
  const links: Link[] = [];
  for (let at = 1; at <= LINKS; at++) {
    const event = {
      eventKind: at === 12 ? kind : "other",
      eventPk: at === 12 ? "42" : String(at),
      payloadHash: payloadHash(at === 12 ? ROW : { at }, isSalted ? Buffer.from(SALT, "hex") : null),
      beforeHash: null,
      appendedAt: "2026-04-28T12:00:00.123456Z",
    };
    links.push(nextLink(links.at(-1) ?? null, event));
  }
  const leaves = links.map((link) => leafText(link));
  const hashes = leaves.map((leaf) => leafHash(leaf));
  const text = formatCheckpoint({ origin: ORIGIN, size: BigInt(LINKS), root: treeRoot(hashes) });
  const proof = (signers: readonly NoteSigner[]): string =>
    formatEventProof({
      leaf: leaves[11] ?? "",
      seq: 12n,
      hashes: inclusionProof(hashes, 11n),
      checkpoint: signNote(text, signers, { time: SIGNED_AT }),
    });
  const [log, timestamp] = keys.map(({ vkey }) => vkey);
  return {
    kind,
    pk: "42",
    keys: `${log}\n${timestamp}\n`,
    proof: proof(keys),
    cosigned: proof([...keys, witness]),
    strong: { keys: `${log}\n${timestamp}\n${strong.vkey}\n`, proof: proof([...keys, strong]) },
    trustPolicy: `witness W ${witness.vkey}\nquorum W\n`,
    /** A policy in which both keys have been replaced, with a last head of so many links. */
    replaced: (last: number): string =>
      JSON.stringify({ retired_keys: [log, timestamp].map((key) => ({ key, last, at: "2026-04-28T13:00:00Z" })) }),
  };
}
