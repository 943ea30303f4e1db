import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { CommandError } from "@scidex/audit-command";
import {
  CoreError,
  type JsonValue,
  parseJson,
  parseMembers,
  type PayloadReading,
  payloadReadings,
} from "@scidex/audit-core";
import { payloadProblem } from "@scidex/audit-report";

/**
 * The payload of a JSON file, or of standard input for `-`, read strictly: what two readers could understand
 * differently is refused.
 *
 * @throws {CommandError} `usage`: no such file, not UTF-8, not JSON, a duplicate member, a number that a double cannot
 *   hold; `failed`: it cannot be read.
 */
export const readPayload = async (file: string): Promise<JsonValue> => await readStrictly(file, parseJson);

/**
 * The ways in which the payload of a JSON file, or of standard input for `-`, may have been meant.
 *
 * @throws {CommandError} as `readPayload`
 */
export const readPayloadReadings = async (file: string): Promise<readonly [PayloadReading, ...PayloadReading[]]> =>
  await readStrictly(file, payloadReadings);

/**
 * The text of a JSON file, or of standard input for `-`, that holds a row: an object of its columns, whose numbers may have any
 * number of digits.
 *
 * @throws {CommandError} as `readPayload`
 */
export const readRow = async (file: string): Promise<string> =>
  await readStrictly(file, (text) => {
    if (parseMembers(text) === undefined) throw new CoreError("json_syntax", "it is no JSON object");
    return text;
  });

async function readStrictly<T>(file: string, read: (text: string) => T): Promise<T> {
  const where = file === "-" ? "standard input" : file;
  try {
    return read(await readText(file, where));
  } catch (cause) {
    if (cause instanceof CoreError) {
      throw new CommandError("usage", `the payload in ${where} cannot be taken: ${payloadProblem(cause)}`, { cause });
    }
    throw cause;
  }
}

async function readText(file: string, where: string): Promise<string> {
  try {
    const bytes = file === "-" ? Buffer.from(await readAll(process.stdin)) : await readFile(file);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT")
      throw new CommandError("usage", `there is no file ${where} to read the payload from`, { cause });
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA")
      throw new CommandError("usage", `the payload in ${where} is not UTF-8`, { cause });
    throw new CommandError(
      "failed",
      `the payload cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}
