-- Waits until everything that has been written to the log by now is linked, for the tables in the mode `stream`. The
-- caller holds the lock of the table whose configuration is to change, and so keeps its writers out: no row falls between
-- two configurations.
CREATE OR REPLACE FUNCTION public.audit_chain_await_stream(kind text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
DECLARE
  until    CONSTANT timestamptz := clock_timestamp() + interval '1 millisecond'
    * (SELECT CASE s.setting WHEN '0' THEN 20000 ELSE s.setting::integer END FROM pg_settings AS s WHERE s.name = 'lock_timeout');
  written  CONSTANT pg_lsn := pg_current_wal_insert_lsn();
  position public.audit_chain_position;
BEGIN
  LOOP
    SELECT p.* INTO position FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
    -- Without its slot, nothing more will ever come: the gap is recorded by whoever begins anew.
    EXIT WHEN position.linked_to >= written OR NOT EXISTS (SELECT FROM pg_replication_slots AS s WHERE s.slot_name = position.slot::name);
    IF clock_timestamp() > until THEN
      RAISE EXCEPTION 'rows of % have not been linked yet: capture is % bytes behind', quote_literal(kind), written - position.linked_to
        USING ERRCODE = 'lock_not_available', HINT = 'Start audit-publisher capture, or wait until it has caught up (audit-chain status), and repeat this.';
    END IF;
    PERFORM pg_sleep(0.05);
  END LOOP;
END
$function$;
