import type { JsonValue } from "@scidex/audit-core";
import type { VerifierError } from "@scidex/audit-reader";
import { parseIsoDuration } from "./iso-duration.ts";

/** What a policy says of one table. */
export interface TablePolicy {
  readonly kind: string;
  readonly key: readonly string[];
  readonly exclude: readonly string[];
  readonly changes: "refuse" | "track";
  /** Whether rows may have been admitted by a backfill after the table was complete. */
  readonly readmit: boolean;
  /** Partitions that had a guard against TRUNCATE, as `schema.name`. */
  readonly guarded: readonly string[];
  /** Rules, inheritance children and search paths that may be there (present.ts). */
  readonly present: readonly string[];
  /** How long a column that joins may be left uncovered, as an ISO 8601 duration; undefined for the default. */
  readonly joining?: string | undefined;
  /** How old a row's newest change must be for it to be missing, as an ISO 8601 duration; undefined where none may be. */
  readonly retention?: string | undefined;
  /** Whether no older row may be there than one that is missing by the retention. */
  readonly whole?: boolean | undefined;
  /** Verifier keys of whoever may sign that a row was erased; undefined where nobody may. */
  readonly erasure?: readonly string[] | undefined;
  /** Names of covered columns that may have been given to other columns since. */
  readonly replaced: readonly string[];
}

export const isTexts = (value: JsonValue | undefined): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

const isVkeys = (value: JsonValue): value is string[] =>
  isTexts(value) && value.every((key) => /^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/u.test(key));

const isDuration = (value: JsonValue): value is string =>
  typeof value === "string" && parseIsoDuration(value) !== undefined;

/** Reads what a policy says of a table. @param malformed makes the error to be thrown */
export function parseTablePolicy(
  entry: { readonly [name: string]: JsonValue },
  at: string,
  malformed: (what: string) => VerifierError,
): TablePolicy {
  const { kind, key, exclude, changes, readmit, guarded = [], replaced = [], present = [], ...rules } = entry;
  const { joining, retention, whole, erasure } = rules;
  if (typeof kind !== "string") throw malformed(`${at}.kind must be text`);
  if (!isTexts(key)) throw malformed(`${at}.key must be a list of column names`);
  if (!isTexts(exclude)) throw malformed(`${at}.exclude must be a list of column names`);
  if (changes !== "refuse" && changes !== "track") throw malformed(`${at}.changes must be "refuse" or "track"`);
  if (readmit !== undefined && typeof readmit !== "boolean") throw malformed(`${at}.readmit must be true or false`);
  if (!isTexts(guarded)) throw malformed(`${at}.guarded must be a list of partitions`);
  if (!isTexts(replaced)) throw malformed(`${at}.replaced must be a list of column names`);
  if (!isTexts(present)) throw malformed(`${at}.present must be a list of what audit-chain policy prints`);
  if (joining !== undefined && !isDuration(joining))
    throw malformed(`${at}.joining must be an ISO 8601 duration, such as "P1D"`);
  if (retention !== undefined && !isDuration(retention))
    throw malformed(`${at}.retention must be an ISO 8601 duration, such as "P400D"`);
  if (whole !== undefined && typeof whole !== "boolean") throw malformed(`${at}.whole must be true or false`);
  if (erasure !== undefined && !isVkeys(erasure))
    throw malformed(`${at}.erasure must be a list of verifier keys, such as audit-chain keygen --erasure prints`);
  return {
    kind,
    key,
    exclude,
    changes,
    readmit: readmit ?? false,
    guarded,
    replaced,
    present,
    ...(joining === undefined ? {} : { joining }),
    ...(retention === undefined ? {} : { retention }),
    ...(whole === undefined ? {} : { whole }),
    ...(erasure === undefined ? {} : { erasure }),
  };
}

/** The same as JSON has it. */
export const tablePolicyForm = ({
  kind,
  key,
  exclude,
  changes,
  readmit,
  guarded,
  replaced,
  present,
  joining,
  retention,
  whole,
  erasure,
}: TablePolicy): object => ({
  kind,
  key,
  exclude,
  changes,
  ...(readmit ? { readmit } : {}),
  ...(present.length === 0 ? {} : { present }),
  ...(guarded.length === 0 ? {} : { guarded }),
  ...(replaced.length === 0 ? {} : { replaced }),
  ...(joining === undefined ? {} : { joining }),
  ...(retention === undefined ? {} : { retention }),
  ...(whole === undefined ? {} : { whole }),
  ...(erasure === undefined ? {} : { erasure }),
});
