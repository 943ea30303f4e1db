import { type Catalog, functionName, type TriggerRow } from "../catalog/catalog.ts";

/** What a trigger is made from. Bits of `type` as in PostgreSQL's catalog/pg_trigger.h. */
export interface TriggerShape {
  readonly type: number;
  /** Schema and name of the function. */
  readonly function: string;
  readonly newTable?: string;
}

export const ROW = 1;
export const BEFORE = 2;
export const INSERT = 4;
export const DELETE = 8;
export const UPDATE = 16;
export const TRUNCATE = 32;
const INSTEAD = 64;

/** A trigger in words, without its name: everything but whether it is enabled. */
export function describeTrigger(t: TriggerShape): string {
  const events = [
    ...((t.type & INSERT) === 0 ? [] : ["insert"]),
    ...((t.type & UPDATE) === 0 ? [] : ["update"]),
    ...((t.type & DELETE) === 0 ? [] : ["delete"]),
    ...((t.type & TRUNCATE) === 0 ? [] : ["truncate"]),
  ];
  return [
    (t.type & INSTEAD) !== 0 ? "instead of" : (t.type & BEFORE) === 0 ? "after" : "before",
    events.join(" or "),
    ...(t.newTable === undefined ? [] : [`with the new rows as ${t.newTable}`]),
    (t.type & ROW) === 0 ? "for each statement" : "for each row",
    `calls ${t.function}()`,
  ].join(" ");
}

/** A live trigger in the same words, and in more where it has what ours do not have. */
export function describeLiveTrigger(catalog: Catalog, t: TriggerRow): string {
  const extras = [
    // Dumps and DISABLE TRIGGER USER leave it out. The clones on partitions may be internal.
    ...(t.isInternal && t.parent === "0" ? ["internal"] : []),
    ...(t.isConstraint ? ["constraint"] : []),
    ...(t.deferrable ? ["deferrable"] : []),
    ...(t.deferred ? ["initially deferred"] : []),
    ...(t.columns.length === 0 ? [] : [`of columns ${t.columns.join(" ")}`]),
    ...(t.arguments === "" || t.arguments === String.raw`\x` ? [] : [`with arguments ${t.arguments}`]),
    ...(t.hasCondition ? ["with a WHEN condition"] : []),
    ...(t.oldTable === null ? [] : [`with the old rows as ${t.oldTable}`]),
  ];
  const plain = describeTrigger({
    type: t.type,
    function: functionName(catalog, t.function),
    ...(t.newTable === null ? {} : { newTable: t.newTable }),
  });
  return [plain, ...extras].join(", ");
}

/** Whether a trigger does not fire in an ordinary session. ENABLE ALWAYS fires there, and in a replica's too. */
export const isOff = (t: TriggerRow): boolean => t.enabled !== "O" && t.enabled !== "A";

export const offName = (t: TriggerRow): string =>
  t.enabled === "R" ? "enabled for replication only" : t.enabled === "D" ? "disabled" : `in the state ${t.enabled}`;
