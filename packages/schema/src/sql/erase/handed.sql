-- Statements of erasures that wait for the next publication, which puts them into the sinks. Nothing in here is believed: each
-- is signed, and by whom it has to be, the verifier's policy says. They stay, since a state may be rebuilt.
CREATE TABLE public.audit_chain_handed (
  hash bytea PRIMARY KEY,
  note text NOT NULL
);
