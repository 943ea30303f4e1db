import type { AuditConfig, TableEntry, TableOptions } from "../config/audit-config.ts";
import { checkKinds, type KindClaim } from "../config/kinds.ts";
import { type Naming, namingOf } from "../config/name-tables.ts";
import { type DatabaseTable, notAudited } from "../database/database-tables.ts";
import { type Difference, differencesOf, isWithRows, widens } from "./differences.ts";
import { freeKinds } from "./free-kinds.ts";
import { optionDifferences, optionsFor } from "./option-differences.ts";
import type { AttachedTable } from "./read-attached.ts";

/** What is there: as the chain has it, and as the database has it. */
export interface Found {
  readonly attached: readonly AttachedTable[];
  readonly tables: readonly DatabaseTable[];
  /** Kinds of tables that were dropped: each stays that table's. */
  readonly droppedKinds: readonly string[];
}

/** A table that is not as it should be. */
export interface Step {
  readonly table: string;
  /** Null where it is not attached yet. */
  readonly kind: string | null;
  readonly differences: readonly Difference[];
  readonly work: Work;
  /** Partitions whose rows are chained as found afterwards, as SQL writes their names. */
  readonly admitted?: readonly string[];
  /** The entry of the file that decides about it; undefined where none does. */
  readonly named?: Named | undefined;
}

/** Attaches it, or brings what is attached to these options, with what migrations have changed. */
interface AttachWork {
  readonly is: "attach";
  readonly relation: string;
  readonly options: TableOptions;
}

/** What has to be done about it. Relations are as SQL writes them. */
export type Work =
  | AttachWork
  | { readonly is: "take in"; readonly relation: string }
  /** `again`: how to attach another table that has its name now. */
  | { readonly is: "record the drop"; readonly kind: string; readonly again?: AttachWork };

export type Named = Extract<Naming, { is: "named" }>;

/** A table that a pattern names, and that is left out all the same. */
export interface PassedOver {
  readonly table: string;
  readonly pattern: string;
  readonly reason: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly passedOver: readonly PassedOver[];
  /** Attached tables that the file does not name; none where there is no file. */
  readonly notInConfig: readonly string[];
  /** Tables that are not attached, and that no entry names. */
  readonly notAudited: readonly string[];
  readonly entries: readonly EntryUse[];
}

/** Which tables an entry of the file decides about. */
export interface EntryUse {
  readonly name: string;
  /** `over`: the patterns that name the table too, and lose. */
  readonly tables: readonly { readonly table: string; readonly over: readonly string[] }[];
}

/**
 * What differs between the database, what is attached, and the file.
 *
 * @param config undefined where there is no file: then only what is attached is looked at
 * @throws {CommandError} `configuration` where two entries name a table equally well, or two tables would have one kind
 */
export function planSync({ attached, tables, droppedKinds }: Found, config?: AuditConfig): Plan {
  const namings = new Map(tables.map((table) => [table.relation, namingOf(table, config ?? { tables: [] })]));
  const named = (relation: string): Named | undefined => {
    const naming = namings.get(relation);
    return naming?.is === "named" ? naming : undefined;
  };
  const byRelation = new Map(tables.map((table) => [table.relation, table]));
  const gone = attached.filter(({ live }) => live === null);
  const free = freeKinds([...droppedKinds, ...gone.map(({ kind }) => kind)]);
  const newWork = (table: DatabaseTable): AttachWork => ({
    is: "attach",
    relation: table.relation,
    options: newOptions(table, named(table.relation)?.entry, free),
  });

  const known = attached.map((table): Step => {
    const now = relationNow(table);
    const there = byRelation.get(now);
    if (table.live !== null) return attachedStep(table, there, named(now));
    // Another table has its name: that one was audited by it, unless there is a file that does not name it.
    const isMeant = table.isReplaced && (config === undefined || named(now) !== undefined);
    return goneStep(table, isMeant && there !== undefined ? inPlaceOf(table, newWork(there)) : undefined);
  });
  const replaced = new Set([
    ...gone.map(({ relation }) => relation),
    ...attached.flatMap(({ live }) => live?.root ?? []),
  ]);
  const wanted = tables.filter(
    ({ relation, isAttached }) => !isAttached && !replaced.has(relation) && named(relation) !== undefined,
  );
  const passedOver = wanted.flatMap((table) => passOver(table, named(table.relation)));
  const left = new Set(passedOver.map(({ table }) => table));
  const fresh = wanted
    .filter(({ relation }) => !left.has(relation))
    .map((table): Step => freshStep(table.relation, newWork(table), named(table.relation)));
  checkKinds([...attached.filter(({ live }) => live !== null).map(attachedClaim), ...fresh.flatMap(newClaims)]);

  function newClaims({ work, table }: Step): KindClaim[] {
    const there = byRelation.get(table);
    if (work.is !== "attach" || there === undefined) return [];
    return [{ table, kind: work.options.kind ?? there.kind ?? free(there.name), isAttached: false }];
  }
  return {
    steps: [...known.filter(({ differences }) => differences.length > 0), ...fresh, ...missing(config, byRelation)],
    passedOver,
    notInConfig: config === undefined ? [] : relationsOf(tables, (table) => table.isAttached && !named(table.relation)),
    notAudited: notAudited(tables).filter((relation) => namings.get(relation)?.is === "unnamed"),
    entries: (config?.tables ?? []).map((entry) => ({
      name: entry.pattern.text,
      tables: tables.flatMap(({ relation: table }) => {
        const naming = named(table);
        return naming?.entry === entry ? [{ table, over: naming.over.map(({ pattern }) => pattern.text) }] : [];
      }),
    })),
  };
}

const relationsOf = (tables: readonly DatabaseTable[], isMeant: (table: DatabaseTable) => boolean): string[] =>
  tables.filter(isMeant).map(({ relation }) => relation);

/** Where its rows are now: in the whole of which it has become a part. */
const relationNow = ({ live, relation }: AttachedTable): string => live?.root ?? live?.relation ?? relation;

const attachedClaim = ({ relation, kind }: AttachedTable): KindClaim => ({ table: relation, kind, isAttached: true });

/** What the file does not say of a table is as it was with the one that had its name. */
function inPlaceOf(table: AttachedTable, { options, ...work }: AttachWork): AttachWork {
  const { mode, changes, fallback, retention } = table;
  return { ...work, options: { mode, changes, fallback, retention: retention ?? "none", ...options } };
}

function goneStep(table: AttachedTable, again: AttachWork | undefined): Step {
  const { kind, relation } = table;
  const work: Work = { is: "record the drop", kind, ...(again === undefined ? {} : { again }) };
  return { table: relation, kind, differences: differencesOf(table), work };
}

function attachedStep(table: AttachedTable, there: DatabaseTable | undefined, named: Named | undefined): Step {
  const relation = relationNow(table);
  const { kind } = table;
  const changed = differencesOf(table);
  const options = named === undefined || there === undefined ? {} : optionsFor(named.entry, there);
  const asked = optionDifferences(table, options, named?.entry.pattern.isExact === true);
  const { kind: _, ...others } = options;
  const work: Work = asked.length === 0 ? { is: "take in", relation } : { is: "attach", relation, options: others };
  const admitted = (table.live?.came ?? []).filter(isWithRows).map((part) => part.relation);
  return { table: relation, kind, differences: [...changed, ...asked], work, admitted, named };
}

const freshStep = (table: string, work: Work, named: Named | undefined): Step => ({
  table,
  kind: null,
  differences: [widens("not attached yet")],
  work,
  named,
});

/** How a table is attached that is not attached, or not any more. */
function newOptions(table: DatabaseTable, entry: TableEntry | undefined, free: (kind: string) => string): TableOptions {
  const { kind, ...options } = entry === undefined ? {} : optionsFor(entry, table);
  // One that was detached keeps its kind, unless it is named exactly: then a wrong kind is an error of attach.
  if (kind === undefined || (table.kind !== null && entry?.pattern.isExact !== true)) return options;
  return { ...options, kind: table.kind === null ? free(kind) : kind };
}

/** Tables that attach takes, and that nobody thinks of who writes a pattern. */
function passOver({ relation: table, ...is }: DatabaseTable, named?: Named): PassedOver[] {
  if (named === undefined || named.entry.pattern.isExact) return [];
  const pattern = named.entry.pattern.text;
  const over = (reason: string): PassedOver[] => [{ table, pattern, reason: `${reason}; name it exactly to audit it` }];
  if (is.extension !== null) return over(`it belongs to the extension ${is.extension}`);
  if (is.parent !== null) return over(`it inherits from ${is.parent}`);
  if (is.isOfInit) return over("audit-chain init made it, for the platform and for alerts");
  return is.hasChildren ? over("other tables inherit from it, whose rows are not captured with its own") : [];
}

/** Tables that are named exactly, and are no table that could be audited: attach says why. */
function missing(config: AuditConfig | undefined, byRelation: ReadonlyMap<string, DatabaseTable>): Step[] {
  const there = [...byRelation.values()];
  return (config?.tables ?? []).flatMap((entry) => {
    const { relation, text, matches } = entry.pattern;
    if (relation === null || there.some(matches)) return [];
    return [freshStep(text, { is: "attach", relation, options: entry.options }, { is: "named", entry, over: [] })];
  });
}
