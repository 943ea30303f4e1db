-- The key that identifies a relation's rows: the columns asked for, else the primary key. They must be NOT NULL and
-- unique by an index that holds for every row at every moment.
CREATE OR REPLACE FUNCTION public.audit_chain_key_columns(relation regclass, asked text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  names text[] := asked;
  name  text;
BEGIN
  IF names IS NULL THEN
    SELECT array_agg(a.attname::text ORDER BY k.n) INTO names
      FROM pg_index AS i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, n)
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
     WHERE i.indrelid = relation AND i.indisprimary AND k.n <= i.indnkeyatts;
    IF names IS NULL THEN
      RAISE EXCEPTION '% has no primary key, so its rows cannot be named', relation
        USING ERRCODE = 'AC005', HINT = 'Add a primary key, or name columns that are unique and NOT NULL with --key.';
    END IF;
  END IF;
  IF cardinality(names) = 0 THEN
    RAISE EXCEPTION 'the key of % names no column', relation USING ERRCODE = 'AC005', HINT = 'Name columns that are unique and NOT NULL.';
  END IF;
  FOREACH name IN ARRAY names LOOP
    PERFORM FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = name AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
      RAISE EXCEPTION '% has no column %', relation, quote_literal(name) USING ERRCODE = 'undefined_column', HINT = 'Names are case-sensitive here; write them without quotes.';
    END IF;
    PERFORM FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = name AND a.attnotnull AND a.attgenerated = '';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the key column % of % may be NULL or is generated', quote_literal(name), relation
        USING ERRCODE = 'AC005', HINT = format('Run first: ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation, name);
    END IF;
  END LOOP;
  PERFORM FROM pg_index AS i
    WHERE i.indrelid = relation AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM unnest((i.indkey::smallint[])[0:i.indnkeyatts - 1]) AS k(number)
             JOIN pg_attribute AS a ON a.attrelid = relation AND a.attnum = k.number)
        = (SELECT array_agg(n ORDER BY n) FROM unnest(names) AS n);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no unique index of % has exactly the columns %', relation, array_to_string(names, ', ')
      USING ERRCODE = 'AC005', HINT = 'Name the columns of a unique constraint that is neither partial nor deferrable.';
  END IF;
  RETURN names;
END
$function$;
