-- A table that was audited by itself has become a partition of `relation`: its kind goes on as that of the whole, with the
-- columns of the same names. attach records it, and takes the partition's own triggers away.
CREATE OR REPLACE FUNCTION public.audit_chain_take_over(relation regclass, kind text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_check_claim(relation, kind);
  UPDATE public.audit_chain_relation AS r
     SET relid = relation, numbered_for = relation::oid,
         column_numbers = (SELECT coalesce(jsonb_object_agg(e.key, b.attnum), '{}')
           FROM jsonb_each_text(public.audit_chain_numbers(r)) AS e
           JOIN pg_attribute AS a ON a.attrelid = r.relid AND a.attnum = e.value::smallint AND NOT a.attisdropped
           JOIN pg_attribute AS b ON b.attrelid = relation AND b.attname = a.attname AND b.attnum > 0 AND NOT b.attisdropped)::text
   WHERE r.kind = audit_chain_take_over.kind AND r.relid IN (SELECT t.relid FROM pg_partition_tree(relation) AS t WHERE t.relid <> relation);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no partition of % is attached under the kind %', relation, quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = format('Leave out --kind: %s goes on under the kind of its partition.', relation);
  END IF;
END
$function$;
