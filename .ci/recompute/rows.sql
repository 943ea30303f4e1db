-- Sessions differ in how they print values; the chain must not.
set timezone = 'Pacific/Chatham';
set datestyle = 'SQL, DMY';
set intervalstyle = 'iso_8601';
set bytea_output = 'escape';
set extra_float_digits = 0;
insert into readings
select n, timestamptz '2026-02-28 23:59:59.000001+00' + n * interval '1 day', n * 1.10, n % 2 = 0,
       decode('00ff5c', 'hex'), array['a "b"', null, 'c\d', ''], interval '1 mon 2 days -03:04:05.6',
       jsonb_build_object('n', n, 'text', E'\u2028\t"\\'), 0.1 + n / 3.0::float8, 'ab', null
  from generate_series(1, 400) as n;
insert into readings values
  (401, 'infinity', 'NaN', true, '', '{}', '0', 'null', '-infinity', '', E'\x01\x7f\u00e9\u2029\U0001F600'),
  (402, '0044-03-15 12:00:00+00 BC', 1e-30, false, '\x00', '{{1,2},{3,4}}', '-1 year', '[1.0, 1.00]', '-0', 'abcde', '');
insert into pauses values ('agent "1"', '2026-01-01 00:00:00+00', 'a'), ('skill', '2026-01-01 00:00:00.5+00', E'\\');
update pauses set cleared = '2026-01-02 00:00:00+00' where scope = 'skill';
begin;
insert into pauses values ('gone', '2026-01-03 00:00:00+00', 'soon deleted');
delete from pauses where scope = 'gone';
commit;
-- A migration: a column is renamed, and another one joins under its name. Older rows keep the payloads that they have.
begin;
alter table pauses rename reason to why;
alter table pauses add reason text default 'none';
select audit_chain_sync('pauses');
commit;
insert into pauses (scope, since, why, reason) values
  ('late', '2026-01-04 00:00:00+00', 'w', 'other'), ('later', '2026-01-05 00:00:00+00', 'w', null), ('last', '2026-01-06 00:00:00+00', 'w', default);
update pauses set cleared = '2026-01-07 00:00:00+00' where scope = 'agent "1"';
