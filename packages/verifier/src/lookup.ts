import {
  blindKey,
  canonicalJson,
  chainHash,
  CoreError,
  type Erasure,
  erasureLine,
  eventHash,
  formatTime,
  type Link,
  type PayloadReading,
  readingOf,
  ROLES,
  SALT_BYTES,
  sameBytes,
  splitKind,
} from "@scidex/audit-core";
import type { Sql } from "postgres";
import { CHAIN_COLUMNS, erasureOf } from "@scidex/audit-reader";

/** A link as `LINK_COLUMNS` selects it. */
export interface LinkRow {
  seq: string;
  event_kind: string;
  event_pk: string;
  payload_hash: Uint8Array;
  event_hash: Uint8Array;
  prev_hash: Uint8Array;
  chain_hash: Uint8Array;
  before_hash: Uint8Array | null;
  /** Null for an infinite time. */
  micros: string | null;
}

/** All of a link, of a table without an alias. */
export const LINK_COLUMNS = CHAIN_COLUMNS.map(([name]) =>
  name === "seq"
    ? "seq::text"
    : name === "appended_at"
      ? "case when isfinite(appended_at) then (extract(epoch from appended_at) * 1000000)::bigint::text end as micros"
      : name,
).join(", ");

/** A time that has no text in a link is given as the number of microseconds: `verifyEvent` calls that broken. */
function timeOf(micros: string | null): string {
  try {
    return micros === null ? "infinity" : formatTime(BigInt(micros));
  } catch (error) {
    if (error instanceof CoreError) return `${micros} µs`;
    throw error;
  }
}

export const toLink = (row: LinkRow): Link => ({
  seq: BigInt(row.seq),
  eventKind: row.event_kind,
  eventPk: row.event_pk,
  payloadHash: row.payload_hash,
  eventHash: row.event_hash,
  prevHash: row.prev_hash,
  chainHash: row.chain_hash,
  beforeHash: row.before_hash,
  appendedAt: timeOf(row.micros),
});

/** The chain's last link as the database has it, or null for an empty chain. Believes the database: `verify` does not. */
export async function getHead(sql: Sql): Promise<Link | null> {
  const [row] = await sql.unsafe<LinkRow[]>(
    `select ${LINK_COLUMNS} from only public.audit_chain order by public.audit_chain.seq desc limit 1`,
  );
  return row === undefined ? null : toLink(row);
}

/** Names an event. */
export interface EventName {
  readonly kind: string;
  /**
   * The event's key; of a row with a composite key the JSON array of its texts (core's `eventPk`). Where the table's keys are
   * blinded: the row's own key, if the login may read the table's secret, or the blinded one.
   */
  readonly pk: string;
}

/**
 * An event's links, oldest first: its own, and for a tracked row those of its changes. Believes the database.
 */
export async function lookup(sql: Sql, event: EventName): Promise<Link[]> {
  const secret = await readSecret(sql, event.kind);
  const keys = secret === null ? [event.pk] : [event.pk, blindKey(secret, event.pk)];
  const roles = ROLES.map((role) => `${event.kind}:${role}`);
  const rows = await sql.unsafe<LinkRow[]>(
    `select ${LINK_COLUMNS} from only public.audit_chain
      where (event_kind = $1 and event_pk in (select k from json_array_elements_text($2::text::json) as k))
         or (event_kind in (select r from json_array_elements_text($3::text::json) as r)
             and event_pk in (select k || '@' || public.audit_chain.seq from json_array_elements_text($2::text::json) as k))
      order by public.audit_chain.seq`,
    [event.kind, JSON.stringify(keys), JSON.stringify(roles)],
  );
  return rows.map(toLink);
}

/**
 * What was signed of the erasures among an event's links, as far as the login may read it: whether the sinks have it, and
 * whether the key may sign it, `verify` says.
 */
export async function lookupErasures(sql: Sql, links: readonly Link[]): Promise<Erasure[]> {
  const erasing = links.filter(({ eventKind }) => splitKind(eventKind).role === "erase");
  if (erasing.length === 0) return [];
  const [{ may } = { may: null }] = await sql<{ may: boolean | null }[]>`
    select has_table_privilege(to_regclass('public.audit_chain_handed'), 'select') as may`;
  if (may !== true) return [];
  const rows = await sql<{ note: string }[]>`select h.note from only public.audit_chain_handed as h order by h.hash`;
  return rows.flatMap(({ note }) => {
    const read = erasureOf(erasureLine(note));
    if (read instanceof CoreError) return [];
    return erasing.some(({ seq, chainHash }) => seq === read.event.seq && sameBytes(chainHash, read.event.chainHash))
      ? [read]
      : [];
  });
}

/** The secret of a kind whose keys are blinded; null where there is none, or the login may not read it. */
async function readSecret(sql: Sql, kind: string): Promise<Uint8Array | null> {
  const [{ may } = { may: null }] = await sql<{ may: boolean | null }[]>`
    select has_table_privilege(to_regclass('public.audit_chain_secret'), 'select') as may`;
  if (may !== true) return null;
  const [row] = await sql<{ secret: Uint8Array }[]>`
    select s.secret from only public.audit_chain_secret as s where s.event_kind = ${kind}`;
  return row?.secret ?? null;
}

/**
 * The salt of an event's row (core's `saltedHash`); null where its table's payloads are not salted, or the login may not read
 * salts; `gone` where it has been taken away, as an erasure does.
 */
export async function readSalt(sql: Sql, { kind, pk }: EventName): Promise<Uint8Array | "gone" | null> {
  const [{ may } = { may: null }] = await sql<{ may: boolean | null }[]>`
    select has_table_privilege(to_regclass('public.audit_chain_salt'), 'select') as may`;
  if (may !== true) return null;
  const secret = await readSecret(sql, kind);
  const key = secret === null ? pk : blindKey(secret, pk);
  const [row] = await sql<{ salt: Uint8Array | null }[]>`
    select (select s.salt from only public.audit_chain_salt as s
             where s.event_kind = c.kind and s.event_pk in (${pk}, ${key}) limit 1)
      from (select k.kind, k.salt from only public.audit_chain_config as k where k.kind = ${kind} order by k.id desc limit 1) as c
     where c.salt`;
  return row === undefined ? null : (row.salt ?? "gone");
}

/** What `verifyEvent` says of an event. */
export interface EventVerdict {
  /**
   * `recorded`: the payload is what the newest link of this event says. `different`: it is not. `deleted`: the newest
   * link is the row's deletion. `retired`: it is that the row has left by its retention, `erased`: that it was erased. `broken`:
   * that link's own hashes do not hold. `forgotten`: the row's salt is gone, so that nothing says what it was. `unknown`: there
   * is no link.
   */
  readonly status: "recorded" | "different" | "deleted" | "retired" | "erased" | "broken" | "forgotten" | "unknown";
  /** The newest link. */
  readonly link: Link | null;
  /** How the payload was read where it is what was recorded; else null. */
  readonly readAs: string | null;
}

/** A payload as a value, or the ways in which its text may have been meant (`payloadReadings`). */
export type BroughtPayload = { readonly payload: unknown } | { readonly readings: readonly PayloadReading[] };

/** Whether a link's hashes are its own. */
function isSound(link: Link): boolean {
  try {
    return (
      sameBytes(eventHash(link), link.eventHash) &&
      sameBytes(chainHash(link.prevHash, link.eventHash, link.seq), link.chainHash)
    );
  } catch (error) {
    // A label, time or hash that no link can have.
    if (error instanceof CoreError) return false;
    throw error;
  }
}

/**
 * Whether a payload is what was recorded for an event, by the event's newest link. The link's own hashes are
 * recomputed; whether the chain holds around it is what `verify` says.
 *
 * @throws {CoreError} `json_…` for a payload without a canonical form
 */
export async function verifyEvent(sql: Sql, event: EventName & BroughtPayload): Promise<EventVerdict> {
  const readings =
    "readings" in event ? event.readings : [{ canonical: canonicalJson(event.payload), how: "as it stands" }];
  const link = (await lookup(sql, event)).at(-1) ?? null;
  if (link === null) return { status: "unknown", link, readAs: null };
  if (!isSound(link)) return { status: "broken", link, readAs: null };
  if (link.eventKind === `${event.kind}:delete`) return { status: "deleted", link, readAs: null };
  if (link.eventKind === `${event.kind}:retire`) return { status: "retired", link, readAs: null };
  if (link.eventKind === `${event.kind}:erase`) return { status: "erased", link, readAs: null };
  const salt = await readSalt(sql, event);
  if (salt === "gone") return { status: "forgotten", link, readAs: null };
  const reading = readingOf(readings, link.payloadHash, salt?.length === SALT_BYTES ? salt : null);
  return { status: reading === undefined ? "different" : "recorded", link, readAs: reading?.how ?? null };
}
