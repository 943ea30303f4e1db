-- For each row of a table whose payloads are salted its salt, by the row's kind and its key as events have it. Not chained, and
-- not append-only: what a row's events have recorded of it can be held against a row only while its salt is here, which is
-- what it is for. To be read by whoever verifies, proves or records.
CREATE TABLE public.audit_chain_salt (
  event_kind text COLLATE "C" NOT NULL,
  event_pk   text COLLATE "C" NOT NULL,
  salt       bytea NOT NULL CONSTRAINT audit_chain_salt_check CHECK (pg_catalog.octet_length(salt) OPERATOR(pg_catalog.=) 16),
  PRIMARY KEY (event_kind, event_pk)
);
