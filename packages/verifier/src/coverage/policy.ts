import {
  jsonInteger,
  jsonText,
  type JsonValue,
  parseJson,
  parseRetiredKeys,
  type RetiredKey,
  type Seq,
} from "@scidex/audit-core";
import { BUILTIN_CATALOGS, VerifierError } from "@scidex/audit-reader";
import { type Acceptance, acceptanceForm, parseAccepted } from "./acceptance/acceptance.ts";
import { type FollowedLog, parseLogs } from "./logs/followed-logs.ts";
import { parseIsoDuration } from "./iso-duration.ts";
import { isTexts, parseTablePolicy, type TablePolicy, tablePolicyForm } from "./table-policy.ts";
import { retiredKeyForm } from "./logs/retired-keys.ts";

/** A row that a policy accepts as its server has it, in the place of PostgreSQL's own. */
export interface PinnedRow {
  readonly catalog: string;
  readonly key: string;
  /** Null where PostgreSQL has such a row and this server has none. */
  readonly hash: string | null;
}

/** Up to where the history of what is covered has been approved: a link, and so every link before it. */
export interface Approval {
  readonly seq: Seq;
  /** The link's chain hash: 64 lower-case hex digits. */
  readonly chainHash: string;
}

/** What the verifier expects to be covered. Kept in its own trust domain; the database may cover more, never less. */
export interface Policy {
  readonly origin: string | null;
  /** By relation, as `schema.name`. */
  readonly tables: ReadonlyMap<string, TablePolicy>;
  /** Relations that may have been detached, by name; the value is free (a reason). */
  readonly detached: ReadonlyMap<string, JsonValue>;
  /** Names of event triggers at login that may be there. */
  readonly loginTriggers: ReadonlySet<string>;
  /** Rows of PostgreSQL's own catalogs that are others on this server, as whoever runs it (a provider) made them. */
  readonly server: readonly PinnedRow[];
  /** Within what time full verifications must end in a verdict, as an ISO 8601 duration; undefined for no bound. */
  readonly verdict?: string | undefined;
  /** What narrowed the coverage up to there was meant; undefined where nothing has been approved. */
  readonly approved?: Approval | undefined;
  /** The logs that follow the first one, oldest first; undefined for none. */
  readonly logs?: readonly FollowedLog[] | undefined;
  /** Keys of logs that have been replaced; undefined for none. */
  readonly retiredKeys?: readonly RetiredKey[] | undefined;
  /** Findings that have been accepted, each in one state; undefined for none. */
  readonly accepted?: readonly Acceptance[] | undefined;
}

const MEMBERS: ReadonlySet<string> = new Set(
  "origin tables detached login_triggers server verdict approved logs retired_keys accepted".split(" "),
);

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads a policy file. @throws {VerifierError} `policy_malformed`, naming the member */
export function parsePolicy(text: string): Policy {
  const malformed = (what: string, cause?: unknown) =>
    new VerifierError("policy_malformed", `The policy file is not one: ${what}. audit-chain policy prints one.`, {
      cause,
    });
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : "not JSON", error);
  }
  if (!isObject(value)) throw malformed("it must be an object");
  for (const name of Object.keys(value))
    if (!MEMBERS.has(name)) throw malformed(`unknown member ${JSON.stringify(name)}`);
  const {
    origin,
    tables,
    detached,
    login_triggers: loginTriggers = [],
    server = [],
    verdict,
    approved,
    logs,
    retired_keys: retiredKeys,
    accepted,
  } = value;
  if (origin !== undefined && origin !== null && typeof origin !== "string") throw malformed("origin must be text");
  if (!isObject(tables)) throw malformed("tables must be an object");
  if (detached !== undefined && !isObject(detached)) throw malformed("detached must be an object");
  if (!isTexts(loginTriggers)) throw malformed("login_triggers must be a list of names");
  if (!Array.isArray(server)) throw malformed("server must be a list of pinned rows");
  if (verdict !== undefined && (typeof verdict !== "string" || parseIsoDuration(verdict) === undefined))
    throw malformed('verdict must be an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as "P2D"');
  const map = new Map<string, TablePolicy>();
  for (const [relation, entry] of Object.entries(tables)) {
    const at = `tables[${JSON.stringify(relation)}]`;
    if (!isObject(entry)) throw malformed(`${at} must be an object`);
    map.set(relation, parseTablePolicy(entry, at, malformed));
  }
  return {
    origin: origin ?? null,
    tables: map,
    detached: new Map(Object.entries(detached ?? {})),
    loginTriggers: new Set(loginTriggers),
    server: server.map((row, i) => parsePinnedRow(row, i, malformed)),
    ...(verdict === undefined ? {} : { verdict }),
    ...(approved === undefined ? {} : { approved: parseApprovalMember(approved, malformed) }),
    ...(logs === undefined ? {} : { logs: parseLogs(logs, malformed) }),
    ...(retiredKeys === undefined ? {} : { retiredKeys: parseRetiredKeys(retiredKeys, malformed) }),
    ...(accepted === undefined ? {} : { accepted: parseAccepted(accepted, malformed) }),
  };
}

/** Reads a text that is an approval alone, as `{"seq":1042,"chain_hash":"<hex>"}`; undefined where it is none. */
export function parseApproval(text: string): Approval | undefined {
  try {
    return approvalOf(parseJson(text));
  } catch {
    return undefined;
  }
}

function parseApprovalMember(value: JsonValue, malformed: (what: string) => VerifierError): Approval {
  const approval = approvalOf(value);
  if (approval === undefined)
    throw malformed(
      "approved must have seq, a whole number from 1 to 2^53 - 1, and chain_hash, 64 lower-case hex digits, and nothing else",
    );
  return approval;
}

/** No head is published beyond 2^53 - 1, which a JSON number holds. */
function approvalOf(value: JsonValue): Approval | undefined {
  const { seq, chain_hash: chainHash, ...others } = isObject(value) ? value : {};
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (typeof chainHash !== "string" || !/^[0-9a-f]{64}$/u.test(chainHash)) return undefined;
  return Object.keys(others).length === 0 ? { seq: BigInt(seq), chainHash } : undefined;
}

/** The same as JSON has it. */
export const approvalForm = ({ seq, chainHash }: Approval): { seq: number | string; chain_hash: string } => ({
  seq: jsonInteger(seq),
  chain_hash: chainHash,
});

function parsePinnedRow(row: JsonValue, i: number, malformed: (what: string) => VerifierError): PinnedRow {
  const { catalog, key, hash } = isObject(row) ? row : {};
  if (typeof catalog !== "string" || typeof key !== "string" || (typeof hash !== "string" && hash !== null))
    throw malformed(`server[${i}] must have catalog and key as text, and hash as text or null`);
  if (!BUILTIN_CATALOGS.some(({ name }) => name === catalog))
    throw malformed(`server[${i}].catalog is not a catalog that is compared: ${JSON.stringify(catalog)}`);
  return { catalog, key, hash };
}

/**
 * A policy file, in which text from the database cannot do anything to a terminal.
 *
 * @param indent spaces a level; on one line with 0
 */
export function formatPolicy(policy: Policy, indent = 2): string {
  const tables = Object.fromEntries([...policy.tables].map(([relation, table]) => [relation, tablePolicyForm(table)]));
  const members = {
    ...(policy.origin === null ? {} : { origin: policy.origin }),
    tables,
    ...(policy.verdict === undefined ? {} : { verdict: policy.verdict }),
    ...(policy.detached.size === 0 ? {} : { detached: Object.fromEntries(policy.detached) }),
    ...(policy.loginTriggers.size === 0 ? {} : { login_triggers: [...policy.loginTriggers] }),
    ...(policy.server.length === 0 ? {} : { server: policy.server }),
    ...(policy.approved === undefined ? {} : { approved: approvalForm(policy.approved) }),
    ...(policy.logs === undefined ? {} : { logs: policy.logs }),
    ...(policy.retiredKeys === undefined ? {} : { retired_keys: policy.retiredKeys.map(retiredKeyForm) }),
    ...(policy.accepted === undefined ? {} : { accepted: policy.accepted.map(acceptanceForm) }),
  };
  return `${jsonText(members, indent)}\n`;
}
