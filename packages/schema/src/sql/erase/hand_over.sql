-- Hands the signed statement of an erasure to the next publication. The same one again changes nothing.
CREATE OR REPLACE FUNCTION public.audit_chain_hand_over(note text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF note IS NULL OR NOT starts_with(note, E'audit-chain.statement/v1\n') OR length(note) > 20000 THEN
    RAISE EXCEPTION 'that is no statement' USING ERRCODE = 'invalid_parameter_value', HINT = 'audit-chain erase makes one.';
  END IF;
  INSERT INTO public.audit_chain_handed (hash, note) VALUES (sha256(convert_to(note, 'UTF8')), note) ON CONFLICT DO NOTHING;
END
$function$;
