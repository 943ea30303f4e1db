import { readFileSync } from "node:fs";

/**
 * The version of an application, as its package.json says; `unknown` where somebody has bundled it without one.
 *
 * @param url `import.meta.url` of one of its modules, in a folder beside the package.json (src, or dist once it is built)
 */
export function packageVersion(url: string): string {
  try {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", url), "utf8")) as { version: string };
    return version;
  } catch {
    return "unknown";
  }
}
