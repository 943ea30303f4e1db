import { OF_APPLICATIONS } from "./application.ts";
import type { HonestChange } from "./change.ts";
import { LAWFUL } from "./lawful.ts";
import { STREAMING } from "./streaming.ts";

/** All that must never be reported. */
export const HONEST_CHANGES: readonly HonestChange[] = [...OF_APPLICATIONS, ...LAWFUL, ...STREAMING];
