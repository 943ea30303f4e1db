import type { Attack } from "../attack.ts";
import { CHAIN_ATTACKS } from "./chain.ts";
import { MACHINERY_ATTACKS } from "./machinery.ts";
import { ROW_ATTACKS } from "./rows.ts";
import { SINK_ATTACKS } from "./sinks.ts";

/** Every attack of the table of threats that has a check, in its order. */
export const ATTACKS: readonly Attack[] = [...CHAIN_ATTACKS, ...ROW_ATTACKS, ...MACHINERY_ATTACKS, ...SINK_ATTACKS];
