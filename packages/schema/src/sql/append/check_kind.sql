-- The doors without a table take no kind that belongs to a table, nor one of ours: else a link could be forged there.
CREATE OR REPLACE FUNCTION public.audit_chain_check_kind(event_kind text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF starts_with(event_kind, 'audit_chain') THEN
    RAISE EXCEPTION 'kinds that begin with audit_chain are reserved, this one is %', quote_literal(event_kind)
      USING ERRCODE = 'AC003', HINT = 'Choose another kind.';
  ELSIF EXISTS (SELECT FROM public.audit_chain_relation AS r WHERE r.kind = event_kind) THEN
    RAISE EXCEPTION 'the kind % belongs to an audited table', quote_literal(event_kind)
      USING ERRCODE = 'AC003', HINT = 'Insert the row into that table, or choose another kind.';
  END IF;
END
$function$;
