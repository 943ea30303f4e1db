/** The text of a statement about a table: what is signed. statement.ts has the format. */
import { canonicalJson } from "./canonical.ts";
import { CoreError } from "./errors.ts";
import { checkKind } from "./event-key.ts";
import { checkHash, hashFromHex, toHex } from "./hash.ts";
import { type JsonValue, parseJson } from "./parse-json.ts";
import type { Seq } from "./units.ts";

/** The first line of a statement's text. */
const HEADER = "audit-chain.statement/v1";

/** A link, as a statement names it. */
export interface LinkId {
  /** 1 to 2^53 - 1. */
  readonly seq: Seq;
  /** 32 bytes. */
  readonly chainHash: Uint8Array;
}

/**
 * The publisher compared a table's rows with what was recorded of them, and recorded them anew. What is stated are the
 * table's `:record` events after the link `configuration`, up to the link `last`.
 */
export interface RecordedAnew {
  readonly type: "recorded_anew";
  readonly origin: string;
  /** Of the database's cluster: decimal. Null where it could not be read. */
  readonly systemIdentifier: string | null;
  /** The name that was connected to. */
  readonly database: string;
  /** The table's. */
  readonly kind: string;
  /** The configuration event with which the generation began. */
  readonly configuration: LinkId;
  /** The last link of the chain when the table was compared. */
  readonly last: LinkId;
  /** The head that was signed before; null where none was. */
  readonly head: LinkId | null;
  /** Rows that were compared before they were recorded anew. */
  readonly compared: number;
  /** Rows that could not be compared. */
  readonly notCompared: number;
  /** Changes that could not be compared with the event before them. */
  readonly changesNotCompared: number;
}

/**
 * The note text of a statement. Nothing is checked that `parseStatementText` will check.
 *
 * @throws {CoreError} `statement_malformed` for a member that JSON does not have
 */
export function formatStatementText(statement: RecordedAnew): string {
  const json = wrapped(() =>
    canonicalJson({
      changes_not_compared: statement.changesNotCompared,
      compared: statement.compared,
      configuration: linkMember(statement.configuration),
      database: statement.database,
      head: statement.head && linkMember(statement.head),
      kind: statement.kind,
      last: linkMember(statement.last),
      not_compared: statement.notCompared,
      origin: statement.origin,
      system_identifier: statement.systemIdentifier,
      type: statement.type,
    }),
  );
  return statementText(json);
}

/** The note text of a statement that says this, as canonical JSON. */
export const statementText = (json: string): string => `${HEADER}\n${json}\n`;

/**
 * What the text of a statement says, whatever it is about.
 *
 * @throws {CoreError} `statement_malformed`
 */
export function parseStatementJson(text: string): JsonValue {
  const [header, json = "", end, ...rest] = text.split("\n", 4);
  if (header !== HEADER || end !== "" || rest.length > 0)
    throw malformed(`its text is not ${HEADER} and a line of JSON`);
  return wrapped(() => parseJson(json));
}

/**
 * The statement of a note text, which must be exactly what `formatStatementText` writes.
 *
 * @throws {CoreError} `statement_malformed`
 */
export function parseStatementText(text: string): RecordedAnew {
  const statement = wrapped(() => readMembers(parseStatementJson(text)));
  if (formatStatementText(statement) !== text) throw malformed("its text is not in its canonical form");
  const { configuration, last, head } = statement;
  if (configuration.seq > last.seq) throw malformed("the configuration's seq is above the last");
  if (head !== null && head.seq > last.seq) throw malformed("the head's seq is above the last");
  return statement;
}

export function linkMember({ seq, chainHash }: LinkId): { readonly seq: number; readonly chain_hash: string } {
  return { seq: Number(seq), chain_hash: toHex(checkHash(chainHash, "chain_hash")) };
}

function readMembers(value: JsonValue): RecordedAnew {
  if (!isObject(value)) throw malformed("its text has no JSON object");
  const { type, head } = value;
  if (type !== "recorded_anew") throw malformed("its type is none that is known here");
  return {
    type,
    origin: text(value, "origin"),
    ...readDatabase(value),
    kind: checkKind(text(value, "kind")),
    configuration: readLink(value["configuration"], "configuration"),
    last: readLink(value["last"], "last"),
    head: head === null ? null : readLink(head, "head"),
    compared: count(value, "compared"),
    notCompared: count(value, "not_compared"),
    changesNotCompared: count(value, "changes_not_compared"),
  };
}

/** Which database a statement was made of. */
export function readDatabase(value: {
  readonly [name: string]: JsonValue;
}): Pick<RecordedAnew, "systemIdentifier" | "database"> {
  const { system_identifier: systemIdentifier } = value;
  if (systemIdentifier !== null && !isIdentifier(systemIdentifier)) throw malformed("system_identifier is no number");
  const database = text(value, "database");
  if (database === "") throw malformed("database is empty");
  return { systemIdentifier, database };
}

/** Of 64 bits, in decimal. */
const isIdentifier = (value: JsonValue | undefined): value is string =>
  typeof value === "string" && /^(?:0|[1-9]\d{0,19})$/u.test(value);

export function readLink(value: JsonValue | undefined, name: string): LinkId {
  if (!isObject(value)) throw malformed(`${name} is no link`);
  const { seq } = value;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1)
    throw malformed(`the seq of ${name} is not an integer from 1 to 2^53 - 1`);
  return { seq: BigInt(seq), chainHash: hashFromHex(text(value, "chain_hash")) };
}

export function count(object: { readonly [name: string]: JsonValue }, name: string): number {
  const value = object[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw malformed(`${name} is not an integer from 0 to 2^53 - 1`);
  return value;
}

export function text(object: { readonly [name: string]: JsonValue }, name: string): string {
  const value = object[name];
  if (typeof value !== "string") throw malformed(`${name} is not a string`);
  return value;
}

export const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whatever is wrong with a part is wrong with the statement. */
export function wrapped<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CoreError) || cause.code === "statement_malformed") throw cause;
    throw new CoreError("statement_malformed", `not a statement: ${cause.message}`, { cause });
  }
}

export function malformed(problem: string): CoreError {
  return new CoreError("statement_malformed", `not a statement: ${problem}`);
}
