-- What older rows have in columns that join an audited table: `absent`, by column, the one text that is left out of
-- payloads like NULL (the value that ADD COLUMN gave to the rows that were there; no entry where that is NULL); and
-- whether there may be rows that have another value, and so have to be recorded anew.
--
-- A small table is read. A large one would keep writers waiting: there can be none where the columns have been added by
-- this very transaction, and nothing else has been done to the rows; else there may be.
CREATE OR REPLACE FUNCTION public.audit_chain_joins(relation regclass, names text[], OUT absent jsonb, OUT record_anew boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
AS $function$
DECLARE
  -- Read in some 50 ms.
  small_size CONSTANT bigint := 8388608;
  leaves       regclass[];
  leaf         regclass;
  name         text;
  value        text;
  writer       xid;
  is_untouched boolean;
  is_small     boolean;
  is_clean     boolean;
  is_other     boolean;
  is_known     boolean;
BEGIN
  absent := '{}';
  record_anew := false;
  IF cardinality(names) = 0 THEN
    RETURN;
  END IF;
  SELECT array_agg(c.oid::regclass) INTO leaves
    FROM pg_class AS c WHERE c.relkind = 'r' AND c.oid IN (SELECT relation UNION SELECT t.relid FROM pg_partition_tree(relation) AS t);
  SELECT current_setting('track_counts')::boolean AND coalesce(sum(pg_stat_get_xact_tuples_inserted(l) + pg_stat_get_xact_tuples_updated(l) + pg_stat_get_xact_tuples_deleted(l)), 0) = 0,
         coalesce(sum(pg_relation_size(l)), 0) <= small_size
    INTO is_untouched, is_small FROM unnest(leaves) AS l;
  FOREACH leaf IN ARRAY coalesce(leaves, '{}') LOOP
    EXIT WHEN NOT is_untouched;
    -- ALTER TABLE that writes a table anew writes all of its rows.
    EXECUTE format('SELECT xmin FROM ONLY %s LIMIT 1', leaf) INTO writer;
    is_untouched := writer IS NULL OR NOT public.audit_chain_is_own(writer);
  END LOOP;
  -- A column's row in the catalog is ours too when it was only altered here. ADD COLUMN writes the relation's row as well,
  -- and leaves the column as it is made: without NOT NULL where it has no default, without rights and settings.
  is_untouched := is_untouched AND (SELECT bool_and(public.audit_chain_is_own(c.xmin)) FROM pg_class AS c WHERE c.oid = ANY (leaves || relation));
  FOREACH name IN ARRAY names LOOP
    -- attmissingval is an array of one element, of the column's type. Without commas between, its text is not taken apart.
    SELECT min(CASE WHEN t.typdelim = ',' THEN (a.attmissingval::text::text[])[1] END),
           is_untouched AND coalesce(bool_and(public.audit_chain_is_own(a.xmin)
             AND (NOT a.attnotnull OR a.atthasmissing) AND coalesce(a.attstattarget, -1) = -1 AND a.attacl IS NULL AND a.attoptions IS NULL
             AND (a.atthasmissing AND t.typdelim = ',' OR NOT a.atthasmissing AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL)
             AND (a.attmissingval::text) IS NOT DISTINCT FROM (b.attmissingval::text)), true)
      INTO value, is_clean
      FROM unnest(leaves) AS l JOIN pg_attribute AS a ON a.attrelid = l AND a.attname::text = name AND NOT a.attisdropped
      JOIN pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_attribute AS b ON b.attrelid = leaves[1] AND b.attname::text = name;
    is_known := value IS NOT NULL;
    IF value IS NULL AND is_small AND NOT is_clean AND leaves IS NOT NULL THEN
      -- A table that was written anew does not know its default any more. If all rows have one value, it is that.
      EXECUTE format('SELECT CASE WHEN %2$I IS DISTINCT FROM NULL THEN concat(%2$I) END FROM %3$s %1$s LIMIT 1', relation, name, CASE WHEN relation = ANY (leaves) THEN 'ONLY' END) INTO value;
    END IF;
    is_other := NOT is_clean AND NOT is_small;
    FOREACH leaf IN ARRAY coalesce(leaves, '{}') LOOP
      EXIT WHEN is_other OR NOT is_small;
      EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s WHERE CASE WHEN %2$I IS DISTINCT FROM NULL THEN concat(%2$I) END COLLATE "C" IS DISTINCT FROM $1)', leaf, name)
         INTO is_other USING value;
    END LOOP;
    record_anew := record_anew OR is_other;
    IF value IS NOT NULL AND NOT (is_other AND NOT is_known) THEN
      absent := absent || jsonb_build_object(name, value);
    END IF;
  END LOOP;
END
$function$;
