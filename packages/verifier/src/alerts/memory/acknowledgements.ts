/**
 * What somebody outside the database has said of findings: that they have been seen to. It stands beside the alert memory, as
 * ALERTS.acknowledged, one line of JSON for each, and lines are only ever appended: so a run that writes the memory at the
 * same moment loses none, and who said what stays on record.
 *
 *     {"fingerprint":"<32 hex>","by":"mira","at":"2026-11-22T08:10:00.000Z","reason":"INC-7: put back from Saturday's backup"}
 */
import { open, readFile } from "node:fs/promises";
import { parseJson } from "@scidex/audit-core";
import { type Acknowledgement, isAcknowledgement, isObject } from "./alert-memory.ts";
import { describeFailure } from "../describe-failure.ts";

const fileOf = (memory: string): string => `${memory}.acknowledged`;

/**
 * The latest word on each finding, by fingerprint. What cannot be read acknowledges nothing, with a warning.
 *
 * @param memory the path of the alert memory
 */
export async function readAcknowledgements(memory: string, warnings: string[]): Promise<Map<string, Acknowledgement>> {
  const words = new Map<string, Acknowledgement>();
  let text: string;
  try {
    text = await readFile(fileOf(memory), "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && ["ENOENT", "ENOTDIR"].includes(String(error.code))))
      warnings.push(`${fileOf(memory)} can't be read (${describeFailure(error)}): nothing counts as acknowledged`);
    return words;
  }
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const [fingerprint, word] = parseLine(line) ?? [];
    if (fingerprint === undefined || word === undefined)
      warnings.push(`${fileOf(memory)}: line ${index + 1} is no acknowledgement, and counts for nothing`);
    else words.set(fingerprint, word);
  }
  return words;
}

function parseLine(line: string): [string, Acknowledgement] | undefined {
  try {
    const value: unknown = parseJson(line);
    if (!isObject(value) || typeof value["fingerprint"] !== "string" || !isAcknowledgement(value)) return undefined;
    const { by, at, reason } = value;
    return [value["fingerprint"], { by, at, reason }];
  } catch {
    return undefined;
  }
}

/** Appends a word on each of these, and syncs the file. */
export async function appendAcknowledgement(
  memory: string,
  fingerprints: readonly string[],
  { by, at, reason }: Acknowledgement,
): Promise<void> {
  const file = await open(fileOf(memory), "a", 0o600);
  try {
    await file.write(
      fingerprints.map((fingerprint) => `${JSON.stringify({ fingerprint, by, at, reason })}\n`).join(""),
    );
    await file.sync();
  } finally {
    await file.close();
  }
}
