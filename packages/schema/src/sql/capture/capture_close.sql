-- Takes back the right to put a capture function on a trigger, which attach needed for a moment.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_close(function_name text, caller text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT starts_with(function_name, 'audit_chain_capture_') THEN
    RAISE EXCEPTION '% is not a capture function', function_name USING ERRCODE = 'AC002', HINT = 'Call audit_chain_attach.';
  END IF;
  EXECUTE format('REVOKE ALL ON FUNCTION public.%I() FROM %I', function_name, caller);
END
$function$;
