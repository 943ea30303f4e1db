import type { Attack } from "../../attack.ts";
import { changePast } from "./changes.ts";
import { keepFromCapture } from "./gaps.ts";
import { otherwise } from "./otherwise.ts";

/** Attacks on tables in the mode `stream`, and on what links them. */
export const STREAM_ATTACKS: readonly Attack[] = [
  {
    id: "B17",
    title: "stream: change, delete or truncate rows of a table that refuses changes, past its guard",
    checks: ["change_refused", "source_edited", "source_deleted"],
    perform: changePast,
  },
  {
    id: "C19",
    title: "stream: keep changes from capture by its slot, position, publication, identity",
    checks: [
      "capture_gap",
      "source_unchained",
      "source_edited",
      "source_deleted",
      "relation_changed",
      "change_refused",
      "change_unrecorded",
    ],
    perform: async (trial) => await (trial.random.chance(25) ? otherwise(trial) : keepFromCapture(trial)),
  },
];
