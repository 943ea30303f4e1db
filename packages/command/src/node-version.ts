/** The oldest Node.js that the commands run on, as `engines` of the packages say. */
export const OLDEST_NODE = "22.18";

/**
 * Says in a line what is needed, where Node.js is too old: it would break off somewhere in the middle, with a stack. An
 * executable calls it before it loads anything else, and so this file imports nothing.
 *
 * @throws {Error} with that line
 */
export function requireNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(`Node.js ${OLDEST_NODE} or newer is needed, and this is ${version} (${process.execPath})`);
}
