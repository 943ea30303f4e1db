/**
 * Payloads as people bring them. What is recorded of a table's row is an object of *texts*, as PostgreSQL prints them
 * (capture-source.ts). Who holds a row as JSON, from `row_to_json` or from a program, has numbers, booleans, nulls and
 * times of another form in it:
 *
 *     {"id":42,"done":true,"note":null,"at":"2026-04-28T12:00:00.120Z"}
 *     {"at":"2026-04-28 12:00:00.12+00","done":"t","id":"42"}
 *
 * So a payload is tried in the ways in which it may have been meant. Any of them that has the recorded hash *is* what was
 * recorded, since nobody finds another text with that hash.
 */
import { canonicalJson } from "./canonical.ts";
import { CoreError } from "./errors.ts";
import { sameBytes } from "./hash.ts";
import { type JsonMember, type JsonValue, parseJson, parseMembers } from "./parse-json.ts";
import { saltedHash } from "./payload-hash.ts";

/** A way in which a payload was read. */
export interface PayloadReading {
  /** The payload's canonical JSON. */
  readonly canonical: string;
  /** In words: `as it stands`, or what was put into PostgreSQL's texts. */
  readonly how: string;
}

/**
 * The ways in which a payload's JSON text may have been meant, the plainest first.
 *
 * @throws {CoreError} as `parseJson`
 */
export function payloadReadings(text: string): readonly [PayloadReading, ...PayloadReading[]] {
  const rows = rowReadings(text);
  try {
    return [{ canonical: canonicalJson(parseJson(text)), how: "as it stands" }, ...rows];
  } catch (error) {
    // A number with more digits than a double: it has no form as it stands, but one as a row's text.
    const [first, ...others] = rows;
    if (!(error instanceof CoreError) || error.code !== "json_lossy_number" || first === undefined) throw error;
    return [first, ...others];
  }
}

/**
 * The first of the ways that has the recorded hash; undefined where none has.
 *
 * @param salt of a row whose table's payloads are salted: 16 bytes
 * @throws {CoreError} `salt_length`
 */
export const readingOf = (
  readings: readonly PayloadReading[],
  recorded: Uint8Array,
  salt: Uint8Array | null = null,
): PayloadReading | undefined => readings.find(({ canonical }) => sameBytes(saltedHash(canonical, salt), recorded));

function rowReadings(text: string): PayloadReading[] {
  const members = parseMembers(text);
  if (members === undefined) return [];
  const parts = [...members];
  const isText = parts.every(([, { value }]) => typeof value === "string");
  const hasNull = parts.some(([, { value }]) => value === null);
  const hasTime = parts.some(([, { value }]) => typeof value === "string" && rowTime(value) !== value);
  const readings: PayloadReading[] = [];
  for (const withTimes of hasTime ? [false, true] : [false])
    for (const keepsNull of hasNull ? [false, true] : [false]) {
      if (isText && !withTimes) continue;
      const said = [
        ...(isText ? [] : ["numbers, booleans and JSON as PostgreSQL's texts"]),
        ...(hasNull ? [keepsNull ? "nulls kept" : "nulls left out"] : []),
        ...(withTimes ? ["times as PostgreSQL prints them in UTC"] : []),
      ];
      readings.push({
        canonical: canonicalJson(rowOf(parts, { withTimes, keepsNull })),
        how: `as a row: ${said.join(", ")}`,
      });
    }
  return readings;
}

function rowOf(
  parts: readonly (readonly [string, JsonMember])[],
  { withTimes, keepsNull }: { readonly withTimes: boolean; readonly keepsNull: boolean },
): JsonValue {
  return Object.fromEntries(
    parts.flatMap(([name, { value, text }]): [string, string | null][] => {
      if (value === null) return keepsNull ? [[name, null]] : [];
      if (typeof value === "boolean") return [[name, value ? "t" : "f"]];
      if (typeof value === "string") return [[name, withTimes ? rowTime(value) : value]];
      return [[name, text]];
    }),
  );
}

/** A time of ISO 8601 in UTC as PostgreSQL prints it; any other text as it is. */
function rowTime(text: string): string {
  const [, date, clock, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,6})?(Z|\+00:00|\+00|)$/u.exec(text) ?? [];
  if (date === undefined || clock === undefined) return text;
  return `${date} ${clock}${fraction.replace(/\.?0+$/u, "")}${zone === "" ? "" : "+00"}`;
}
