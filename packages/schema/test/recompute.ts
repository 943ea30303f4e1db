import { type Link, nextLink, payloadHash, splitKind, toHex } from "@scidex/audit-core";
import type { Sql } from "postgres";
import { expect } from "vitest";

/** The settings under which a row's text is hashed (ARCHITECTURE.md, "Row payload"). */
const SETTINGS = `set local search_path = pg_catalog, pg_temp; set local timezone = 'UTC'; set local datestyle = 'ISO';
  set local intervalstyle = 'postgres'; set local bytea_output = 'hex'; set local extra_float_digits = 1;
  set local lc_monetary = 'C'; set local quote_all_identifiers = off; set local row_security = off`;

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** One field of COPY's text format. */
function field(text: string): string | undefined {
  if (text === "\\N") return undefined;
  return text.replaceAll(/\\(.)/gs, (_, c: string) => ESCAPES[c] ?? c);
}

/** What COPY prints for a query, as the verifier reads it: rows of texts, undefined for NULL. */
export async function copyText(sql: Sql, query: string): Promise<(string | undefined)[][]> {
  const text = await sql.begin(async (tx) => {
    await tx.unsafe(SETTINGS);
    const stream = await tx.unsafe(`copy (${query}) to stdout with (encoding 'UTF8')`).readable();
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk as Uint8Array);
    return Buffer.concat(chunks).toString("utf8");
  });
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t").map(field));
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export interface Covered {
  /** As SQL writes it, with its schema. */
  readonly relation: string;
  readonly kind: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** The names of the columns in payloads, and what is left out there; without them the columns' own, and NULL. */
  readonly members?: readonly string[];
  readonly absent?: Readonly<Record<string, string>>;
}

/** What must stand in the chain for each row of a table: its key, and the hash of its canonical payload in hex. */
export async function expectedEvents(sql: Sql, covered: Covered): Promise<Map<string, string>> {
  const names = [...covered.key, ...covered.columns];
  // At most 1,664 entries in a select list: read wide tables in one piece, and the key from the same columns.
  const places = covered.key.map((name) => covered.columns.indexOf(name));
  const inColumns = places.every((place) => place >= 0);
  const rows = await copyText(
    sql,
    `select ${(inColumns ? covered.columns : names).map(quote).join(", ")} from ${covered.relation}`,
  );
  const events = new Map<string, string>();
  for (const row of rows) {
    const values = inColumns ? row : row.slice(covered.key.length);
    const keys = inColumns ? places.map((place) => row[place]) : row.slice(0, covered.key.length);
    const payload = Object.create(null) as Record<string, string | null>;
    covered.columns.forEach((name, i) => {
      const member = covered.members?.[i] ?? name;
      const value = values[i];
      if (value !== covered.absent?.[member]) payload[member] = value ?? null;
    });
    const pk = keys.length === 1 ? String(keys[0]) : JSON.stringify(keys);
    events.set(pk, toHex(payloadHash(payload)));
  }
  return events;
}

/** The configuration in force of a kind. */
export async function coverage(sql: Sql, kind: string): Promise<Covered> {
  const [row] = await sql<{ relation: string; key: string; columns: string; members: string; absent: string }[]>`
    select relation, to_json(key_columns)::text as key, to_json(columns)::text as columns, to_json(members)::text as members, absent::text as absent
      from public.audit_chain_config where kind = ${kind} order by id desc limit 1`;
  if (row === undefined) throw new Error(`nothing is configured under ${kind}`);
  return {
    relation: row.relation,
    kind,
    key: JSON.parse(row.key) as string[],
    columns: JSON.parse(row.columns) as string[],
    members: JSON.parse(row.members) as string[],
    absent: JSON.parse(row.absent) as Record<string, string>,
  };
}

/** Seals what is pending, checks the whole chain, and that each row of the kind's table is chained as it is now. */
export async function expectChained(sql: Sql, kind: string): Promise<number> {
  await sql`select public.audit_chain_seal(1000000)`;
  await expectIntact(sql);
  const wanted = await expectedEvents(sql, await coverage(sql, kind));
  const chained = await sql<{ pk: string; hash: string }[]>`
    select event_pk as pk, encode(payload_hash, 'hex') as hash from public.audit_chain where event_kind = ${kind}`;
  expect(Object.fromEntries(chained.map(({ pk, hash }) => [pk, hash]))).toEqual(Object.fromEntries(wanted));
  return wanted.size;
}

interface ChainRow {
  seq: string;
  kind: string;
  pk: string;
  payload: string;
  event: string;
  prev: string;
  chain: string;
  before: string | null;
  at: string;
}

/** Recomputes every link with core and checks that there is no gap and no fork. Returns the number of links. */
export async function expectIntact(sql: Sql): Promise<number> {
  const rows = await sql<ChainRow[]>`
    select seq::text, event_kind as kind, event_pk as pk, encode(payload_hash, 'hex') as payload, encode(event_hash, 'hex') as event,
           encode(prev_hash, 'hex') as prev, encode(chain_hash, 'hex') as chain, encode(before_hash, 'hex') as before,
           to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
      from public.audit_chain order by audit_chain.seq`;
  let last: Link | null = null;
  for (const row of rows) {
    const link: Link = nextLink(last, {
      eventKind: row.kind,
      eventPk: row.pk,
      payloadHash: Buffer.from(row.payload, "hex"),
      beforeHash: row.before === null ? null : Buffer.from(row.before, "hex"),
      appendedAt: row.at,
    });
    const found = { seq: row.seq, event: row.event, prev: row.prev, chain: row.chain };
    const wanted = {
      seq: String(link.seq),
      event: toHex(link.eventHash),
      prev: toHex(link.prevHash),
      chain: toHex(link.chainHash),
    };
    if (JSON.stringify(found) !== JSON.stringify(wanted)) expect(found).toEqual(wanted);
    last = link;
  }
  const left = await sql`select * from public.audit_chain_pending where conflict is null and mode = 'strict'`;
  expect(left).toEqual([]);
  expect(await sql`select * from public.audit_chain_ticket`).toEqual([]);
  return rows.length;
}

/**
 * Walks along the events of each key of a tracked table: each one must say what the one before it left behind, and the
 * last one must be what the table says now. Returns what each key went through, oldest first.
 */
export async function expectWalk(sql: Sql, kind: string): Promise<Map<string, string[]>> {
  await sql`select public.audit_chain_seal(1000000)`;
  await expectIntact(sql);
  const rows = await sql<{ kind: string; pk: string; payload: string; before: string | null }[]>`
    select event_kind as kind, event_pk as pk, encode(payload_hash, 'hex') as payload, encode(before_hash, 'hex') as before
      from public.audit_chain where event_kind = ${kind} or event_kind like ${`${kind}:%`} order by audit_chain.seq`;
  const now = new Map<string, string | null>();
  const walks = new Map<string, string[]>();
  for (const row of rows) {
    const { role } = splitKind(row.kind);
    const key = role === null ? row.pk : row.pk.replace(/@\d+$/, "");
    const what = role ?? "first";
    expect([key, what, row.before]).toEqual([key, what, now.get(key) ?? null]);
    if (role === "insert") expect(now.get(key)).toBeNull();
    now.set(key, role === "delete" ? null : row.payload);
    walks.set(key, [...(walks.get(key) ?? []), what]);
  }
  const there = new Map([...now].filter((entry): entry is [string, string] => entry[1] !== null));
  const wanted = await expectedEvents(sql, await coverage(sql, kind));
  expect(Object.fromEntries(there)).toEqual(Object.fromEntries(wanted));
  return walks;
}
