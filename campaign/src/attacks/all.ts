import type { Attack } from "../attack.ts";
import { ACCEPTED_ATTACKS } from "./accepted.ts";
import { ACCESS_ATTACKS } from "./access.ts";
import { BOUNDS_ATTACKS } from "./bounds.ts";
import { BUILTIN_ATTACKS } from "./builtin.ts";
import { CAPTURE_ATTACKS } from "./capture.ts";
import { CATALOG_ATTACKS } from "./catalog.ts";
import { CHAIN_ATTACKS } from "./chain.ts";
import { COVERAGE_ATTACKS } from "./coverage.ts";
import { CRY_WOLF } from "./cry-wolf.ts";
import { EXCUSES } from "./excuses.ts";
import { GIT_COMMANDS } from "./git-commands.ts";
import { LAUNDERING } from "./laundering.ts";
import { LAWFUL_LOOKING } from "./lawful-looking.ts";
import { OWN_ROW_ATTACKS } from "./own-rows.ts";
import { RECORDING_ATTACKS } from "./recorded-anew.ts";
import { RESTORED_ATTACKS } from "./restored.ts";
import { REWRITES } from "./rewrites.ts";
import { RIGHTS_ATTACKS } from "./rights.ts";
import { ROW_ATTACKS } from "./rows.ts";
import { SCHEMA_ATTACKS } from "./schema-changes.ts";
import { SINK_ATTACKS } from "./sinks.ts";
import { STREAM_ATTACKS } from "./stream/all.ts";
import { TREE_ATTACKS } from "./trees.ts";

/** The attacks of the table of threats that are tried here; docs/campaign.md says which are not, and what tests them. */
export const ATTACKS: readonly Attack[] = [
  ...CHAIN_ATTACKS,
  ...REWRITES,
  ...ROW_ATTACKS,
  ...STREAM_ATTACKS,
  ...LAUNDERING,
  ...SCHEMA_ATTACKS,
  ...RECORDING_ATTACKS,
  ...ACCEPTED_ATTACKS,
  ...RESTORED_ATTACKS,
  ...LAWFUL_LOOKING,
  ...ACCESS_ATTACKS,
  ...CAPTURE_ATTACKS,
  ...RIGHTS_ATTACKS,
  ...CATALOG_ATTACKS,
  ...BUILTIN_ATTACKS,
  ...BOUNDS_ATTACKS,
  ...OWN_ROW_ATTACKS,
  ...CRY_WOLF,
  ...COVERAGE_ATTACKS,
  ...EXCUSES,
  ...SINK_ATTACKS,
  ...TREE_ATTACKS,
  ...GIT_COMMANDS,
].toSorted((a, b) => a.id.localeCompare(b.id));
