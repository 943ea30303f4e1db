import { readFile, rm } from "node:fs/promises";
import { belongingTo, CommandError, escapeMessage, policyFile, replaceFile } from "@scidex/audit-command";
import { jsonText, type JsonValue, parseJson } from "@scidex/audit-core";
import { type Approval, approvalForm, parseApproval, parsePolicy, type Policy } from "@scidex/audit-verifier";

/**
 * Reads a policy file.
 *
 * @throws {CommandError} `configuration` where it cannot be read, or is not one
 */
export async function readPolicyFile(file: string): Promise<Policy> {
  return parsePolicyFile(file, await readText(file, `the policy file ${file}`));
}

/**
 * The policy that `AUDIT_POLICY` names; undefined where it is not set, or where the file is empty: the shell empties a file
 * that it redirects to before the command reads it. What that one had approved is lost then, and it is said.
 *
 * @throws {CommandError} `configuration` where it cannot be read, or is not one
 */
export async function earlierPolicy(): Promise<Policy | undefined> {
  const file = policyFile();
  if (file === undefined) return undefined;
  const text = await readText(file, `AUDIT_POLICY names ${file}, which`);
  if (text.trim() !== "") return parsePolicyFile(file, text);
  process.stderr.write(
    `note: ${escapeMessage(file)} (AUDIT_POLICY) is empty, so this is a first policy: what is covered now counts as approved. A shell empties the file that it redirects to before the command reads it; to keep what was approved: audit-chain policy > new.json && mv new.json ${escapeMessage(file)}\n`,
  );
  return undefined;
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CommandError("configuration", `${what} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function parsePolicyFile(file: string, text: string): Policy {
  try {
    return parsePolicy(text);
  } catch (cause) {
    throw new CommandError("configuration", `the policy file ${file}: ${reasonOf(cause)}`, { cause });
  }
}

/** Where `--diff` notes up to which link it has shown a policy's changes. */
export const shownFile = (file: string): string => belongingTo(file, ".shown");

/** What `--diff` has shown of a policy. */
export interface Shown {
  /** Up to which link. */
  readonly approval: Approval;
  /** Beginnings of logs that the policy did not have: hashes in lower-case hex. */
  readonly logs: readonly string[];
}

/** Notes what was shown. @returns why that could not be done; undefined where it was */
export async function noteShown(file: string, { approval, logs }: Shown): Promise<string | undefined> {
  const note = { ...approvalForm(approval), ...(logs.length === 0 ? {} : { logs }) };
  try {
    await replaceFile(shownFile(file), shownFile(file), `${jsonText(note)}\n`);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/**
 * What `--diff` has shown; undefined where it noted nothing.
 *
 * @throws {CommandError} `configuration` where the note cannot be read, or is none
 */
export async function readShown(file: string): Promise<Shown | undefined> {
  const path = shownFile(file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new CommandError("configuration", `${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  const shown = parseShown(text);
  if (shown !== undefined) return shown;
  throw new CommandError(
    "configuration",
    `${path} is not what --diff writes; expected {"seq":N,"chain_hash":"<hex>"}. Run audit-chain policy --diff ${file} again`,
  );
}

function parseShown(text: string): Shown | undefined {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { logs = [], ...rest } = value;
  const approval = parseApproval(JSON.stringify(rest));
  const isList = Array.isArray(logs) && logs.every((hash) => typeof hash === "string");
  return approval === undefined || !isList
    ? undefined
    : { approval, logs: logs.filter((one) => typeof one === "string") };
}

/** Removes the note of what was shown. */
export const forgetShown = async (file: string): Promise<void> => await rm(shownFile(file), { force: true });

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
