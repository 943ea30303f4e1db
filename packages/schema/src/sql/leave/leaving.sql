-- Rows that a door lets go, by the transaction in which it does: the guard of a table that refuses changes looks here. Only
-- our owner's functions write here, each for a rule of its own, so that nothing that a session can set opens a guard.
-- A row that was let go is taken out again by the guard, and what is left when the transaction commits by the trigger.
-- Nothing here has to survive a crash.
CREATE UNLOGGED TABLE public.audit_chain_leaving (
  xid          xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
  event_kind   text COLLATE "C" NOT NULL,
  event_pk     text COLLATE "C" NOT NULL,
  payload_hash bytea NOT NULL,
  role         text NOT NULL,
  PRIMARY KEY (xid, event_kind, event_pk)
);
