-- The key of a row that has none under the configured names, or one that is too long. Key columns that have been
-- renamed since the table was attached are found by their numbers (slow, and only until the change is recorded), so
-- that inserts keep working. Else an error, while the row is being written and not only when its transaction commits.
CREATE OR REPLACE FUNCTION public.audit_chain_odd_key(kind text, relation oid, pk text, r record) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  names text[];
BEGIN
  IF pk IS NULL THEN
    SELECT array_agg(a.attname::text ORDER BY k.n) INTO names
      FROM public.audit_chain_config AS c
      JOIN public.audit_chain_relation AS live ON live.kind = c.kind
     CROSS JOIN LATERAL unnest(c.key_columns) WITH ORDINALITY AS k(name, n)
      JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attnum = (live.column_numbers::jsonb ->> k.name)::smallint AND NOT a.attisdropped
     WHERE c.kind = audit_chain_odd_key.kind
       AND c.id = (SELECT max(l.id) FROM public.audit_chain_config AS l WHERE l.kind = c.kind)
    HAVING count(*) = max(cardinality(c.key_columns));
    IF names IS NOT NULL THEN
      EXECUTE format('SELECT %s FROM pg_catalog.jsonb_populate_record(NULL::%s, $1) AS n', public.audit_chain_key_expression(names), relation::regclass)
         INTO pk USING to_jsonb(r);
    END IF;
  END IF;
  IF pk IS NULL OR octet_length(pk) > 2000 THEN
    RAISE EXCEPTION 'the key of a row of % must have at most 2000 bytes, this one has %', kind, coalesce(octet_length(pk)::text, 'no value (NULL)')
      USING ERRCODE = 'AC005',
            HINT = 'If a key column was dropped, run audit-chain attach for the table again. Else attach it with a shorter key (--key).';
  END IF;
  RETURN pk;
END
$function$;
