-- Chains the hash of a statement that the publisher has signed and puts into the sinks: its key is the hash in lower-case
-- hex. The same one again returns the link that is there.
CREATE OR REPLACE FUNCTION public.audit_chain_statement(note_hash bytea) RETURNS public.audit_chain
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  pk   text := encode(note_hash, 'hex');
  link public.audit_chain;
  size bigint;
BEGIN
  PERFORM public.audit_chain_check_event('audit_chain_statement'::text, pk, note_hash);
  PERFORM public.audit_chain_lock_chain();
  SELECT c.* INTO link FROM public.audit_chain AS c WHERE c.event_kind = 'audit_chain_statement' AND c.event_pk = pk;
  IF NOT FOUND THEN
    size := public.audit_chain_extend(ARRAY['audit_chain_statement'::text], ARRAY[pk], ARRAY[note_hash], NULL::bytea[], NULL::text[]);
    SELECT c.* INTO link FROM public.audit_chain AS c WHERE c.seq = size;
  END IF;
  RETURN link;
END
$function$;
