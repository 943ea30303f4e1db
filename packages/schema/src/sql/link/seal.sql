-- Links up to `max_rows` committed rows, oldest first, and returns how many it dealt with (those set aside included). Where
-- triggers have changed rows, later changes of the same keys by the same transaction come with them.
CREATE OR REPLACE FUNCTION public.audit_chain_seal(max_rows integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF max_rows IS NULL OR max_rows < 1 THEN
    RAISE EXCEPTION 'max_rows must be 1 or more' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Nothing to do is the normal case of a frequent sealer: it must not queue for the lock.
  IF NOT EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.conflict IS NULL) THEN
    RETURN 0;
  END IF;
  RETURN public.audit_chain_link(NULL::xid8, max_rows);
END
$function$;
