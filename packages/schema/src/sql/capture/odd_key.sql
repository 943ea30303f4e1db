-- The key of a row that has none under the configured names, or one that is too long. Key columns that have been
-- renamed since the table was attached are found by their numbers (slow, and only until the change is recorded), so
-- that inserts keep working. Else an error, while the row is being written and not only when its transaction commits.
--
-- The row comes as the text of a record, and is taken apart here. If the record itself were handed over, and turned
-- into json or cast to the row's type, casts to json and CHECKs of domains would run as our owner. The table's owner
-- can define these.
CREATE OR REPLACE FUNCTION public.audit_chain_odd_key(kind text, relation oid, pk text, row_text text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  positions   integer[];
  fields      text[];
  texts       text[];
BEGIN
  IF pk IS NULL THEN
    -- Partitions have numbers of their own: the names lead from the root's numbers to the relation's positions.
    SELECT array_agg((SELECT count(*) FROM pg_attribute AS b
                       WHERE b.attrelid = audit_chain_odd_key.relation AND b.attnum BETWEEN 1 AND own.attnum AND NOT b.attisdropped)::integer ORDER BY k.n) INTO positions
      FROM public.audit_chain_config AS c
      JOIN public.audit_chain_relation AS live ON live.kind = c.kind
     CROSS JOIN LATERAL unnest(c.key_columns) WITH ORDINALITY AS k(name, n)
      JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attnum = (live.column_numbers::jsonb ->> k.name)::smallint AND NOT a.attisdropped
      JOIN pg_attribute AS own ON own.attrelid = audit_chain_odd_key.relation AND own.attname = a.attname
     WHERE c.kind = audit_chain_odd_key.kind
       AND c.id = (SELECT max(l.id) FROM public.audit_chain_config AS l WHERE l.kind = c.kind)
    HAVING count(*) = max(cardinality(c.key_columns));
    IF positions IS NOT NULL THEN
      -- (1,,"a ""b"" \\ c"): fields between commas, NULL where there is nothing, quotes and backslashes doubled.
      SELECT array_agg(CASE WHEN f.m[1] = '' THEN NULL
                            WHEN starts_with(f.m[1], '"') THEN replace(replace(substr(f.m[1], 2, char_length(f.m[1]) - 2), '""', '"'), E'\\\\', E'\\')
                            ELSE f.m[1] END ORDER BY f.n) INTO fields
        FROM regexp_matches(concat(substr(row_text, 2, char_length(row_text) - 2), ','), '("(?:[^"]|"")*"|[^",]*),', 'g') WITH ORDINALITY AS f(m, n);
      SELECT array_agg(fields[p.position] ORDER BY p.n) INTO texts FROM unnest(positions) WITH ORDINALITY AS p(position, n);
      IF array_position(texts, NULL) IS NOT NULL THEN
        pk := NULL;
      ELSIF cardinality(texts) = 1 THEN
        pk := texts[1];
      ELSE
        SELECT concat('[', string_agg(to_json(t.value)::text, ',' ORDER BY t.n), ']') INTO pk FROM unnest(texts) WITH ORDINALITY AS t(value, n);
      END IF;
    END IF;
  END IF;
  IF pk IS NULL OR octet_length(convert_to(pk, 'UTF8')) > 2000 THEN
    RAISE EXCEPTION 'the key of a row of % must have at most 2000 bytes, this one has %', kind, coalesce(octet_length(convert_to(pk, 'UTF8'))::text, 'no value (NULL)')
      USING ERRCODE = 'AC005',
            HINT = 'If a key column was dropped, run audit-chain attach for the table again. Else attach it with a shorter key (--key).';
  END IF;
  RETURN pk;
END
$function$;
