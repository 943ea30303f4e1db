-- One row for each transaction that has staged rows of a `strict` table; its deferred trigger removes it, and, once more
-- fired by that, links them at commit.
-- The row is gone again before the transaction ends, so nothing in it has to survive a crash.
CREATE UNLOGGED TABLE public.audit_chain_ticket (
  xid xid8 PRIMARY KEY DEFAULT pg_catalog.pg_current_xact_id()
);
