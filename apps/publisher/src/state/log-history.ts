/** What a state remembers of its log's past: where it began, and which keys signed before. */

/** Where a log begins. */
export interface BegunAt {
  readonly line: string;
  readonly number: number;
  /** What the logs before it are read by; null where a state that was rebuilt does not know. */
  readonly since: FirstLog | null;
}

/** The first of logs that follow each other. */
export interface FirstLog {
  readonly origin: string;
  /** Its verifier keys. */
  readonly keys: readonly string[];
  /** SHA-256 of the beginnings of those after it, in hex, oldest first. */
  readonly followed: readonly string[];
}

/**
 * Verifier keys that sign nothing any more, and those that have taken their place: of the log, of its time-stamping, and its
 * ML-DSA-44 key where it has one.
 */
export interface ReplacedKeys {
  readonly keys: readonly string[];
  readonly by: readonly string[];
}

export const isBegunAt = (value: unknown): value is BegunAt =>
  isObject(value) &&
  typeof value["line"] === "string" &&
  Number.isSafeInteger(value["number"]) &&
  (value["since"] === null || isFirstLog(value["since"]));

export const isReplacedKeys = (value: unknown): value is ReplacedKeys =>
  isObject(value) &&
  [value["keys"], value["by"]].every((keys) => isTexts(keys) && (keys.length === 2 || keys.length === 3));

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isFirstLog = (value: unknown): value is FirstLog =>
  isObject(value) && typeof value["origin"] === "string" && isTexts(value["keys"]) && isTexts(value["followed"]);

export const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string");
