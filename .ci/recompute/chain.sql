-- Recomputes every hash of a chain, and the payloads of two tables (see tables.sql), with PostgreSQL's own functions
-- and none of the chain's. Prints one line: links, and how many event hashes, previous hashes, chain hashes, seqs and
-- payloads are wrong or missing.
--
-- usage: psql --no-psqlrc --set ON_ERROR_STOP=1 --tuples-only --no-align --file chain.sql DATABASE_URL
set timezone = 'UTC';
set datestyle = 'ISO';
set intervalstyle = 'postgres';
set bytea_output = 'hex';
set extra_float_digits = 1;

with members as (
  select 'readings' as kind, concat(id) as pk, m.name, to_json(m.value) as value
    from readings,
         lateral (values ('id', concat(id)), ('taken_at', concat(taken_at)), ('value', concat(value)),
                         ('ok', concat(ok)), ('raw', concat(raw)), ('tags', concat(tags)), ('span', concat(span)),
                         ('doc', concat(doc)), ('f', concat(f)), ('code', concat(code)),
                         ('note', case when note is not null then concat(note) end)) as m (name, value)
  union all
  select 'pauses', '[' || to_json(scope) || ',' || to_json(concat(since)) || ']', m.name, to_json(m.value)
    from pauses,
         lateral (values ('scope', concat(scope)), ('since', concat(since)), ('reason', concat(why)),
                         ('cleared', case when cleared is not null then concat(cleared) end)) as m (name, value)
  union all
  -- It joined with a default, which is left out in the place of NULL, under a name that another column had.
  select 'pauses', '[' || to_json(scope) || ',' || to_json(concat(since)) || ']', 'reason#2', coalesce(to_json(reason), 'null')
    from pauses where reason is distinct from 'none'
), payloads as (
  select kind, pk, sha256(convert_to('{' || string_agg(to_json(name) || ':' || value::text, ',' order by name collate "C") || '}', 'UTF8')) as hash
    from members where value is not null group by kind, pk
), newest as (
  -- The newest event of a row: its insert, or an update under the key with the event's own seq.
  select distinct on (kind, pk) p.kind, p.pk, p.hash, c.payload_hash
    from payloads as p
    left join audit_chain as c
      on (c.event_kind = p.kind and c.event_pk = p.pk)
      or (c.event_kind = p.kind || ':update' and c.event_pk = p.pk || '@' || c.seq)
   order by kind, pk, c.seq desc
), recomputed as (
  select c.*, row_number() over w as number,
         coalesce(lag(chain_hash) over w, decode(repeat('00', 32), 'hex')) as previous,
         sha256(convert_to(concat(
           '{"appended_at":"', to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"',
           ',"before_hash":"' || encode(before_hash, 'hex') || '"', ',"event_kind":', to_json(event_kind), ',"event_pk":', to_json(event_pk),
           ',"payload_hash":"', encode(payload_hash, 'hex'), '"}'), 'UTF8')) as event
    from audit_chain as c window w as (order by seq)
)
select count(*),
       count(*) filter (where event is distinct from event_hash),
       count(*) filter (where previous is distinct from prev_hash),
       count(*) filter (where sha256(prev_hash || event_hash || int8send(seq)) is distinct from chain_hash),
       count(*) filter (where number <> seq),
       (select count(*) from newest where hash is distinct from payload_hash)
  from recomputed;
