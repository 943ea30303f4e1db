-- What a guard does about a row that is being changed: refuses it, unless audit_chain_restore puts just this row back as it
-- was recorded, in just this transaction. `pk` is NULL where the row gets another key: then it is not the same row.
CREATE OR REPLACE FUNCTION public.audit_chain_put_back(relation text, kind text, pk text, before bytea, after bytea) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  recorded bytea;
BEGIN
  DELETE FROM public.audit_chain_leaving AS l
   WHERE l.xid = pg_current_xact_id() AND l.event_kind = kind AND l.event_pk = pk AND l.payload_hash = after AND l.role = 'restore';
  IF NOT FOUND THEN
    SELECT l.payload_hash INTO recorded FROM public.audit_chain_leaving AS l
     WHERE l.xid = pg_current_xact_id() AND l.event_kind = kind AND l.event_pk = pk AND l.role = 'restore';
    IF FOUND THEN
      PERFORM public.audit_chain_another_row(relation, pk, after, recorded, (SELECT s.seq FROM public.audit_chain_standing(kind, pk) AS s));
    END IF;
    PERFORM public.audit_chain_refuse(relation, 'UPDATE'::text);
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
  VALUES ('strict', 'restore', kind, pk, after, before);
  INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
END
$function$;
