-- Writes the position, the one behind `before`. The caller holds the chain's lock. A session that has switched
-- synchronous_commit off waits all the same: nothing is acknowledged to the log's server that a crash could take back.
CREATE OR REPLACE FUNCTION public.audit_chain_put_position(
  before bigint, slot text, publications text[], linked_to pg_lsn, within pg_lsn, changes integer) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
BEGIN
  INSERT INTO public.audit_chain_position (id, slot, publications, system_identifier, timeline, database, linked_to, within, changes, written_at)
  VALUES (coalesce(before, 0) + 1, slot, publications, (SELECT c.system_identifier FROM pg_control_system() AS c),
          ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer,
          (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()), linked_to, within, changes, clock_timestamp());
  DELETE FROM public.audit_chain_position AS p WHERE p.id = before;
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  RETURN coalesce(before, 0) + 1;
END
$function$;
