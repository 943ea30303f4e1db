import { MAX_NOTE_SIGNATURES, type NoteVerifier, samePublicKey, type TrustPolicy } from "@scidex/audit-core";
import { PublisherError } from "../errors.ts";

/** A server that is asked to cosign (c2sp.org/tlog-witness). */
export interface Witness {
  /** Its URL, as it is named in results and in the state. */
  readonly name: string;
  /** Where checkpoints are submitted. */
  readonly endpoint: URL;
  /** Its keys, by the trust policy. */
  readonly keys: readonly NoteVerifier[];
}

/** The most signatures of the publisher's own in a note: by a log's three keys, and by the three that replace them. */
const MAX_OWN_SIGNATURES = 6;

/**
 * The witnesses at these URLs, with the keys that the trust policy has for them.
 *
 * @param urls submission prefixes, without `witness:`
 * @param own the publisher's keys, those that were replaced too. They are no witness's: with one more signature by one of
 *   them its own head would be none
 * @throws {PublisherError} `configuration`
 */
export function witnessesAt(
  urls: readonly string[],
  policy: TrustPolicy | undefined,
  own: readonly NoteVerifier[],
): Witness[] {
  const witnesses = urls.map((url) => witnessAt(url, policy));
  const [twice] = witnesses.filter(({ name }, i) => witnesses.findIndex((one) => one.name === name) < i);
  if (twice !== undefined) throw wrong(twice.name, "it is listed twice");
  const [hisOwn] = witnesses.filter(({ keys }) => keys.some((key) => own.some((other) => samePublicKey(key, other))));
  if (hisOwn !== undefined) throw wrong(hisOwn.name, "AUDIT_TRUST_POLICY has a key of the publisher's own for it");
  if (witnesses.flatMap(({ keys }) => keys).length > MAX_NOTE_SIGNATURES - MAX_OWN_SIGNATURES)
    throw wrong(
      witnesses[0]?.name ?? "",
      `with the others it has more than ${MAX_NOTE_SIGNATURES - MAX_OWN_SIGNATURES} keys: no more signatures fit into a note`,
    );
  return witnesses;
}

function witnessAt(text: string, policy: TrustPolicy | undefined): Witness {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isSafe(url))
    throw wrong(text.replace(/\/\/[^/]*@/u, "//…@"), "expected witness:https://…, or http on this machine");
  if (url.username !== "" || url.password !== "") throw wrong(`${url.origin}/…`, "it has a user or password in it");
  if (url.search !== "" || url.hash !== "") throw wrong(`${url.origin}/…`, "it has a query or a fragment");
  const name = prefixOf(url);
  if (policy === undefined)
    throw wrong(name, "AUDIT_TRUST_POLICY is not set: it has the keys of witnesses, witness <name> <vkey> <url>");
  const keys = policy.witnesses
    .filter((one) => one.url !== undefined && URL.canParse(one.url) && prefixOf(new URL(one.url)) === name)
    .map(({ verifier }) => verifier);
  if (keys.length === 0)
    throw wrong(name, "no witness of AUDIT_TRUST_POLICY has that URL; expected a line witness <name> <vkey> <url>");
  return { name, endpoint: new URL(`${name}/add-checkpoint`), keys };
}

const prefixOf = (url: URL): string => `${url.origin}${url.pathname}`.replace(/\/+$/u, "");

/** What is said is public and signed, but whoever stands in between could keep witnesses from being asked. */
const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" ||
  (protocol === "http:" && (/^127(\.\d+){3}$/u.test(hostname) || hostname === "localhost" || hostname === "[::1]"));

const wrong = (url: string, why: string): PublisherError =>
  new PublisherError("configuration", `AUDIT_SINKS: the witness ${JSON.stringify(url)}: ${why}`);
