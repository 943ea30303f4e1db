-- A capture function works for the relation it was made for and for no other, whoever put it on a trigger. It compares
-- names first; this looks up a renamed table or a partition.
CREATE OR REPLACE FUNCTION public.audit_chain_check_relation(kind text, relation oid) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM FROM public.audit_chain_relation AS r
    WHERE r.kind = audit_chain_check_relation.kind AND r.relid IN (relation, pg_partition_root(relation));
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is not configured for the audit chain under the kind %', relation::regclass, quote_literal(kind)
      USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %s', relation::regclass);
  END IF;
END
$function$;
