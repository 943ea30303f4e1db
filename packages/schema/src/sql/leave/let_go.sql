-- What a guard does about a row that is being deleted: refuses it, unless a door lets just this row go in just this
-- transaction. Then its leaving is an event, whose role is the door's and whose payload is the row. Linked at commit in either
-- mode: so it is never the sealer's alone to see.
CREATE OR REPLACE FUNCTION public.audit_chain_let_go(relation text, kind text, pk text, row_hash bytea) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  leaving text;
BEGIN
  DELETE FROM public.audit_chain_leaving AS l
   WHERE l.xid = pg_current_xact_id() AND l.event_kind = kind AND l.event_pk = pk AND l.payload_hash = row_hash AND l.role <> 'restore'
  RETURNING l.role INTO leaving;
  IF NOT FOUND THEN
    PERFORM public.audit_chain_refuse(relation, 'DELETE'::text);
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
  VALUES ('strict', leaving, kind, pk, row_hash, row_hash);
  -- What it was cannot be told any more from what was recorded of it.
  DELETE FROM public.audit_chain_salt AS s WHERE s.event_kind = kind AND s.event_pk = pk;
  INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
END
$function$;
