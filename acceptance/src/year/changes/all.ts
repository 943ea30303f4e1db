import type { Change } from "./change.ts";
import { COLUMN_CHANGES } from "./columns.ts";
import { JOINS } from "./joins.ts";
import { KEY_CHANGES } from "./keys.ts";
import { TABLE_CHANGES } from "./whole-tables.ts";

/** What a migration is drawn from: all that docs/schema-changes.md says ends well. */
export const CHANGES: readonly Change[] = [...JOINS, ...COLUMN_CHANGES, ...KEY_CHANGES, ...TABLE_CHANGES];
