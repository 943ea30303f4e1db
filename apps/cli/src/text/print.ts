import { writeOut } from "@scidex/audit-command";
import { jsonText } from "@scidex/audit-core";

/** Prints a result: as JSON on one line, or the lines for people. */
export async function print(json: boolean | undefined, result: unknown, lines: () => readonly string[]): Promise<void> {
  if (json === true) await writeOut(`${jsonText(result)}\n`);
  else await writeOut(`${lines().join("\n")}\n`);
}
