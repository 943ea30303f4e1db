import { packageVersion } from "@scidex/audit-command";

/** This verifier's version. In a file beside package.json's folder: there it is looked for, from the sources and built. */
export const VERSION = packageVersion(import.meta.url);
