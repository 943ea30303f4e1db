import { packageVersion } from "@scidex/audit-command";

/** The version of this package. */
export const VERSION = packageVersion(import.meta.url);
