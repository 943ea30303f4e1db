import { readFile } from "node:fs/promises";
import { belongingTo, replaceDurably } from "@scidex/audit-command";
import { NO_NIGHT, parseJson, hashFromHex, sameBytes, type SignedNight, toHex } from "@scidex/audit-core";
import { configuration, messageOf } from "../command/errors.ts";

/** The last night that these keys have signed. */
export interface LastNight {
  readonly number: number;
  /** SHA-256 of its note. */
  readonly hash: Uint8Array;
}

const NONE: LastNight = { number: 0, hash: NO_NIGHT };

/** What is remembered where the key file's states lie: the place of nights can be cut back by whoever may write to it. */
export const memoryOf = (keyFile: string): string => belongingTo(keyFile, ".nights");

/**
 * The last night of this key; that of a key that has signed none where there is no file.
 *
 * @throws {CommandError} `configuration` where the file cannot be read, or is not one
 */
export async function readLastNight(keyFile: string): Promise<LastNight> {
  const file = memoryOf(keyFile);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return NONE;
    throw configuration(`${file} cannot be read: ${messageOf(error)}`, error);
  }
  try {
    const value = parseJson(text);
    const { number, hash } = typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
    if (typeof number !== "number" || number < 1 || typeof hash !== "string") throw new Error("not its form");
    return { number, hash: hashFromHex(hash) };
  } catch (error) {
    throw configuration(`${file} is not what was written: expected {"number":N,"hash":"<64 hex>"}`, error);
  }
}

/** Remembers a night, once it is in its place. */
export const rememberNight = async (keyFile: string, { number, hash }: LastNight): Promise<void> =>
  await replaceDurably(memoryOf(keyFile), `${JSON.stringify({ number, hash: toHex(hash) })}\n`);

/** Whether the nights of a place have that one: it may have been followed by one that a run was killed behind. */
export const hasNight = (nights: readonly SignedNight[], { number, hash }: LastNight): boolean =>
  number === 0 ? nights.length <= 1 : sameBytes(nights[number - 1]?.hash ?? NO_NIGHT, hash);
