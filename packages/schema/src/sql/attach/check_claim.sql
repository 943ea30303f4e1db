-- Who may speak for a kind: only the owner of the table that it belongs to, or that it shall belong to. Where the work
-- is done with our owner's rights, the session's login is checked: anything that the caller hands over can be made up.
-- It is checked again under the chain's lock, because another transaction can take the kind meanwhile.
CREATE OR REPLACE FUNCTION public.audit_chain_check_claim(relation regclass, kind text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  owner oid;
  live  public.audit_chain_relation;
BEGIN
  SELECT c.relowner INTO owner FROM pg_class AS c WHERE c.oid = relation;
  IF owner IS NULL OR NOT pg_has_role(session_user, owner, 'MEMBER') THEN
    RAISE EXCEPTION 'must be owner of %', relation USING ERRCODE = 'insufficient_privilege', HINT = 'Only a table''s owner decides about its auditing.';
  END IF;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.relid = relation;
  IF live.kind IS NOT NULL THEN
    IF live.kind <> kind THEN
      RAISE EXCEPTION '% is attached under the kind %, which cannot change', relation, quote_literal(live.kind)
        USING ERRCODE = 'AC003', HINT = format('Leave out --kind, or say --kind %s.', live.kind);
    END IF;
    RETURN;
  END IF;
  IF kind IS NULL OR kind = '' OR octet_length(convert_to(kind, 'UTF8')) > 200 THEN
    RAISE EXCEPTION 'the kind must have 1 to 200 bytes' USING ERRCODE = 'AC005', HINT = 'Give a short one with --kind.';
  ELSIF position(':' IN kind) > 0 THEN
    RAISE EXCEPTION 'the kind % has a colon, which stands before the role of an event', quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = format('Give another one: audit-chain attach %s --kind NAME', relation);
  ELSIF starts_with(kind, 'audit_chain') THEN
    RAISE EXCEPTION 'the kind % is reserved', quote_literal(kind) USING ERRCODE = 'AC003', HINT = 'Give another one with --kind.';
  END IF;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_check_claim.kind;
  IF live.kind IS NOT NULL AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = live.relid)
     AND NOT EXISTS (SELECT FROM pg_partition_tree(relation) AS t WHERE t.relid = live.relid) THEN
    RAISE EXCEPTION 'the kind % belongs to %', quote_literal(kind), live.relid
      USING ERRCODE = 'AC003', HINT = format('Give another one: audit-chain attach %s --kind NAME; for one table in each of several schemas --kind ''{schema}.{table}'' does.', relation);
  ELSIF live.kind IS NULL AND public.audit_chain_kind_in_use(kind) THEN
    RAISE EXCEPTION 'there are events of the kind % already that do not come from a table', quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = format('Give another one: audit-chain attach %s --kind NAME', relation);
  END IF;
END
$function$;
