-- Two tables with values that are easy to get wrong, one that refuses changes and one that is tracked.
create table readings (
  id bigint primary key,
  taken_at timestamptz not null,
  value numeric not null,
  ok boolean not null,
  raw bytea not null,
  tags text[] not null,
  span interval not null,
  doc jsonb not null,
  f double precision not null,
  code char(5) not null,
  note text
);
create table pauses (
  scope text not null,
  since timestamptz not null,
  reason text not null,
  cleared timestamptz,
  primary key (scope, since)
);
