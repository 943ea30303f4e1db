-- What a table in the mode `stream` needs, and how to get it. `name` is its owner's publication, NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_check_stream(relation regclass, name text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF current_setting('wal_level') <> 'logical' THEN
    RAISE EXCEPTION 'the mode stream needs wal_level = logical, the server has %', current_setting('wal_level')
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER SYSTEM SET wal_level = logical, and restart the server; hosted services have a setting for it, such as rds.logical_replication.';
  ELSIF current_setting('max_slot_wal_keep_size') = '-1' THEN
    RAISE EXCEPTION 'the mode stream needs a bound on the log that is kept while its process stands still, max_slot_wal_keep_size is -1'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER SYSTEM SET max_slot_wal_keep_size = ''10GB'', or what the disk has to spare, and SELECT pg_reload_conf().';
  END IF;
  IF public.audit_chain_is_followed(name) IS NOT TRUE THEN
    RAISE EXCEPTION 'the capture process does not follow a publication of the owner of % yet', relation
      USING ERRCODE = 'AC002', HINT = format('Run audit-publisher capture, as a login with REPLICATION and the role scidex_audit_capture; then SELECT audit_chain_publication(%L) in a transaction of its own, and repeat this a moment later.', relation);
  END IF;
END
$function$;
