import { readFile } from "node:fs/promises";
import { CommandError } from "@scidex/audit-command";
import { type JsonValue, parseJson } from "@scidex/audit-core";
import { type CheckName, CHECKS, type Divergence, type ManyFindings } from "@scidex/audit-verifier";

/** What a report in JSON says was found. Nothing of it is believed. */
export interface Reported {
  readonly divergences: readonly Divergence[];
  readonly many: readonly ManyFindings[];
}

type Members = { readonly [name: string]: JsonValue };

/** @throws {CommandError} `configuration` where the file cannot be read, or is not a report */
export async function readReport(file: string): Promise<Reported> {
  try {
    const value = parseJson(await readFile(file, "utf8"));
    if (!isObject(value)) throw new Error("it has no object");
    return {
      divergences: listOf(value, "divergences").map(divergenceOf),
      many: listOf(value, "many").map((one) => ({
        check: checkOf(one),
        eventKind: textOf(one, "event_kind") ?? "",
        count: Number(one["count"]),
        actual: textOf(one, "actual") ?? "",
      })),
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError("configuration", `${file} is not a report that audit-verify --json printed: ${why}`, {
      cause,
    });
  }
}

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function listOf(value: Members, name: string): Members[] {
  const list = value[name];
  if (!Array.isArray(list) || !list.every(isObject)) throw new Error(`${name} is not a list of findings`);
  return list;
}

function divergenceOf(one: Members): Divergence {
  const check = checkOf(one);
  const { seq } = one;
  const texts = {
    eventKind: "event_kind",
    eventPk: "event_pk",
    expected: "expected",
    actual: "actual",
    observed: "observed",
  };
  const members = Object.entries(texts).flatMap(([name, member]) => {
    const text = textOf(one, member);
    return text === undefined ? [] : [[name, text]];
  });
  return {
    check,
    group: CHECKS[check],
    ...(typeof seq === "number" || typeof seq === "string" ? { seq: BigInt(seq) } : {}),
    ...Object.fromEntries(members),
    message: textOf(one, "message") ?? "",
  };
}

function checkOf(one: Members): CheckName {
  const name = Object.keys(CHECKS).find((known) => known === one["check"]);
  if (name === undefined) throw new Error(`there is no check ${JSON.stringify(one["check"] ?? null)}`);
  return name as CheckName;
}

function textOf(one: Members, name: string): string | undefined {
  const text = one[name];
  if (text !== undefined && typeof text !== "string") throw new Error(`${name} is not text`);
  return text;
}
