import type { Attack } from "../attack.ts";
import { CAPTURE_ATTACKS } from "./capture.ts";
import { CATALOG_ATTACKS } from "./catalog.ts";
import { CHAIN_ATTACKS } from "./chain.ts";
import { COVERAGE_ATTACKS } from "./coverage.ts";
import { EXCUSES } from "./excuses.ts";
import { REWRITES } from "./rewrites.ts";
import { RIGHTS_ATTACKS } from "./rights.ts";
import { ROW_ATTACKS } from "./rows.ts";
import { SINK_ATTACKS } from "./sinks.ts";

/** Every attack of the table of threats that has a check, in its order. */
export const ATTACKS: readonly Attack[] = [
  ...CHAIN_ATTACKS,
  ...REWRITES,
  ...ROW_ATTACKS,
  ...CAPTURE_ATTACKS,
  ...RIGHTS_ATTACKS,
  ...CATALOG_ATTACKS,
  ...COVERAGE_ATTACKS,
  ...EXCUSES,
  ...SINK_ATTACKS,
].toSorted((a, b) => a.id.localeCompare(b.id));
