import type { Random } from "../random.ts";

/**
 * An audited table of the campaign. What stands here is what an attacker sees in the database himself: nothing of it
 * comes from the code under test.
 */
export interface AuditedTable {
  /** As SQL writes it. */
  readonly relation: string;
  readonly kind: string;
  /** SQL of a row's `event_pk`. */
  readonly pk: string;
  readonly changes: "refuse" | "track";
  readonly mode: "strict" | "sealed";
  readonly isPartitioned: boolean;
  /** An INSERT of one row that is not there yet; `n` makes its key. */
  readonly insert: (random: Random, n: number) => string;
  /** SET clauses that change the text of a covered column, whatever it was. */
  readonly edits: readonly string[];
  /** Columns that may be left out of the capture by an attacker: covered, and no key. */
  readonly covered: readonly string[];
}

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const WORDS = [
  "",
  "plain",
  "quote ' and \" and \\",
  "é ü 漢字 😀",
  "tab\tand\nline",
  '{"a": 1}',
  "\\x00",
  "null",
  "ﬀ​\u0001",
];

export const TABLES: readonly AuditedTable[] = [
  {
    relation: "public.task_events",
    kind: "task_events",
    pk: "id::text",
    changes: "refuse",
    mode: "strict",
    isPartitioned: false,
    insert: (r, n) =>
      `insert into public.task_events values (${n}, ${text(r.word())}, ${text(r.pick(WORDS))}, '{"n": ${r.int(1000)}, "z": [1.50, null]}', now())`,
    edits: [
      "task_id = task_id || 'x'",
      "detail = jsonb_build_object('was', detail)",
      "event_type = event_type || ' '",
      "created_at = created_at + interval '1 microsecond'",
    ],
    covered: ["task_id", "event_type", "detail", "created_at"],
  },
  {
    relation: "public.artifact_provenance",
    kind: "artifact_provenance",
    pk: "action_id",
    changes: "refuse",
    mode: "strict",
    isPartitioned: false,
    insert: (r, n) =>
      `insert into public.artifact_provenance values (${text(`${r.pick(["a/é", "b@7", "c'd", 'e"f', "😀"])}-${n}`)}, ${text(r.word())}, ${r.chance(50) ? "null" : text(r.pick(WORDS))}, ${r.int(1000)}.${r.int(1000)}0)`,
    edits: [
      "actor = 'somebody else ' || actor",
      "content_hash = coalesce(content_hash || 'x', '')",
      "content_hash = case when content_hash is null then 'new' end",
      "amount = amount + 0.0000000000000000000000000000001",
      "amount = amount::numeric(60,40)",
    ],
    covered: ["actor", "content_hash", "amount"],
  },
  {
    relation: `"Odd Schema"."Weird ""Name"""`,
    kind: 'Weird "Name"',
    pk: `"Key Column"::text`,
    changes: "refuse",
    mode: "sealed",
    isPartitioned: false,
    insert: (r, n) =>
      `insert into "Odd Schema"."Weird ""Name""" ("Key Column", "select", "é\\""") values (md5('${n}')::uuid, ${text(r.pick(WORDS))}, ${r.int(9)})`,
    edits: [`"select" = "select" || '.'`, `"é\\""" = "é\\""" + 1`, `"é\\""" = null`],
    covered: ["select", 'é\\"'],
  },
  {
    relation: "public.senate_alerts",
    kind: "senate_alerts",
    pk: "id::text",
    changes: "track",
    mode: "strict",
    isPartitioned: false,
    insert: (r, n) =>
      `insert into public.senate_alerts (id, kind, ref_id, details) values (${1000 + n}, 'drift', ${text(r.word())}, '{"by": "campaign"}')`,
    edits: [
      "ack_by = coalesce(ack_by, '') || 'mallory'",
      "ack_at = coalesce(ack_at, now()) + interval '1 s'",
      "severity = severity || '!'",
      "kind = 'audit_chain_break' || kind",
    ],
    covered: ["kind", "ref_id", "severity", "details", "created_at", "ack_at", "ack_by"],
  },
  {
    relation: "public.senate_pause",
    kind: "senate_pause",
    pk: "concat('[', to_json(scope_kind), ',', to_json(scope_value), ',', to_json(paused_at::text), ']')",
    changes: "track",
    mode: "sealed",
    isPartitioned: false,
    insert: (r, n) =>
      `insert into public.senate_pause values ('agent', ${text(`${r.pick(["a", 'q"', "@1", "é"])}${n}`)}, now(), 'a human', ${text(r.pick(WORDS))}, ${r.int(9000)}, null, null)`,
    edits: [
      "cleared_by = coalesce(cleared_by, '') || 'x'",
      "reason = reason || '?'",
      "ttl_seconds = ttl_seconds + 1",
      "ttl_seconds = null",
    ],
    covered: ["paused_by", "reason", "ttl_seconds", "cleared_at", "cleared_by"],
  },
  {
    relation: "public.measurements",
    kind: "measurements",
    pk: "concat('[', to_json(id::text), ',', to_json(day::text), ']')",
    changes: "refuse",
    mode: "strict",
    isPartitioned: true,
    insert: (r, n) =>
      `insert into public.measurements values (${n}, date '2026-01-01' + ${r.int(300)}, ${r.pick(["1e300", "'-0'", "'NaN'", "'Infinity'", "0.1"])}, ${text(r.pick(WORDS))})`,
    edits: ["value = case when value = 1 then 2 else 1 end", "note = note || '.'", "note = nullif(note, note)"],
    covered: ["value", "note"],
  },
  {
    relation: "public.readings",
    kind: "sensor",
    pk: "id::text",
    changes: "track",
    mode: "sealed",
    isPartitioned: true,
    insert: (r, n) => `insert into public.readings values (${n}, ${r.int(1_000_000)}, ${text(r.word())})`,
    edits: ["value = value + 1", "place = place || '-'"],
    covered: ["value", "place"],
  },
  {
    relation: "public.agent_notes",
    kind: "agent_notes",
    pk: "id::text",
    changes: "refuse",
    mode: "sealed",
    isPartitioned: false,
    insert: (r, n) =>
      `insert into public.agent_notes (id, note, seen) values (${n}, ${text(r.pick(WORDS))}, ${r.int(5)})`,
    edits: [
      "note = note || '.'",
      "note = nullif(note, note)", // Rows that are older than the column are recorded without it: what it says of them nobody has promised.
      "later = case when id < 3 then later else concat(later, 'x') end",
    ],
    covered: ["note", "later"],
  },
  {
    relation: "public.everything",
    kind: "everything",
    pk: "id::text",
    changes: "refuse",
    mode: "strict",
    isPartitioned: false,
    insert: (r, n) =>
      `insert into public.everything (id, a_numeric, a_real, a_double, a_bool, a_char, a_varchar, a_text, a_bytea, a_date, a_time, a_ts, a_tstz, an_interval, a_json, a_jsonb, an_array, an_enum, a_domain, a_composite, a_range, an_inet, a_bit, a_uuid, a_point, a_xid, a_money)
       values (${n}, ${r.pick(["123456789012345678901234567890123456789012345678901234567890", "'NaN'", "1.000", "-0.0"])}, ${r.pick(["'-0'", "'NaN'", "0.1", "'-Infinity'"])}, ${r.pick(["1e-300", "'-0'", "0.1"])}, ${r.pick(["true", "false"])}, 'ab', 'varchar', ${text(r.pick(WORDS))}, '\\x${r.hex(5)}', ${r.pick(["'0044-03-15 BC'", "'infinity'", "'2026-02-28'"])}, '23:59:59.999999', '-infinity', ${r.pick(["'2026-01-01 00:00:00.000001+05:30'", "'infinity'", "'0001-01-01 BC'"])}, '-1 year 2 days 03:04:05.000006', '{"b": 1, "a": [1, 1.0], "b": 2}', '{"b": 1, "": null, "é": 1.50}', ${r.pick(["'{}'", "array[1,null,3]", "'[0:1]={4,5}'"])}, ${text(r.pick(["sad", "ok", "so happy"]))}, ${r.int(99)}, row(${r.int(9)}, ${text(r.pick(WORDS))}), '[1,10)', '192.168.0.${r.int(255)}/24', b'10${r.int(2)}', md5('u${n}')::uuid, point(${r.int(9)},1), '7', 12.50)`,
    edits: [
      "a_numeric = case when a_numeric = 1 then 1.0 else 1 end",
      "a_real = case when a_real = 1 then 2 else 1 end",
      "a_double = case when a_double = 1 then 2 else 1 end",
      "a_bool = not a_bool",
      "a_char = 'abc'",
      "a_text = a_text || ' '",
      "a_bytea = a_bytea || '\\x00'",
      "a_date = null",
      "a_ts = '2000-01-01'",
      "a_tstz = '2000-01-01'",
      "an_interval = an_interval + interval '1 us'",
      `a_json = '{"b": 1, "a": [1, 1.0], "b":  2}'`,
      "a_jsonb = a_jsonb || '{\"x\": 1}'",
      "an_array = an_array || 9",
      "an_enum = case an_enum when 'ok' then 'sad'::public.mood else 'ok'::public.mood end",
      "a_domain = a_domain + 100",
      "a_composite = row(100, '')",
      "a_range = '[1,11)'",
      "a_range = 'empty'",
      "an_inet = '::1'",
      "a_bit = b'111'",
      "a_uuid = null",
      "a_point = '(1e1,-0)'",
    ],
    covered: ["a_numeric", "a_text", "a_json", "an_enum", "a_composite", "a_bytea"],
  },
];

/** The tables themselves, and things that an honest history has. */
export const TABLES_SQL = `
create schema "Odd Schema";
create type public.mood as enum ('sad', 'ok', 'so happy');
create domain public.small as integer check (value >= 0);
create type public.pair as (n integer, t text);
create table public.task_events (id bigint primary key, task_id text not null, event_type text not null, detail jsonb not null, created_at timestamptz not null);
create table public.artifact_provenance (action_id text primary key, actor text not null, content_hash text, amount numeric);
create table "Odd Schema"."Weird ""Name""" ("Key Column" uuid primary key, "select" text, "é\\""" smallint, doubled smallint generated always as ("é\\""" * 2) stored);
create table public.senate_pause (scope_kind text check (scope_kind in ('agent', 'skill', 'quest', 'actor')), scope_value text, paused_at timestamptz, paused_by text, reason text, ttl_seconds int, cleared_at timestamptz, cleared_by text, primary key (scope_kind, scope_value, paused_at));
create table public.measurements (id bigint, day date, value double precision, note text, primary key (id, day)) partition by range (day);
create table public.measurements_1 partition of public.measurements for values from ('2026-01-01') to ('2026-07-01');
create table public.measurements_2 partition of public.measurements for values from ('2026-07-01') to ('2027-01-01');
create table public.readings (id integer primary key, value bigint, place text) partition by hash (id);
create table public.readings_0 partition of public.readings for values with (modulus 2, remainder 0);
create table public.readings_1 partition of public.readings for values with (modulus 2, remainder 1);
create table public.agent_notes (id integer primary key, note text, seen integer);
alter table public.agent_notes enable row level security;
create policy own on public.agent_notes using (true);
create table public.drafts (id integer primary key, body text);
create table public.legacy (id integer primary key, body text);
create table public.everything (id bigint primary key, a_numeric numeric, a_real real, a_double double precision, a_bool boolean, a_char char(5), a_varchar varchar(20), a_text text, a_bytea bytea, a_date date, a_time time, a_ts timestamp, a_tstz timestamptz, an_interval interval, a_json json, a_jsonb jsonb, an_array integer[], an_enum public.mood, a_domain public.small, a_composite public.pair, a_range int4range, an_inet inet, a_bit bit(3), a_uuid uuid, a_point point, a_xid xid, a_money money);
-- There from the start, and pinned in the policy.
create function public.greet() returns event_trigger language plpgsql as $$ begin perform pg_catalog.set_config('application_name', 'greeted', false); end $$;
create event trigger greet on login execute function public.greet();
insert into public.drafts select n, 'before ' || n from generate_series(1, 6) as n;
`;
