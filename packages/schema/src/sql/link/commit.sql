-- Deferred trigger of the ticket: links what this transaction has staged, as the last thing that its commit does.
--
-- Fired for the ticket's INSERT it removes the ticket, and so queues itself once more, for the DELETE: behind the
-- deferred work that is queued already. Linked at the first firing, one transaction would wait for a row under the
-- chain's lock (a deferred foreign key) while another has that row and waits for the lock.
--
-- The chain's lock is waited for no longer than 2 s, so that nobody who holds it can stop the others. What could not be
-- linked stays in pending as `late` for the sealer. While there is anything late, the lock is hardly waited for.
-- Shorter than 50 ms, and the ordinary queue of 64 clients would look like a lock that is held.
CREATE OR REPLACE FUNCTION public.audit_chain_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s'
AS $function$
DECLARE
  again   boolean;
  is_late boolean;
  reason  text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    DELETE FROM public.audit_chain_ticket AS t WHERE t.xid = NEW.xid;
    RETURN NULL;
  END IF;
  IF pg_trigger_depth() > 1 THEN
    -- At commit we are not inside another trigger. SET CONSTRAINTS ... IMMEDIATE has fired us, and the transaction may
    -- stay open: put off until it commits.
    BEGIN
      SET CONSTRAINTS public.audit_chain_commit DEFERRED;
      INSERT INTO public.audit_chain_ticket VALUES (OLD.xid) ON CONFLICT DO NOTHING;
      RETURN NULL;
    EXCEPTION WHEN wrong_object_type THEN
      -- Somebody has given a constraint in public our trigger's name, and it cannot be deferred.
      reason := 'SET CONSTRAINTS has made it immediate, and another constraint named audit_chain_commit keeps it so';
    END;
  ELSE
    SELECT EXISTS (SELECT FROM public.audit_chain_ticket AS t WHERE t.xid = OLD.xid),
           EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.mode = 'late' AND p.conflict IS NULL)
      INTO again, is_late;
    IF again THEN
      -- A deferred trigger of the application has staged more: all of it is linked behind that trigger's own deferred work.
      RETURN NULL;
    END IF;
    -- A prepared transaction keeps its locks, through a restart too. Its command can only come from a client, as text,
    -- and there is none at an implicit commit. The collation: a Turkish i has no I. No backslash, which a session with
    -- standard_conforming_strings = off would take for its own.
    IF current_setting('max_prepared_transactions') <> '0'
       AND current_query() COLLATE "C" ~* '(?:^|[;[:cntrl:]]|[*]/)[[:space:]]*prepare(?:[[:space:]]|/[*].*[*]/|--.*[[:cntrl:]])+transaction' THEN
      reason := 'the transaction is being prepared, and would keep the chain''s lock until it is committed or rolled back';
    ELSIF is_late AND EXISTS (
      SELECT FROM public.audit_chain_pending AS own WHERE own.xid = OLD.xid AND own.mode = 'strict' AND EXISTS (
        SELECT FROM public.audit_chain_pending AS l
         WHERE l.mode = 'late' AND l.conflict IS NULL AND l.event_kind = own.event_kind AND l.event_pk = own.event_pk)) THEN
      reason := 'an earlier event of the same key waits for the sealer';
    ELSE
      IF is_late THEN
        PERFORM set_config('lock_timeout', '50ms', true);
      END IF;
      BEGIN
        LOOP
          EXIT WHEN public.audit_chain_link(OLD.xid, 10000) < 10000;
        END LOOP;
        RETURN NULL;
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        reason := 'another transaction holds the chain''s lock';
      END;
    END IF;
  END IF;
  PERFORM public.audit_chain_leave(OLD.xid, reason);
  RETURN NULL;
END
$function$;
