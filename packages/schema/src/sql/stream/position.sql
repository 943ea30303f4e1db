-- How far the write-ahead log has been linked, for tables in the mode `stream`. Written in the transaction of the links:
-- what comes from the log again is told from what is new by it. One row, the newest; each has the next id. It is replaced
-- and not updated, because an index from its end finds the newest of any number of dead rows at once, also under a long
-- snapshot.
--
-- Everything that was committed before `linked_to` is linked, and of the transaction whose commit stands at `within` the
-- first `changes` changes. It holds for the server, the database and the slot that are named, and no other.
CREATE TABLE public.audit_chain_position (
  id                bigint PRIMARY KEY,
  slot              text COLLATE "C" NOT NULL,
  publications      text[] NOT NULL,
  system_identifier bigint NOT NULL,
  timeline          integer NOT NULL,
  database          oid NOT NULL,
  linked_to         pg_lsn NOT NULL,
  within            pg_lsn,
  changes           integer NOT NULL,
  written_at        timestamptz NOT NULL
);
