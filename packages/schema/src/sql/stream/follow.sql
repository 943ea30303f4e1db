-- Begins to follow the write-ahead log through a slot, from `linked_to` on; `before` is the id of the position that was
-- found, NULL where there was none. What was written since `missed_from` may never have been linked: that is an event,
-- audit_chain_gap, and stays one; its key says from where to where. NULL where nothing was missed, which is not believed
-- where the position that was found holds for another place, slot, server or database.
CREATE OR REPLACE FUNCTION public.audit_chain_follow(before bigint, slot text, publications text[], linked_to pg_lsn, missed_from text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  old  public.audit_chain_position;
  new  public.audit_chain_position;
  added bigint;
  size bigint;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  SELECT p.* INTO old FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
  IF old.id IS DISTINCT FROM before THEN
    RAISE EXCEPTION 'the position % is not the newest', before USING ERRCODE = 'object_in_use', HINT = 'Another capture process is running. Let one run.';
  ELSIF linked_to IS NULL OR slot IS NULL OR cardinality(publications) > 0 IS NOT TRUE THEN
    RAISE EXCEPTION 'a slot, publications and a position are needed' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  added := public.audit_chain_put_position(before, slot, publications, linked_to,
    CASE WHEN old.linked_to = linked_to THEN old.within END, CASE WHEN old.linked_to = linked_to THEN old.changes ELSE 0 END);
  SELECT p.* INTO new FROM public.audit_chain_position AS p WHERE p.id = added;
  IF missed_from IS NOT NULL OR (old.slot, old.system_identifier, old.database, old.linked_to) IS DISTINCT FROM (new.slot, new.system_identifier, new.database, new.linked_to)
     AND (old.id IS NOT NULL OR EXISTS (SELECT FROM public.audit_chain_config AS c WHERE c.mode = 'stream')) THEN
    size := public.audit_chain_extend(ARRAY['audit_chain_gap'::text], ARRAY[concat(coalesce(missed_from, old.linked_to::text, 'unknown'), ' ', new.linked_to, ' ', new.id)],
      ARRAY[sha256(convert_to(concat(old.slot, ' ', old.system_identifier, ' ', old.linked_to, ' ', new.slot, ' ', new.system_identifier, ' ', new.linked_to), 'UTF8'))],
      NULL::bytea[], NULL::text[]);
  END IF;
  RETURN added;
END
$function$;
